"""What is typed, what is shown of it again, and what is told of killed executions."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from execution_events import START, ExecutionEvents

from peaceful import App
from peaceful._cli.commands.execute import names_typed
from peaceful._cli.program.invocation import Invocation, program_words
from peaceful._cli.program.loop import lost_notices
from peaceful._cli.program.options import GlobalOptions
from peaceful._cli.program.result import failure
from peaceful._cli.progress.ending import words_of
from peaceful._cli.terminal.text import Page
from peaceful._executions.liveness import SurvivingChild
from peaceful._executions.records import ExecutionRecord, Machine, ProcessIdentity, mark_lost
from peaceful._process_signals import ProcessSignals
from peaceful.commands import RunRequest, SyncCheck
from peaceful.errors import ItemFailure, UsageError

PROCESS = ProcessIdentity(4711, 5, Machine("here"))


@pytest.mark.parametrize(
    ("argv", "orig_argv", "words"),
    [
        (["/x/bin/envman"], ["/x/bin/python", "/x/bin/envman"], ["envman"]),
        (["/x/bin/envman.exe"], [], ["envman"]),
        (["/x/bin/deployer"], [], ["deployer"]),
        (["app.py"], ["python", "app.py"], ["python", "app.py"]),
        (["/x/pkg/__main__.py"], ["python", "-m", "pkg", "init"], ["python", "-m", "pkg"]),
        (["/x/pkg/__main__.py"], ["python", "pkg"], ["python", "/x/pkg/__main__.py"]),
        ([""], ["python"], ["envman"]),
        ([], [], ["envman"]),
    ],
)
def test_program(argv: list[str], orig_argv: list[str], words: list[str]) -> None:
    """The program is called as it was: by its name, as a file, as a module."""
    assert program_words("envman", argv, orig_argv) == words


def test_typed() -> None:
    """What is shown to be typed can be typed: with quotes where they are needed."""
    invocation = Invocation.of(App("envman"), [], ProcessSignals(), ExitStack())
    invocation.program = ["envman"]
    assert invocation.line("ensure", "--workspace", "my folder") == (
        "envman ensure --workspace 'my folder'"
    )


def test_selection() -> None:
    """The same workspace, profile and flow are selected again by the same words."""
    options = GlobalOptions(workspace=Path("/w"), profile="p", flow="f")
    assert options.selection(["ensure"]) == ["--workspace", "/w", "--profile", "p", "--flow", "f"]
    assert GlobalOptions().selection(["ensure"]) == []
    beside = options.selection(["ensure", "--flow", "g"])
    assert beside == ["--workspace", "/w", "--profile", "p"]


def test_selection_that_is_taken() -> None:
    """A command is not shown with an option that it would refuse."""
    options = GlobalOptions(workspace=Path("/w"), profile="p", flow="f")
    assert options.selection(["states", "backup", "FILE"]) == [
        "--workspace",
        "/w",
        "--profile",
        "p",
    ]
    assert options.selection(["executions", "show", "ID"]) == ["--workspace", "/w"]
    assert options.selection(["key", "new", "FILE"]) == []


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], GlobalOptions()),
        (["ensure", "--format", "json"], GlobalOptions(format="json")),
        (["--format=yaml", "--format", "none"], GlobalOptions(format="none")),
        (["--format", "nonsense"], GlobalOptions()),
        (["--format"], GlobalOptions()),
        (["--debug", "--color=never"], GlobalOptions(debug=True, color="never")),
        (["--", "--debug"], GlobalOptions()),
    ],
)
def test_peeked(words: list[str], options: GlobalOptions) -> None:
    """How errors are to be shown is known before all words are understood."""
    assert GlobalOptions.peeked(words) == options


def test_names() -> None:
    """Names are given by commas, or by repeating the option; and no name is not all of them."""
    assert names_typed("--only", ("a,b", "c", "a")) == ("a", "b", "c")
    assert names_typed("--only", ()) == ()
    with pytest.raises(UsageError, match="names no item"):
        names_typed("--only", ("",))
    with pytest.raises(UsageError, match="names no tag"):
        names_typed("--tag", (",",))


def test_words_of_a_request() -> None:
    """What was asked for can be typed again, as the application calls it."""
    app = App("tool", ensure_name="deploy")
    request = RunRequest(
        command="ensure",
        profile="p",
        flow="f",
        dry_run=True,
        only=("a", "b"),
        sync=SyncCheck.BOTH,
    )
    words = ["deploy", "--dry-run", "--only", "a", "--only", "b", "--sync", "both"]
    assert words_of(request, app) == words
    assert words_of(RunRequest(command="clean", profile="p", flow="f"), app) == ["clean"]


def test_failure_without_execution() -> None:
    """An error before there is an execution is told in the same document."""
    invocation = Invocation.of(App("envman"), [], ProcessSignals(), ExitStack())
    invocation.command = "ensure"
    failed = failure(invocation, ItemFailure("no", help="mend"))
    told = failed.document
    assert (told["outcome"], told["execution_id"], told["items"]) == ("error", None, {})
    assert told["errors"] == {"": {"code": "ITEM-FAILED", "message": "no", "help": "mend"}}
    assert (failed.exit_code, failed.lines(Page())) == (1, ())


def child(execution_id: str, pid: int) -> SurvivingChild:
    """A process that has outlived its execution."""
    return SurvivingChild(execution_id, pid, "sleep\n60", START)


def test_lost() -> None:
    """Executions that were killed are told of, with the processes that they have left behind."""
    running = ExecutionRecord(ExecutionEvents.info, PROCESS)
    killed = mark_lost(running, START)
    assert lost_notices(None, []) == []
    assert lost_notices(running, []) == []
    assert lost_notices(killed, []) == [
        (
            f"Execution {killed.id} was killed while it ran; "
            "what was in progress then is looked at anew."
        )
    ]
    assert lost_notices(killed, [child(killed.id, 1), child("older", 2), child(killed.id, 3)]) == [
        (
            f"Execution {killed.id} was killed; 2 child processes of it still run: "
            "pid 1 (sleep 60) and pid 3 (sleep 60)."
        ),
        "Execution older was killed; 1 child process of it still runs: pid 2 (sleep 60).",
    ]
