"""Interrupting an execution: at once where it is one of this process, else by asking its own."""

from __future__ import annotations

from functools import partial

from peaceful._aio import run_in_thread
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import AlreadyEnded, NotInterruptible
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._executions.registry import Executions
from peaceful._executions.running import InterruptSenders
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import Refusal
from peaceful._web.http.documents import execution_document
from peaceful._web.live.watches import record_of
from peaceful.interrupt import SendResult


async def interrupted(
    server: ServerContext,
    execution_id: ExecutionId,
    level: InterruptLevel,
    source: InterruptSource,
    reason: str | None,
) -> InterruptReceipt:
    """Interrupts an execution, whichever process runs it.

    Args:
        server: the server's context.
        execution_id: which one.
        level: how much is interrupted.
        source: the door that the request came through.
        reason: what the person said of it, or none.

    Returns:
        What somebody who asks for it is told.

    Raises:
        Refusal: it has ended, or cannot be interrupted; with the execution.
        PeacefulError: it is unknown, or its process does not answer.
    """
    signal = InterruptSignal(level, source, server.clock.now(), reason)
    receipt = _here(server.senders, execution_id, signal)
    if receipt is None:
        receipt = await _anywhere(server.executions, execution_id, signal)
    return receipt


async def try_get(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord | None:
    """The record that an error tells of, if it can be had: the error itself says the rest."""
    try:
        return await record_of(executions, execution_id)
    except PeacefulError:
        return None


def _here(
    senders: InterruptSenders, execution_id: ExecutionId, signal: InterruptSignal
) -> InterruptReceipt | None:
    """Interrupts an execution of this process, at once: without the disk, which may be busy.

    Returns:
        The receipt; none where it is not one of this process, or has ended.
    """
    sender = senders.get(execution_id)
    result = senders.interrupt(execution_id, signal)
    if sender is None or result not in {SendResult.ACCEPTED, SendResult.UNCHANGED}:
        return None
    return InterruptReceipt(
        execution_id,
        (sender.signal or signal).level,
        (sender.first or signal).requested_at,
        changed=result is SendResult.ACCEPTED,
    )


async def _anywhere(
    executions: Executions, execution_id: ExecutionId, signal: InterruptSignal
) -> InterruptReceipt:
    ask = partial(
        executions.interrupt,
        execution_id,
        level=signal.level,
        source=signal.source,
        reason=signal.reason,
    )
    try:
        return await run_in_thread(ask)
    except (AlreadyEnded, NotInterruptible) as error:
        record = await try_get(executions, execution_id)
        if record is None:
            raise Refusal(error, execution=None, outcome=None) from error
        outcome = None if record.outcome is None else record.outcome.plain()
        raise Refusal(error, execution=execution_document(record), outcome=outcome) from error
