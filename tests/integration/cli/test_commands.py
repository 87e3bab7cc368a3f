"""Every command, in every format, on real files."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from in_process import Run
from text_app import app

from peaceful._executions.registry import Executions

EXECUTION_FIELDS = [
    "execution_id",
    "app",
    "profile",
    "flow",
    "command",
    "dry_run",
    "outcome",
    "interrupt",
    "items",
    "errors",
    "started_at",
    "ended_at",
    "warnings",
    "approvals",
    "by_plan",
]

QUIET = ("--progress", "none")


def test_init_below_a_workspace(
    texts: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace above the folder is changed only where it is named; else, both ways are shown."""
    words = ("init", "--folder", "files", "--names", "a", "--flow", "some")
    assert "above" not in texts(*words).out
    stored = (tmp_path / ".peace/texts/workspace_params.yaml").read_text()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    told = texts(*words)
    assert told.code == 2
    assert f"texts is set up in {tmp_path}, above this folder." in told.err.replace("\n  ", " ")
    advice = texts(*words, "--format", "json").json["errors"][""]["help"]
    above, _, here = advice.partition("; to set one up here: ")
    assert (tmp_path / ".peace/texts/workspace_params.yaml").read_text() == stored
    for line, root in ((above.partition(": ")[2], tmp_path), (here, tmp_path / "below")):
        assert texts(*shlex.split(line)[1:]).json["workspace"] == str(root)


def test_init_below_a_workspace_of_another_program(
    texts: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another program has above is shared, and it is said where that is."""
    (tmp_path / ".peace").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    told = texts("init", "--folder", "files", "--names", "a", "--flow", "some").out.splitlines()
    assert told[0] == f"Stored in {tmp_path}/.peace/texts"
    assert "above this folder" in told[1]


def test_init_while_an_execution_runs(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored now holds from the next command on, and that is said."""
    assert "former values" not in ready("init", "--names", "c", "--flow", "some").out
    execution = ready("write", "--format", "json").json["execution_id"]
    record = app.contexts().executions.get(execution)
    monkeypatch.setattr(Executions, "running", lambda _: (record,))
    told = ready("init", "--names", "d", "--flow", "some")
    assert f"Execution {execution[-8:]} is running, with the former values" in told.out
    assert len(ready("init", "--names", "d", "--format", "json").json["warnings"]) == 1
    assert "former values" not in ready("init", "--names", "d", "--profile", "other").out


def test_a_first_run(texts: Run, tmp_path: Path) -> None:
    """From nothing to everything done, and back: what a person reads at each step."""
    told = texts("init", "--folder", "files", "--names", "a", "--names", "b", "--flow", "some")
    assert told.code == 0
    assert told.out.splitlines() == [
        f"Stored in {tmp_path}/.peace/texts",
        "",
        "  workspace_params.yaml",
        f"    folder  {tmp_path}/files",
        "",
        "  default/profile_params.yaml",
        "    owner  nobody  (default)",
        "",
        "  default/some/flow_params.yaml",
        "    names     a, b",
        "    trouble   none  (default)",
        "    in_a_row  no  (default)",
        "",
        "Profile default is in use. Next: texts write --flow some",
    ]
    done = texts("write", *QUIET)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1:] == ["", "  done  2   a, b"]
    assert (tmp_path / "files" / "nobody-a.txt").read_text() == "a"
    again = texts("ensure", *QUIET)
    assert again.out.splitlines()[2] == "  unchanged  2   a, b"
    assert texts("diff", *QUIET).out.endswith("nothing differs\n")
    states = texts("status").out.splitlines()
    assert states[2:] == ["  a  content=a", "  b  content=b"]
    cleaned = texts("clean", *QUIET)
    assert cleaned.out.splitlines()[2] == "  done  2   a, b"
    assert not list((tmp_path / "files").iterdir())
    assert texts("status").out.splitlines()[2:] == ["  a  absent", "  b  absent"]


