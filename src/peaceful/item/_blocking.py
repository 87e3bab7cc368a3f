"""Waiting in a thread for something that runs in the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Final, TypeVar

T = TypeVar("T")

_LOOK_EVERY: Final = 0.1
"""Seconds between two looks at whether the item was cancelled, which nobody is told of."""


def in_loop(
    work: Coroutine[object, object, T],
    loop: asyncio.AbstractEventLoop,
    owner: asyncio.Task[object] | None,
) -> T:
    """Runs a coroutine in a loop, and waits for it in this thread.

    Args:
        work: the coroutine.
        loop: where it runs.
        owner: the task that waits for this thread; when that is cancelled, so is the coroutine.

    Raises:
        RuntimeError: called from the loop's own thread, which would wait for itself; or the loop is
            closed.
        asyncio.CancelledError: the coroutine was cancelled.
        BaseException: whatever the coroutine raises.
    """
    owned = _owned(work, owner)
    try:
        if _running_loop() is loop:
            raise RuntimeError("ctx.blocking() is for plain functions; await the coroutine instead")
        future = asyncio.run_coroutine_threadsafe(owned, loop)
    except RuntimeError:
        # Neither was begun, which Python would complain of.
        owned.close()
        work.close()
        raise
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        # The one of asyncio is not an `Exception`, so that what goes on after errors does not here.
        raise asyncio.CancelledError from None


async def _owned(work: Coroutine[object, object, T], owner: asyncio.Task[object] | None) -> T:
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=None if owner is None else _LOOK_EVERY)
            if owner is not None and owner.cancelling():
                task.cancel()
    except asyncio.CancelledError:
        task.cancel()
        raise
    return task.result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
