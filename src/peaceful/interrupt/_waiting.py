"""Waiting for something, or for the interrupt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import TypeVar

from peaceful.interrupt._state import InterruptedBy, state_of
from peaceful.interrupt._step import Interrupted, NoInterrupt, Step

T = TypeVar("T")


async def wait_or_interrupted(awaitable: Awaitable[T], by: InterruptedBy) -> Step[T]:
    """Wait for something that comes before a start: a slot, a lock, a queue, a delay.

    ```python
    match await wait_or_interrupted(slots.acquire(), state):
        case Interrupted():
            return
        case NoInterrupt():
            ...  # the slot is ours; now ask `state.may_start()`
    ```

    As soon as nothing more may start, the awaitable is cancelled, in place and in this task, just
    as `asyncio.timeout` would do it. What is safe under a timeout is safe here: either the lock was
    acquired, and then the answer is `NoInterrupt`, even if the interrupt came at the same moment;
    or it was not, and nothing is left behind.

    Args:
        awaitable: what to wait for. If nothing more may start at the outset, it is not begun. A
            task or a future is cancelled as well; shield it, if it is to go on.
        by: what says whether something is interrupted.

    Returns:
        `NoInterrupt` with the value, or `Interrupted()`, which never has one.

    Raises:
        Exception: whatever the awaitable raises.
    """
    state = state_of(by)
    finished = isinstance(awaitable, asyncio.Future) and awaitable.done()
    if not finished and not state.may_go_on():
        _drop(awaitable)
        return Interrupted()
    cut = False
    try:
        # An interrupt is a deadline that turns out to be now; loop times are never negative.
        async with asyncio.timeout(None) as deadline:
            with state.call_when_stopped(lambda: deadline.reschedule(0)):
                try:
                    return NoInterrupt(await awaitable)
                except asyncio.CancelledError:
                    cut = True
                    raise
    except TimeoutError:
        if cut:
            return Interrupted()
        raise  # the awaitable's own


def _drop(awaitable: Awaitable[object]) -> None:
    if isinstance(awaitable, asyncio.Future):
        awaitable.cancel()
    else:
        discard(awaitable)


def discard(awaitable: Awaitable[object]) -> None:
    """Let go of what was not begun. What runs by itself, as a task does, is left alone."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()