def test_json_of_an_execution(ready: Run) -> None:
    """The document of an execution is the one that the register keeps."""
    document = ready("write", "--format", "json").json
    assert list(document) == EXECUTION_FIELDS
    assert document["items"]["a"] == {
        "status": "done",
        "state": {"content": "a"},
        "message": "",
        "changes": [{"field": "content", "before": None, "after": "a"}],
    }
    kept = ready("executions", "show", document["execution_id"], "--format", "json").json
    assert kept["outcome"] == document
    assert kept["progress"] is None


@pytest.mark.parametrize("words", [("--format", "yaml", "write"), ("write", "--format", "yaml")])
def test_yaml(ready: Run, words: tuple[str, ...]) -> None:
    """YAML holds the same; options of every command may stand before or after the command."""
    document = ready(*words).yaml
    assert list(document) == EXECUTION_FIELDS
    assert document["outcome"] == "complete"


def test_none(ready: Run) -> None:
    """Without a format nothing is on stdout."""
    assert ready("write", "--format", "none").out == ""


def test_the_last_option_wins(ready: Run) -> None:
    """Of an option that is given twice, the last one counts, wherever it stands."""
    assert ready("--format", "none", "status", "--format", "yaml").yaml["states"]
    assert ready("--format", "yaml", "status", "--format", "none").out == ""


def test_states(ready: Run) -> None:
    """What is stored of each item; null where nothing is known."""
    assert ready("status", "--format", "json").json["states"] == {"a": None, "b": None}
    ready("discover")
    assert ready("status", "--format", "json").json["states"]["a"] == {"content": None}
    assert ready("goal", "--format", "json").json["states"]["a"] == {"content": "a"}


def test_diff(ready: Run) -> None:
    """What differs from the goal, with the fields of the execution that looked; or as stored."""
    unknown = ready("diff", "--stored", "--format", "json").json
    assert (unknown["diffs"], set(unknown["unknown"])) == ({}, {"a", "b"})
    document = ready("diff", "--format", "json").json
    assert document["diffs"]["a"] == {"content": {"before": None, "after": "a"}}
    assert document["execution_id"]
    shown = ready("diff", "--stored").out.splitlines()
    assert shown[0].endswith("diff --stored · default · 2 items of 2 differ")
    assert shown[2:4] == ["  a", "    + content: a"]
    ready("write", "--only", "a")
    assert ready("diff", *QUIET).out.splitlines()[0].endswith("1 item of 2 differs")
    assert ready("diff", "--format", "json").json["diffs"]["a"] is None


def test_diff_of_profiles(ready: Run) -> None:
    """What is stored of two profiles is compared."""
    ready("write")
    ready("switch", "prod", "--create", "--names", "a", "--names", "b", "--owner", "me")
    ready("discover")
    told = ready("diff", "default", "prod")
    assert told.out.splitlines()[0] == (
        "texts diff · default → prod · 2 items of 2 differ, 1 parameter differs"
    )
    document = ready("diff", "default", "prod", "--format", "json").json
    assert document["diffs"]["a"] == {"content": {"before": "a", "after": None}}
    assert ready("diff", "default").code == 2


def test_only(ready: Run, tmp_path: Path) -> None:
    """A command can be limited to items."""
    told = ready("write", "--only", "b", *QUIET)
    assert told.out.splitlines()[2] == "  done  1   b"
    assert ready("write", "--only", "c").code == 2
    assert not (tmp_path / "folder" / "nobody-a.txt").exists()


def test_dry_run(ready: Run, tmp_path: Path) -> None:
    """A dry run says what would be done, and does nothing."""
    told = ready("write", "--dry-run", *QUIET)
    assert told.out.splitlines()[0].startswith("texts write --dry-run · default · some · ")
    assert told.out.splitlines()[2:] == [
        "  + a  would create: + content: a",
        "  + b  would create: + content: b",
        "",
        "  would create  2   a, b",
    ]
    document = ready("write", "--dry-run", "--format", "json").json
    assert list(document)[4:7] == ["command", "dry_run", "outcome"]
    assert document["dry_run"] is True
    assert {each["status"] for each in document["items"].values()} == {"would_create"}
    history = ready("executions", "list").out.splitlines()
    assert all("would create 2" in each and "done" not in each for each in history[-2:])
    assert not (tmp_path / "folder").exists()
    ready("write")
    assert ready("write", "--dry-run", *QUIET).out.splitlines()[2] == "  unchanged  2   a, b"


