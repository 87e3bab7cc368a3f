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
    from peaceful.cli._invocation import Invocation
    from peaceful.cli._job import Job


def answer(
    execution: Execution,
    invocation: Invocation,
    job: Job,
    more: Mapping[str, JsonValue] | None = None,
) -> Result:
    """What a command answers that was run.

    Args:
        execution: how it ended.
        invocation: the run of the command line.
        job: what was run.
        more: further entries of the document, or none.
    """
    told = _told(execution, invocation, job)
    return Result(
        document={**execution.document, **(more or {})},
        lines=lambda page: outcome_lines(told, page),
        exit_code=execution.exit_code,
        errors=execution.errors,
        stuck=execution.stuck,
    )


def _told(execution: Execution, invocation: Invocation, job: Job) -> Told:
    outcome = execution.outcome
    summary = summarised(
        OutcomeKind.ERROR if outcome is None else outcome_kind(outcome),
        _statuses(execution, job),
        seconds=execution.timings.seconds,
        interrupt=execution.interrupt,
    )
    messages = (
        [(item, result.status, result.message) for item, result in outcome.items.items()]
        if outcome is not None and job.dry_run
        else []
    )
    return Told(
        title=execution.title,
        summary=summary,
        carry_on=invocation.line(*job.words),
        what_is_left=invocation.line("diff") if job.shows_left else "",
        messages=messages,
    )


def _statuses(execution: Execution, job: Job) -> Mapping[ItemId, ItemStatus]:
    """How each item ended, as far as the command's own block is concerned.

    Where an earlier block was cut, which only looks at items, what it has looked at is not done.
    """
    outcome = execution.outcome
    if outcome is None:
        known: Mapping[ItemId, ItemStatus] = execution.statuses
    else:
        known = {item: result.status for item, result in outcome.items.items()}
    if not known:
        return dict.fromkeys(job.only or execution.items, ItemStatus.NOT_STARTED)
    match outcome:
        case ExecutionInterrupted(blocks_not_processed=left):
            begun = job.main_block not in left
        case BlockInterrupted(blocks_not_processed=left) | ItemError(blocks_not_processed=left):
            begun = job.main_block not in left[1:]
        case _:
            begun = True
    return known if begun else {item: _LOOKED_AT.get(how, how) for item, how in known.items()}


_LOOKED_AT = {
    ItemStatus.DONE: ItemStatus.NOT_STARTED,
    ItemStatus.UNCHANGED: ItemStatus.NOT_STARTED,
}
