"""Waiting in a thread, to the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from peaceful.executions._threads import to_the_end


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Some threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


async def test_result(executor: ThreadPoolExecutor) -> None:
    """What the function returns is returned, and what it raises is raised."""
    assert await to_the_end(executor, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await to_the_end(executor, lambda: 1 / 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_cancelled(executor: ThreadPoolExecutor, fails: bool) -> None:
    """A cancelled task goes on only once the function is over, however often it is cancelled."""
    begun, may_end, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait()
        ended.set()
        if fails:
            raise ZeroDivisionError

    task = asyncio.create_task(to_the_end(executor, work))
    await begun.wait()
    for _ in range(3):
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0)
        assert not done
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
