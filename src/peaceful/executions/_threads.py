"""Waiting for a disk or another process in a thread, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(executor: Executor, work: Callable[[], T]) -> T:
    """Runs a function in a thread. Where the waiting task is cancelled, that waits for it.

    So what was begun is done, and known to be done, before anything else happens.

    Args:
        executor: gives the thread.
        work: what to run.

    Raises:
        CancelledError: the waiting task was cancelled, and the function has returned or raised.
    """
    running = asyncio.get_running_loop().run_in_executor(executor, work)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # What it raised is of less interest than that the task is to end.
        running.exception()
        raise cancelled
    return running.result()
