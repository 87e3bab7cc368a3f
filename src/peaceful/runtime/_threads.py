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
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Work(Generic[T]):
    function: Callable[..., T]
    arguments: tuple[object, ...]
    context: contextvars.Context
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


class DaemonThreads:
    """Runs plain functions in threads that do not keep the process alive.

    Attributes:
        most: how many run at once; more wait in order.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._lock = threading.Lock()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Runs a function and waits for it.

        Where the waiting task is cancelled, it still waits for the function, which cannot be
        stopped from outside, and is cancelled then: nothing goes on behind the caller's back.

        Raises:
            BaseException: whatever the function raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        work = _Work(function, arguments, contextvars.copy_context(), future, loop)
        self._start_one_if_needed()
        self._queue.put(partial(_do, work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                await asyncio.wait({future})
            if not future.cancelled():
                future.exception()  # Looked at, so that the loop does not report it as forgotten.
            raise

    def close(self) -> None:
        """Lets idle threads end. Functions that still run are left to themselves."""
        for _ in self._threads:
            self._queue.put(None)

    @property
    def busy(self) -> int:
        """How many functions run now."""
        with self._lock:
            return len(self._threads) - self._idle

    def _start_one_if_needed(self) -> None:
        with self._lock:
            if self._idle > self._queue.qsize() or len(self._threads) >= self.most:
                return
            thread = threading.Thread(
                target=self._serve, name=f"peaceful-item-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            self._idle += 1
        thread.start()

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            with self._lock:
                self._idle -= 1
            work()
            # Nothing of the last work may be kept alive while waiting for the next.
            del work
            with self._lock:
                self._idle += 1


def _do(work: _Work[T]) -> None:
    try:
        result = work.context.run(work.function, *work.arguments)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
        settle = partial(work.future.set_exception, error)
    else:
        settle = partial(work.future.set_result, result)
    try:
        work.loop.call_soon_threadsafe(_settle, work.future, settle)
    except RuntimeError:
        # The loop is closed: the execution has ended without this function, and nobody waits.
        return


def _settle(future: asyncio.Future[T], settle: Callable[[], None]) -> None:
    if not future.done():
        settle()
