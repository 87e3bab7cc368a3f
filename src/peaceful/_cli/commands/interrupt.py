"""The command that interrupts an execution from another terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peaceful._cli.program.result import Result
from peaceful._cli.terminal.text import Line, Page, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._errors.running import NothingRunning
from peaceful._errors.usage import UsageError
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._model.codec import to_json
from peaceful._model.execution import ExecutionInfo
from peaceful._model.interrupt import InterruptLevel, InterruptSource
from peaceful._present.numbers import moment

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._executions.registry import Executions

_MEANS = {
    InterruptLevel.STOP: "what is in progress finishes, nothing new starts",
    InterruptLevel.CANCEL: "what is in progress is asked to stop, then cancelled",
    InterruptLevel.KILL: "what is in progress is abandoned, its child processes are killed",
}


def interrupt(
    invocation: Invocation, execution_id: str | None, level: str, reason: str | None
) -> Result:
    """Interrupt an execution, by the beginning of its ID; by default, the only one that runs."""
    executions = invocation.executions()
    receipt = executions.interrupt(
        execution_id or _only_one(executions).id,
        level=InterruptLevel(level),
        source=InterruptSource.COMMAND,
        reason=reason,
    )
    watch = invocation.line("executions", "show", receipt.execution_id)
    return Result(to_json(receipt), lambda page: receipt_lines(receipt, watch, page))


def receipt_lines(receipt: InterruptReceipt, watch: str, page: Page) -> Sequence[Line]:
    """Return what was accepted, in a sentence, and the command that watches the execution."""
    since = moment(receipt.requested_at, page.zone, page.now)
    how = "is interrupted" if receipt.changed else f"was interrupted already, at {since}"
    accepted = f"Execution {receipt.execution_id} {how}: {_MEANS[receipt.level]}."
    return [
        *(line(part) for part in wrapped(accepted, page.width)),
        line(f"  Watch it with: {watch}"),
    ]


def _only_one(executions: Executions) -> ExecutionRecord:
    match executions.running():
        case ():
            raise NothingRunning
        case (only,):
            return only
        case several:
            raise UsageError(
                f"{len(several)} executions are running; say which one to interrupt.",
                details=tuple((each.id, _what(each.info)) for each in several),
                help="give one of these IDs, or the beginning of it",
            )


def _what(info: ExecutionInfo) -> str:
    return f"{info.command} of {info.profile}, {info.flow}, by {info.started_by}"
