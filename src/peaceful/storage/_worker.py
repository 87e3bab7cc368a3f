"""One thread that does what waits for the disk, one thing after the other."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """A thread that is started when first needed and does not keep the process from ending.

    Args:
        name: what the thread is called in a debugger.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Does some work in the thread, after what was submitted before.

        Args:
            work: what to do.

        Returns:
            Its result or its error, for the running loop.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(lambda: _work(work, future, loop))
        return future

    def close(self, last: Callable[[], None]) -> None:
        """Ends the thread after what was submitted until now.

        Args:
            last: done at the very end; it raises nothing.
        """
        if self._thread is None:
            last()
            return
        self._jobs.put(last)
        self._jobs.put(None)
        self._thread = None

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _work(
    work: Callable[[], T], future: asyncio.Future[T], loop: asyncio.AbstractEventLoop
) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
        _tell(loop, _fail, future, error)
    else:
        _tell(loop, _succeed, future, result)


def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *what: object) -> None:
    try:
        loop.call_soon_threadsafe(how, *what)
    except RuntimeError:
        # The loop was closed meanwhile: nobody waits any more.
        return


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
