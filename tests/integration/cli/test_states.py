"""What is stored is shown and corrected on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import Run

QUIET = ("--progress", "none")


@pytest.fixture
def done(ready: Run) -> Run:
    """The command line of the tests, after everything was made but one file that was found."""
    folder = Path("folder")
    folder.mkdir()
    (folder / "nobody-b.txt").write_text("b")
    assert ready("write").code == 0
    return ready


def test_the_list(done: Run) -> None:
    """Of each: what it is, whether it was made or found, its state, and whether it has left."""
    done("init", "--names", "a", "--names", "c")
    done("discover")
    told = done("states", "list").out.splitlines()
    assert told[0] == "texts · default · some · 3 things known"
    assert [each.split(maxsplit=2) for each in told[2:]] == [
        ["a", "made", "content=a"],
        ["c", "absent", "absent"],
        ["b", "found", "content=b (no longer in the flow)"],
    ]
    entries = done("states", "list", "--format", "json").json["states"]
    assert entries["b"] == {
        "identity": None,
        "origin": "found",
        "shown": "content=b",
        "in_flow": False,
    }


def test_one(done: Run) -> None:
    """All that is stored of it, for people and for programs."""
    document = done("states", "show", "a", "--format", "json").json
    assert (document["item"], document["in_flow"]) == ("a", True)
    assert document["current"]["state"] == document["goal"]["state"] == {"content": "a"}
    assert document["current"]["kind"].endswith("Text")
    assert document["current"]["params"]["content"] == "a"
    assert "  kind: " in done("states", "show", "a").out
    refused = done("states", "show", "nothing")
    assert refused.code == 2
    assert "NAME-UNKNOWN" in refused.err


def test_corrections_are_in_the_history(done: Run) -> None:
    """Each is an execution with a document, which says what was done and would be."""
    dry = done("states", "adopt", "b", "--dry-run", *QUIET)
    assert dry.code == 0
    assert "would change: it counts as made" in dry.out
    document = done("states", "adopt", "b", "--format", "json").json
    assert (document["command"], document["outcome"]) == ("states adopt", "complete")
    assert document["items"]["b"]["status"] == "done"
    moved = done("states", "move", "b", "c", *QUIET)
    assert moved.code == 0
    assert moved.out.startswith("texts states move · default")
    forgotten = done("states", "forget", "a", "--format", "json").json
    assert forgotten["items"]["a"]["message"].startswith("its entry is dropped")
    listed = done("executions", "list", "--format", "json").json["executions"]
    assert [(each["command"], each["dry_run"]) for each in listed[:4]] == [
        ("states forget", False),
        ("states move", False),
        ("states adopt", False),
        ("states adopt", True),
    ]
    assert "a" not in done("states", "list", "--format", "json").json["states"]


def test_refusals(done: Run) -> None:
    """They have exit codes, and leave no trace in the history."""
    before = done("executions", "list", "--format", "json").json
    assert done("states", "forget", "nothing").code == 2
    assert done("states", "forget").code == 2
    assert done("states", "move", "a", "b").code == 3
    assert done("executions", "list", "--format", "json").json == before


def test_a_flow_that_cannot_be_built(done: Run) -> None:
    """What is stored of it can be seen, forgotten and adopted; whose it is by now is not known."""
    done("init", "--trouble", "breaks")
    listed = done("states", "list", "--format", "json").json
    assert listed["states"].keys() == {"a", "b"}
    assert "could not be built" in listed["warnings"][0]
    assert "no longer" not in done("states", "list").out
    assert done("states", "show", "a").code == 0
    assert done("states", "adopt", "b", *QUIET).code == 0
    moved = done("states", "move", "b", "c", *QUIET)
    assert (moved.code, "DEFINITION" in moved.err) == (1, True)
    assert done("states", "forget", "a", *QUIET).code == 0
    assert done("states", "list", "--format", "json").json["states"].keys() == {"b"}
