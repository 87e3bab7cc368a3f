"""The end of an execution as an answer: its exit code, its document, its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peaceful._cli.program.result import Result
from peaceful._cli.progress.outcome_text import OutcomeMessage, outcome_lines
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import WorkspaceGone
from peaceful._model.codec import JsonValue, to_json
from peaceful._model.document import Ending
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import PROCESS_SIGNALS, InterruptSource
from peaceful._model.outcome import CmdOutcome, ItemStatus, state_after
from peaceful._present.summary import summarise

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import RunRequest


@dataclass(slots=True)
class Execution:
    """A command that was run: its ending, and its outcome unless it raised."""

    title: str  # what was executed, in words
    ending: Ending
    outcome: CmdOutcome[object] | None
    stuck: bool  # a part of it still runs

    @property
    def errors(self) -> Sequence[PeacefulError]:
        """The errors; if the command failed as a whole, that one alone."""
        errors = self.ending.errors
        return (errors[""],) if "" in errors else tuple(errors.values())


def exit_code_of(ending: Ending) -> int:
    """Return the exit code of the process after an ending, unless it dies of a signal."""
    if "" in ending.errors:
        return ending.errors[""].exit_code
    match state_after(ending.document.outcome):
        case ExecutionState.COMPLETE:
            return 0
        case ExecutionState.INTERRUPTED:
            signal = ending.document.interrupt
            return (InterruptSource.SIGINT if signal is None else signal.source).exit_code
        case _:
            return 1


def dies_of(ending: Ending, *, pressed: bool) -> str | None:
    """Return the process signal that the process dies of after an ending, or None.

    Ctrl-C is meant for whatever runs the program, too, whatever came of it here: `pressed` says
    that there was one. Who sends another signal is content if everything was done.
    """
    signal = ending.document.interrupt
    interrupted = state_after(ending.document.outcome) is ExecutionState.INTERRUPTED
    if interrupted and signal is not None and signal.source in PROCESS_SIGNALS:
        return signal.source.name
    return InterruptSource.SIGINT.name if pressed else None


def answer(
    execution: Execution,
    invocation: Invocation,
    request: RunRequest,
    more: Mapping[str, JsonValue] | None = None,
) -> Result:
    """Return the answer of a command that was run, with `more` entries in its document."""
    message = _message(execution, invocation, request)
    return Result(
        document={**to_json(execution.ending.document.plain()), **(more or {})},
        lines=lambda page: outcome_lines(message, page),
        exit_code=exit_code_of(execution.ending),
        errors=execution.errors,
        stuck=execution.stuck,
    )


def words_of(request: RunRequest, app: App) -> list[str]:
    """Return the words that ask for the same again; the first is the command."""
    words = [app.ensure_name if request.command == "ensure" else request.command]
    if request.dry_run:
        words.append("--dry-run")
    for item in request.only:
        words += ["--only", item]
    return [*words, "--sync", request.sync] if request.sync != "none" else words


def _message(execution: Execution, invocation: Invocation, request: RunRequest) -> OutcomeMessage:
    document = execution.ending.document
    items = {  # those that the command was about
        item: each
        for item, each in document.items.items()
        if not request.only or item in request.only or each.status is not ItemStatus.NOT_STARTED
    }
    summary = summarise(
        document.outcome,
        {item: each.status for item, each in items.items()},
        seconds=(document.ended_at - document.started_at).total_seconds(),
        interrupt=document.interrupt,
        dry_run=document.dry_run,
    )
    messages = [(item, each.status, each.message) for item, each in items.items()]
    # Where the workspace is not there any more, the error says how to carry on.
    gone = isinstance(execution.ending.errors.get(""), WorkspaceGone)
    return OutcomeMessage(
        title=execution.title,
        summary=summary,
        carry_on="" if gone else invocation.line(*words_of(request, invocation.app)),
        what_is_left=invocation.line("diff") if request.command == "ensure" else "",
        messages=messages if document.dry_run else (),
    )
