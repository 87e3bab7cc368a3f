"""Interrupting an execution: at once where it is one of this process, else by asking its own."""

from __future__ import annotations

from functools import partial

from peaceful._aio import run_in_thread
from peaceful.errors import AlreadyEnded, NotInterruptible, PeacefulError
from peaceful.executions import ExecutionRecord, Executions, InterruptSenders, JsonObject
from peaceful.interrupt import SendResult
from peaceful.model import (
    ExecutionId,
    ExecutionState,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    SystemClock,
    to_json,
)
from peaceful.resources import Resources
from peaceful.web._http._problems import Refusal
from peaceful.web._http._views import execution_view
from peaceful.web._live._records import record_of


async def interrupted(
    parts: Resources,
    execution_id: ExecutionId,
    level: InterruptLevel,
    source: InterruptSource,
    reason: str | None,
) -> JsonObject:
    """Interrupts an execution, whichever process runs it.

    Args:
        parts: the server's context.
        execution_id: which one.
        level: how much is interrupted.
        source: the door that the request came through.
        reason: what the person said of it, or none.

    Returns:
        What somebody who asks for it is told; the same where it was interrupted before.

    Raises:
        Refusal: it has ended, or cannot be interrupted; with the execution.
        PeacefulError: it is unknown, or its process does not answer.
    """
    signal = InterruptSignal(level, source, parts.get(SystemClock).now(), reason)
    receipt = _here(parts.get(InterruptSenders), execution_id, signal)
    if receipt is None:
        receipt = await _anywhere(parts.get(Executions), execution_id, signal)
    return receipt


async def try_get(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord | None:
    """The record that an error tells of, if it can be had: the error itself says the rest."""
    try:
        return await record_of(executions, execution_id)
    except PeacefulError:
        return None


def _here(
    senders: InterruptSenders, execution_id: ExecutionId, signal: InterruptSignal
) -> JsonObject | None:
    """Interrupts an execution of this process, at once: without the disk, which may be busy.

    Returns:
        The receipt; none where it is not one of this process, or has ended.
    """
    sender = senders.get(execution_id)
    result = senders.interrupt(execution_id, signal)
    if sender is None or result not in {SendResult.ACCEPTED, SendResult.UNCHANGED}:
        return None
    return _receipt(
        execution_id,
        (sender.signal or signal).level,
        to_json((sender.first or signal).requested_at),
    )


async def _anywhere(
    executions: Executions, execution_id: ExecutionId, signal: InterruptSignal
) -> JsonObject:
    ask = partial(
        executions.interrupt,
        execution_id,
        level=signal.level,
        source=signal.source,
        reason=signal.reason,
    )
    try:
        receipt = await run_in_thread(ask)
    except (AlreadyEnded, NotInterruptible) as error:
        record = await try_get(executions, execution_id)
        shown = None if record is None else execution_view(record)
        outcome = None if record is None else record.document
        raise Refusal(error, execution=shown, outcome=outcome) from error
    return _receipt(receipt.execution_id, receipt.level, to_json(receipt.requested_at))


def _receipt(execution_id: ExecutionId, level: InterruptLevel, requested_at: object) -> JsonObject:
    return {
        "execution_id": execution_id,
        "state": ExecutionState.INTERRUPTING.value,
        "level": str(level),
        "requested_at": to_json(requested_at),
    }
