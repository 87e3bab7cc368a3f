"""Interrupting an execution: in this process directly, in another one by asking that process."""

from __future__ import annotations

from starlette.requests import Request

from peaceful._aio import run_in_thread
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import AlreadyEnded, NotInterruptible
from peaceful._executions.records import ExecutionRecord, InterruptReceipt
from peaceful._executions.registry import Executions
from peaceful._model.codec import ExecutionId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import Refusal
from peaceful._web.http.documents import execution_document
from peaceful._web.http.fields import checked_id
from peaceful._web.live.watches import record_of
from peaceful.interrupt import SendResult


async def interrupt_execution(
    server: ServerContext,
    execution_id: ExecutionId,
    level: InterruptLevel,
    source: InterruptSource,
    reason: str | None,
) -> InterruptReceipt:
    """Interrupt an execution of any process.

    Raises `Refusal`, with the execution, if it has ended or cannot be interrupted; and
    `PeacefulError` if it is unknown or its process does not answer.
    """
    executions = server.executions
    signal = InterruptSignal(level, source, server.clock.now(), reason)
    # In this process without the disk, which may be busy.
    sender = executions.senders.get(execution_id)
    result = executions.senders.interrupt(execution_id, signal)
    if sender is not None and result in {SendResult.ACCEPTED, SendResult.UNCHANGED}:
        return InterruptReceipt(
            execution_id,
            (sender.signal or signal).level,
            (sender.first or signal).requested_at,
            changed=result is SendResult.ACCEPTED,
        )
    try:
        return await run_in_thread(
            executions.interrupt, execution_id, level=level, source=source, reason=reason
        )
    except (AlreadyEnded, NotInterruptible) as error:
        record = await try_get(executions, execution_id)
        if record is None:
            raise Refusal(error, execution=None, outcome=None) from error
        outcome = None if record.outcome is None else record.outcome.plain()
        raise Refusal(error, execution=execution_document(record), outcome=outcome) from error


async def record_in_path(request: Request, server: ServerContext) -> ExecutionRecord:
    """Return the execution that the path of a request names; raise `ExecutionUnknown`."""
    return await record_of(server.executions, checked_id(request.path_params["id"]))


async def try_get(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord | None:
    """Return an execution to be shown with an error, or `None` if it cannot be read."""
    try:
        return await record_of(executions, execution_id)
    except PeacefulError:
        return None
