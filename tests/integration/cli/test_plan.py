"""A plan on the command line: made, kept, read, carried out, refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import Run
from pydantic import SecretStr
from versions import QUIET, Versions, version, write

from peaceful import Flow


def texts(flow: Flow, one: str = "1", token: SecretStr | None = None) -> None:
    """Two files."""
    write(flow, a=one, b="2")


TEXTS = version(texts)


def test_made_kept_and_carried_out(tool: Versions) -> None:
    """It says what would be done, with counts; and what is done is that."""
    tool.done(TEXTS, "init")
    made = tool.done(TEXTS, "plan", "--out", "plan.json", *QUIET)
    assert "a  would create: + content: 1" in made.out
    assert "would create  2   a, b" in made.out
    assert "To do just this: tool ensure --plan plan.json" in made.out
    assert tool.text("a") is None
    assert (tool.folder / "plan.json").stat().st_mode & 0o777 == 0o600
    tool.done(TEXTS, "ensure", "--plan", "plan.json", *QUIET)
    assert (tool.text("a"), tool.text("b")) == ("1", "2")
    again = tool.done(TEXTS, "plan", *QUIET)
    assert "Nothing would be done." in again.out
    history = tool.done(TEXTS, "executions", "list").out
    assert [line.split()[3] for line in history.splitlines()[1:]] == ["plan", "ensure", "plan"]


def test_its_document(tool: Versions) -> None:
    """It has the words of a dry run, each change, and where the plan is."""
    tool.done(TEXTS, "init")
    document = tool.done(TEXTS, "plan", "--out", "it", "--format", "json", *QUIET).json
    assert (document["command"], document["dry_run"], document["differs"]) == ("plan", True, True)
    assert document["plan"] == str(tool.folder / "it")
    assert document["items"]["a"]["changes"] == [{"field": "content", "before": None, "after": "1"}]


def test_its_exit_code(tool: Versions) -> None:
    """With `--exit-code`, 4 says that something would be done; without, it is no failure."""
    tool.done(TEXTS, "init")
    assert tool.run(TEXTS, "plan", "--exit-code", *QUIET).code == 4
    assert tool.run(TEXTS, "plan", *QUIET).code == 0
    tool.done(TEXTS, "ensure", *QUIET)
    assert tool.run(TEXTS, "plan", "--exit-code", *QUIET).code == 0


def test_markdown(tool: Versions) -> None:
    """For a comment on a change request: what a text holds is not taken for Markdown."""
    tool.done(TEXTS, "init", "--one", "x|*y*")
    out = tool.done(TEXTS, "plan", "--markdown", *QUIET).out
    assert out.startswith("**tool · default · texts**: would create 2\n")
    assert r"| would create | `a` | + content: x\|\*y\* |" in out.splitlines()


def renamed(flow: Flow, one: str = "1", token: SecretStr | None = None) -> None:
    """The same, by a later version of the flow."""
    write(flow, a=one, b="2", c="3")


def test_what_has_changed_since(tool: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named, with exit code 3, and nothing is done."""
    monkeypatch.setenv("TOOL_TOKEN", "first")
    tool.done(TEXTS, "init")
    tool.done(TEXTS, "switch", "other", "--create")
    tool.done(TEXTS, "switch", "default")
    tool.done(TEXTS, "plan", "--out", "plan", *QUIET)
    later = version(renamed, version="2")
    del later.flows["renamed"]
    later.flow("texts")(renamed)

    def refused(*words: str, app: object = TEXTS) -> str:
        ran = tool.run(app, "ensure", "--plan", "plan", *words, *QUIET)  # type: ignore[arg-type]
        assert ran.code == 3
        assert "Error PLAN-STALE" in ran.err
        assert "Carry on" not in ran.out
        assert tool.text("b") is None
        return " ".join(ran.err.split())

    assert "profile the plan is of default, and this is other" in refused("--profile", "other")
    assert "version the plan is of none, and this is 2" in refused(app=later)
    tool.done(TEXTS, "init", "--one", "7")
    assert 'parameter one it was "1", and is "7"' in refused()
    tool.done(TEXTS, "init", "--one", "1")
    monkeypatch.setenv("TOOL_TOKEN", "second")
    assert "parameter token it is another secret" in refused()
    monkeypatch.setenv("TOOL_TOKEN", "first")
    (tool.folder / "a.txt").write_text("others'")
    assert "the plan says would create, and now it is would change" in refused()
    (tool.folder / "a.txt").unlink()
    tool.done(TEXTS, "ensure", "--plan", "plan", *QUIET)
    assert "first" not in (tool.folder / "plan").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "a"), "--only does not go with --plan"),
        (("--dry-run",), "--dry-run does not go with --plan"),
        (("--prune",), "--prune does not go with --plan"),
        (("--sync", "both"), "--sync does not go with --plan"),
    ],
)
def test_what_does_not_go_with_it(tool: Versions, words: tuple[str, ...], told: str) -> None:
    """A plan says itself what it is limited to."""
    tool.done(TEXTS, "init")
    tool.done(TEXTS, "plan", "--out", "plan", *QUIET)
    refused = tool.run(TEXTS, "ensure", "--plan", "plan", *words)
    assert refused.code == 2
    assert told in refused.err


def test_files_that_are_no_plans(ready: Run) -> None:
    """They are refused by their names; a plan that cannot be written is told."""
    Path("notes").write_text("mine")
    for words, code, told in (
        (("write", "--plan", "notes"), 1, "not a plan"),
        (("write", "--plan", "nothing"), 1, "FILE-INACCESSIBLE"),
        (("write", "--plan", ""), 2, "--plan"),
        (("plan", "--out", ""), 2, "--out"),
        (("plan", "--out", "no/folder"), 1, "FILE-INACCESSIBLE"),
    ):
        ran = ready(*words, *QUIET)
        assert (ran.code, told in ran.err) == (code, True), (words, ran.err)
