"""What an execution has come to, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peaceful._cli.program.result import Result
from peaceful._cli.progress.outcome_text import Told, outcome_lines
from peaceful._errors.base import PeacefulError
from peaceful._model.codec import JsonValue, to_json
from peaceful._model.document import Ending, ItemDocument, KeptDocument, OutcomeDocument
from peaceful._model.event import Event
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ItemId
from peaceful._model.interrupt import InterruptSource
from peaceful._model.outcome import CmdOutcome, ItemStatus, state_after
from peaceful._present.summary import summarised
from peaceful._runtime.hub import OutputSink

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import RunRequest


@dataclass(slots=True)
class Execution:
    """A command that was run.

    Attributes:
        title: what was executed, in words.
        ending: how it ended.
        outcome: what it returned; none where it raised.
        stuck: whether something of it still runs.
    """

    title: str
    ending: Ending
    outcome: CmdOutcome[object] | None
    stuck: bool

    @property
    def document(self) -> KeptDocument:
        """The document of the ending, as the register has it."""
        return self.ending.document

    @property
    def errors(self) -> Sequence[PeacefulError]:
        """What went wrong; where the command failed as a whole, that alone."""
        errors = self.ending.errors
        return (errors[""],) if "" in errors else tuple(errors.values())


def exit_code_of(ending: Ending) -> int:
    """What the process ends with after an ending."""
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


class Closing:
    """A sink that calls something before another one is closed, which can still be told things.

    Args:
        inner: takes the events.
        before_close: called when there are no more events.
    """

    def __init__(self, inner: OutputSink, before_close: Callable[[], None]) -> None:
        self._inner = inner
        self._before_close = before_close

    def receive(self, events: Sequence[Event]) -> None:
        """Hands events on."""
        self._inner.receive(events)

    def close(self) -> None:
        """Hands that on too."""
        self._before_close()
        self._inner.close()


def answer(
    execution: Execution,
    invocation: Invocation,
    request: RunRequest,
    more: Mapping[str, JsonValue] | None = None,
) -> Result:
    """What a command answers that was run.

    Args:
        execution: how it ended.
        invocation: the run of the command line.
        request: what was run.
        more: further entries of the document, or none.
    """
    told = _told(execution, invocation, request)
    return Result(
        document={**to_json(execution.document.plain()), **(more or {})},
        lines=lambda page: outcome_lines(told, page),
        exit_code=exit_code_of(execution.ending),
        errors=execution.errors,
        stuck=execution.stuck,
    )


def words_of(request: RunRequest, app: App) -> list[str]:
    """The words that ask for the same again; the first is the command, as the application has it.

    Args:
        request: what was asked for.
        app: the application.
    """
    words = [app.ensure_name if request.command == "ensure" else request.command]
    if request.dry_run:
        words.append("--dry-run")
    for item in request.only:
        words += ["--only", item]
    return [*words, "--sync", request.sync] if request.sync != "none" else words


def _told(execution: Execution, invocation: Invocation, request: RunRequest) -> Told:
    document = execution.document
    items = _items(document, request)
    summary = summarised(
        document.outcome,
        {item: each.status for item, each in items.items()},
        seconds=(document.ended_at - document.started_at).total_seconds(),
        interrupt=document.interrupt,
    )
    messages = (
        [(item, each.status, each.message) for item, each in items.items()]
        if request.dry_run
        else []
    )
    return Told(
        title=execution.title,
        summary=summary,
        carry_on=invocation.line(*words_of(request, invocation.app)),
        what_is_left=invocation.line("diff") if request.command == "ensure" else "",
        messages=messages,
    )


def _items(document: OutcomeDocument, request: RunRequest) -> Mapping[ItemId, ItemDocument]:
    """The items that the command was about."""
    return {
        item: each
        for item, each in document.items.items()
        if not request.only or item in request.only or each.status is not ItemStatus.NOT_STARTED
    }
