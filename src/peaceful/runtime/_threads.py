"""Threads for the plain functions of items.

Not `concurrent.futures`: its threads keep the process alive until their functions return, and a
function that was abandoned may never return.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

from peaceful.runtime._settling import settled_by

T = TypeVar("T")

_Work: TypeAlias = Callable[[], None]


class DaemonThreads:
    """Runs plain functions in threads that do not keep the process alive.

    Attributes:
        most: how many run at once; more wait in order.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        self._closed = False
        self._lock = threading.Lock()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Runs a function and waits for it.

        Where the waiting task is cancelled, it still waits for the function, which cannot be
        stopped from outside, and is cancelled then: nothing goes on behind the caller's back.
        Where it is cancelled once more, it waits no longer.

        Raises:
            RuntimeError: the function raised `StopIteration` or `GeneratorExit`, which mean
                something else to a coroutine.
            BaseException: whatever else the function raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        # An error that comes when nobody waits any more is nothing to report.
        future.add_done_callback(_looked_at)
        call = partial(contextvars.copy_context().run, function, *arguments)
        self._add(partial(settled_by, loop, future, call))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                await asyncio.wait({future})
            raise

    def close(self) -> None:
        """Lets idle threads end. Functions that still run are left to themselves."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._queue.put(None)
            self._threads = 0

    @property
    def busy(self) -> int:
        """How many functions run now, or wait for a thread."""
        with self._lock:
            return self._unfinished

    def _add(self, work: _Work) -> None:
        with self._lock:
            self._unfinished += 1
            starts_one = self._threads < min(self._unfinished, self.most)
            self._threads += starts_one
            number = self._threads
            self._queue.put(work)
            if self._closed:
                # For what was left behind and goes on: its thread ends when it is done.
                self._queue.put(None)
                self._threads = 0
        if starts_one:
            threading.Thread(
                target=self._serve, name=f"peaceful-item-{number}", daemon=True
            ).start()

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            # Nothing of the last work may be kept alive while waiting for the next.
            del work
            with self._lock:
                self._unfinished -= 1


def _looked_at(future: asyncio.Future[T]) -> None:
    if not future.cancelled():
        future.exception()