def test_what_items_took_the_last_time(ready: Run) -> None:
    """It is known from the latest execution that did the same; dry runs and others do not count."""

    def expected(*words: str) -> dict[str, float]:
        told = map(json.loads, ready(*words, "--progress", "json").err.splitlines())
        blocks = [each for each in told if each["event"] == "block_started" and each["items"]]
        assert all(each["at_once"] == 16 for each in blocks)
        known: dict[str, float] = blocks[-1]["expected"]
        return known

    assert expected("write", "--dry-run") == {}
    assert expected("write") == {}
    assert expected("clean") == {}
    assert set(expected("write")) == {"a", "b"}
    # Of these two nothing was written, which says nothing of how long that takes.
    assert set(expected("write")) == {"a", "b"}
    assert set(expected("write", "--only", "a")) == {"a"}


def test_sync(ready: Run, tmp_path: Path) -> None:
    """Where stored states must still be what is there, and are not, nothing is done: code 3."""
    ready("write")
    (tmp_path / "folder" / "nobody-a.txt").write_text("another")
    told = ready("write", "--sync", "both", "--format", "json")
    assert told.code == 3
    assert told.json["errors"][""]["code"] == "OUT-OF-SYNC"
    assert told.json["execution_id"]
    assert "content: a → another" in ready("write", "--sync", "current", *QUIET).err
    assert (tmp_path / "folder" / "nobody-a.txt").read_text() == "another"


def test_init_updates(ready: Run) -> None:
    """In a workspace that exists, what is not given keeps its value."""
    ready("init", "--owner", "me")
    shown = ready("profile", "show", "--format", "json").json
    assert shown["profile_params"] == {"owner": "me"}
    assert shown["flow_params"]["some"]["names"] == ["a", "b"]
    assert shown["flow_params"]["one"] == {"text": "one"}
    assert set(shown["workspace_params"]) == {"folder"}


def test_init_as_json(texts: Run, tmp_path: Path) -> None:
    """What was stored, and where."""
    told = texts("init", "~/x", "n", "--format", "json", "--flow", "some").json
    assert told["workspace"] == str(tmp_path)
    assert told["profile"] == "default"
    stored = told["stored"][str(tmp_path / ".peace/texts/workspace_params.yaml")]
    assert stored["folder"] == str(Path.home() / "x")


def test_all_problems_at_once(texts: Run) -> None:
    """What is wrong with values is told all at once, each with its option; nothing is stored."""
    told = texts("init", "--names", "x", "--trouble", "y", "--format", "json")
    assert told.code == 2
    error = told.json["errors"][""]
    assert error["code"] == "PARAMS-INVALID"
    for fact in ("--trouble", "folder", "it has no value"):
        assert fact in error["message"]
    assert texts("init").code == 2
    assert "folder, names" in texts("init").err
    assert texts("profile", "list").out == ("There is no profile yet. Make one with: texts init\n")


def test_profiles(ready: Run) -> None:
    """Profiles are listed, shown, created and switched between; a star marks the one in use."""
    assert ready("switch", "prod").code == 2
    assert ready("switch", "prod", "--create").out == ("Profile prod is created, and in use now.\n")
    assert ready("profile", "list").out == "  default\n* prod\n"
    assert ready("status").code == 2
    assert ready("status", "--profile", "default").code == 0
    assert ready("switch", "default").out == "Profile default is in use now.\n"
    assert ready("switch", "default", "--create").code == 2
    told = ready("switch", "default", "--owner", "x")
    assert told.code == 2
    assert "change them: texts init --profile default" in told.err
    assert "say --create" in ready("switch", "nobody", "--owner", "x").err
    listed = ready("profile", "list", "--format", "json").json
    assert listed == {"profiles": ["default", "prod"], "in_use": "default", "left_flows": {}}
    created = ready(
        "switch", "test", "--create", "--names", "q", "--owner", "me", "--format", "json"
    )
    assert created.json["profile"] == "test"
    assert ready("profile", "show", "test").out.splitlines()[0] == "Profile test"
    assert ready("profile", "show", "nobody").code == 2
    assert ready("init", "--profile", "not-a-name").code == 2


