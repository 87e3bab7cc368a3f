"""What is known of an execution, without holding up the event loop."""

from __future__ import annotations

import asyncio

from peaceful._aio import run_in_thread
from peaceful.executions import ExecutionRecord, Executions
from peaceful.model import ExecutionId


async def record_of(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord:
    """An execution, with its outcome document if it has ended.

    Raises:
        ExecutionUnknown: there is none with that ID.
        StorageError: the register cannot be read.
    """
    # Whoever asks again and again in this event loop, as tests do, must not stop what it asks for.
    await asyncio.sleep(0)
    record = executions.at_hand(execution_id)
    if record is None:
        record = await run_in_thread(lambda: executions.get(execution_id))
    return record
