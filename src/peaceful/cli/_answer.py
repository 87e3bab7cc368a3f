"""What a command answers that was run: its document for programs, what was done for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peaceful.cli._execution import Execution
from peaceful.cli._outcome_text import Told, outcome_lines
from peaceful.cli._result import Result
from peaceful.model import (
    BlockInterrupted,
    ExecutionInterrupted,
    ItemError,
    ItemId,
    ItemStatus,
    JsonValue,
    OutcomeKind,
    outcome_kind,
)
from peaceful.present import summarised

if TYPE_CHECKING:
    from peaceful.app import App
    from peaceful.cli._invocation import Invocation
    from peaceful.commands import RunRequest


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
        document={**execution.document, **(more or {})},
        lines=lambda page: outcome_lines(told, page),
        exit_code=execution.exit_code,
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
    outcome = execution.outcome
    summary = summarised(
        OutcomeKind.ERROR if outcome is None else outcome_kind(outcome),
        _statuses(execution, request),
        seconds=execution.timings.seconds,
        interrupt=execution.interrupt,
    )
    messages = (
        [(item, result.status, result.message) for item, result in outcome.items.items()]
        if outcome is not None and request.dry_run
        else []
    )
    return Told(
        title=execution.title,
        summary=summary,
        carry_on=invocation.line(*words_of(request, invocation.app)),
        what_is_left=invocation.line("diff") if request.command == "ensure" else "",
        messages=messages,
    )


def _statuses(execution: Execution, request: RunRequest) -> Mapping[ItemId, ItemStatus]:
    """How each item ended, as far as the command's own block is concerned.

    Where an earlier block was cut, which only looks at items, what it has looked at is not done.
    """
    outcome = execution.outcome
    if outcome is None:
        known: Mapping[ItemId, ItemStatus] = execution.statuses
    else:
        known = {item: result.status for item, result in outcome.items.items()}
    if not known:
        return dict.fromkeys(request.only or execution.items, ItemStatus.NOT_STARTED)
    match outcome:
        case ExecutionInterrupted(blocks_not_processed=left):
            begun = request.main_block not in left
        case BlockInterrupted(blocks_not_processed=left) | ItemError(blocks_not_processed=left):
            begun = request.main_block not in left[1:]
        case _:
            begun = True
    return known if begun else {item: _LOOKED_AT.get(how, how) for item, how in known.items()}


_LOOKED_AT = {
    ItemStatus.DONE: ItemStatus.NOT_STARTED,
    ItemStatus.UNCHANGED: ItemStatus.NOT_STARTED,
}