def test_a_profile_that_is_not_created(ready: Run) -> None:
    """Where the values for a new profile are wrong, there is no such profile afterwards."""
    assert ready("switch", "prod", "--create", "--names", "a", "--trouble", "no").code == 2
    assert ready("profile", "list").out == "* default\n"


def test_a_profile_that_was_removed_by_hand(ready: Run, tmp_path: Path) -> None:
    """Where the profile in use is gone, the default one is set up again."""
    ready("switch", "prod", "--create", "--names", "a")
    (tmp_path / ".peace/texts/prod").rename(tmp_path / "elsewhere")
    assert ready("init", "--format", "json").json["profile"] == "default"


def test_several_flows(ready: Run) -> None:
    """The flow that was chosen at `init` is taken, unless another one is named."""
    ready("init", "--flow", "one", "--text", "x")
    assert ready("write", "--format", "json").json["flow"] == "one"
    assert ready("write", "--flow", "some", "--format", "json").json["flow"] == "some"
    assert ready("write", "--flow", "none").code == 2


def test_another_workspace(ready: Run, tmp_path: Path) -> None:
    """A workspace can be named; what is to be typed next names it too."""
    folder = tmp_path / "other place"
    told = ready("--workspace", str(folder), "init", "f", "n", "--flow", "some")
    assert told.out.splitlines()[-1].endswith(f"texts write --workspace '{folder}' --flow some")
    assert (folder / ".peace").is_dir()
    assert ready("status", "--workspace", str(folder)).code == 0
    (tmp_path / "file").touch()
    assert ready("status", "--workspace", str(tmp_path / "file")).code == 2


def test_no_workspace(texts: Run) -> None:
    """Where nothing was set up, commands say so."""
    told = texts("write")
    assert told.code == 2
    assert "Error NOT-INITIALISED" in told.err
    assert "set it up: texts init; or say where it is: --workspace DIR" in told.err


