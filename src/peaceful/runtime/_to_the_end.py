"""Waiting for what must not be left half done, however often the waiting task is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from peaceful.runtime._settling import settled_by

T = TypeVar("T")


# Any: what a coroutine yields is between it and the loop.
async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end, as a task of its own.

    Raises:
        CancelledError: the waiting task was cancelled meanwhile, and the coroutine has ended.
        BaseException: whatever the coroutine raises.
    """
    return await _ended(asyncio.get_running_loop().create_task(work))


async def in_thread(work: Callable[[], T]) -> T:
    """Runs a function that waits for the disk in a thread, to its end.

    In a new thread each time, which does not keep the process alive. Not in one of the loop's, as
    `asyncio.to_thread` would do: items may keep those busy, and may never let go of them.

    Raises:
        CancelledError: the waiting task was cancelled meanwhile, and the function has returned.
        BaseException: whatever the function raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    threading.Thread(
        target=settled_by, args=(loop, future, work), name="peaceful-disk", daemon=True
    ).start()
    return await _ended(future)


async def _ended(future: asyncio.Future[T]) -> T:
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None or future.cancelled():
        return future.result()
    # What it raised is of less interest than that the waiting task is to end.
    future.exception()
    raise cancelled
