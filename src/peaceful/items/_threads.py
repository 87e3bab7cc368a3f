"""Waiting for the disk in a thread, from asynchronous functions of items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a plain function in a thread.

    Where the waiting task is cancelled, it still waits for the function, which cannot be stopped
    from
    outside: nothing goes on behind the caller's back.

    Raises:
        BaseException: whatever the function raises.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # Looked at, so that the loop does not report it as forgotten.
        raise