def test_executions(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was executed is listed and shown, as far as asked for."""
    monkeypatch.delenv("COLUMNS")
    assert ready("executions", "list").out == "Nothing was executed yet.\n"
    ready("write")
    ready("write", "--dry-run")
    ready("discover")
    listed = ready("executions", "list").out.splitlines()
    assert [each.split()[3] for each in listed[1:]] == ["discover", "write", "write"]
    assert len(ready("executions", "list", "--limit", "1").out.splitlines()) == 2
    assert ready("executions", "list", "--profile", "default", "--flow", "one").out.startswith(
        "Not"
    )
    newest = listed[1].split()[0]
    shown = ready("executions", "show", newest).out.splitlines()
    assert shown[0].startswith("texts discover · default/some · ")
    assert "  ✓ a  done" in shown or "  = a  unchanged" in shown
    first = ready("executions", "show", listed[3].split()[0]).out.splitlines()
    at = first.index("  ✓ a  done")
    assert first[at + 1] == "    + content: a"
    assert ready("executions", "show", "ffff").code == 2
    assert len(ready("executions", "list", "--format", "json").json["executions"]) == 3


def test_nothing_to_interrupt(ready: Run) -> None:
    """Where nothing runs, or what is named has ended, an interrupt is refused: exit code 1."""
    assert ready("interrupt", "--format", "json").json["errors"][""]["code"] == "NOTHING-RUNNING"
    ended = ready("write", "--format", "json").json["execution_id"]
    told = ready("interrupt", ended, "--reason", "late")
    assert told.code == 1
    assert "Error EXECUTION-ENDED" in told.err


def test_interrupting_what_runs_on_a_profile(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt means what runs on the profile and flow that are named, and nothing else."""
    assert ready("profile", "copy", "default", "other").code == 0
    execution = ready("write", "--format", "json").json["execution_id"]
    record = app.contexts().executions.get(execution)
    monkeypatch.setattr(Executions, "running", lambda _: (record,))
    for words in (("--profile", "other"), ("--flow", "one")):
        nothing = ready("interrupt", *words, "--format", "json").json["errors"][""]
        assert nothing["code"] == "NOTHING-RUNNING"
        refused = ready("interrupt", execution, *words)
        assert refused.code == 2
        assert "is that of another profile or flow" in " ".join(refused.err.split())
    chosen = ready("interrupt", "--profile", "default", "--format", "json").json["errors"][""]
    assert chosen["code"] == "EXECUTION-ENDED"


def test_carrying_on_where_it_cannot_work(ready: Run, tmp_path: Path) -> None:
    """If a command fails as a whole, its error says what to do, and nothing else does."""
    states = tmp_path / ".peace/texts/default/some/states_current.yaml"
    assert ready("write", *QUIET).code == 0
    states.write_text("x")
    told = ready("write", *QUIET)
    assert (told.code, "Error FILE-DAMAGED" in told.err) == (1, True)
    assert "found anew: texts discover" in " ".join(told.err.split())
    assert "Carry on with" not in told.out


def test_failed_items(ready: Run) -> None:
    """An item that fails: what failed, why, what to do, and what was not done. Exit code 1."""
    ready("init", "--trouble", "fails", "--in-a-row")
    told = ready("write", *QUIET)
    assert told.code == 1
    assert told.err.splitlines() == [
        "Error ITEM-FAILED: a will not be written.",
        "  what to do  write it yourself",
    ]
    assert told.out.splitlines()[2:] == [
        "  failed       1   a",
        "  not started  1   b",
        "",
        "  Carry on with: texts write        What is left: texts diff",
    ]
    document = ready("write", "--format", "json").json
    assert (document["outcome"], document["errors"]["a"]["help"]) == (
        "item_error",
        "write it yourself",
    )


def test_debug(ready: Run) -> None:
    """Tracebacks are shown on request only, with what caused what."""
    ready("init", "--trouble", "crashes")
    assert "Traceback" not in ready("write").err
    told = ready("write", "--debug", "--format", "json", *QUIET)
    assert "ZeroDivisionError: by nothing" in told.err
    assert told.json["errors"]["a"]["code"] == "ITEM-CRASHED"


def test_a_flow_that_breaks(ready: Run) -> None:
    """A mistake in the flow's function is told with its place."""
    ready("init", "--trouble", "breaks")
    told = ready("write")
    assert told.code == 1
    assert "Error DEFINITION" in told.err
    assert "text_app.py:" in told.err
    assert ready("status", "--format", "json").json["errors"][""]["code"] == "DEFINITION"


def test_prints_of_items(ready: Run) -> None:
    """What items print goes to stderr, whatever they print it to; stdout is for the document."""
    ready("init", "--trouble", "prints")
    told = ready("write", "--format", "json")
    assert told.json["outcome"] == "complete"
    for text in ("printed to stdout", "printed to stderr"):
        assert text in told.err


def test_log_and_json_lines(ready: Run) -> None:
    """Progress goes to stderr: as lines, or as JSON objects in lines."""
    assert "a: done: content=a" in ready("write").err
    lines = ready("clean", "--progress", "json").err.splitlines()
    assert lines[0].startswith('{"event":"execution_started"')
    assert lines[-1].startswith('{"event":"execution_ended"')


def test_bar_on_request(ready: Run) -> None:
    """A picture can be had where there is no terminal, if somebody asks for it."""
    assert "✓ a  content=a" in ready("write", "--progress", "bar", "--color", "never").err


def test_piped(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is piped keeps its indentation, and its rows are not cut."""
    monkeypatch.delenv("COLUMNS")
    names = [f"item_with_a_long_name_{number}" for number in range(9)]
    told = ready("init", *(word for name in names for word in ("--names", name)), "--flow", "some")
    assert f"    names     {', '.join(names)}" in told.out.splitlines()
    shown = ready("profile", "show").out.splitlines()
    assert [len(line) - len(line.lstrip()) for line in shown if line][:3] == [0, 2, 4]
