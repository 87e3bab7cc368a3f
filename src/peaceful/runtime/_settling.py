"""Handing the result of a function that runs in a thread to whoever waits in a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


def settled_by(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], work: Callable[[], T]
) -> None:
    """Runs a function, and settles a future of the loop with its result or its error.

    Args:
        loop: where the future is waited for; it may have been closed meanwhile.
        future: what is waited for; it may have been cancelled meanwhile.
        work: the function.
    """
    try:
        result = work()
    except (StopIteration, GeneratorExit) as error:
        # No coroutine can be told of the first, see PEP 479; the second closes who is told of it.
        wrapped = RuntimeError(f"the function raised {type(error).__name__}")
        wrapped.__cause__ = error
        _tell(loop, future, future.set_exception, wrapped)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
        _tell(loop, future, future.set_exception, error)
    else:
        _tell(loop, future, future.set_result, result)


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    settle: Callable[[V], None],
    value: V,
) -> None:
    try:
        loop.call_soon_threadsafe(_settle, future, settle, value)
    except RuntimeError:
        # The loop is closed: what it ran has ended without this function, and nobody waits.
        return


def _settle(future: asyncio.Future[T], settle: Callable[[V], None], value: V) -> None:
    if not future.done():
        settle(value)
