"""Running functions in threads and coroutines from threads, and to their end despite cancellation.

Every thread here is a daemon. The threads of `concurrent.futures`, and so of `asyncio.to_thread`,
are joined when the interpreter exits, and an item's function that was abandoned may never return.
Nor does the framework use the event loop's own threads: items may keep those busy for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from peaceful._user_code import OwnProcess, is_of_parent

P = ParamSpec("P")
T = TypeVar("T")

_Work: TypeAlias = Callable[[], None]

_LOG = logging.getLogger("peaceful")

_POLL_INTERVAL: Final = 0.1
"""Seconds between two checks of whether a task is being cancelled, which sets no event."""


# Any: what a coroutine yields is between it and the loop.
async def run_shielded(work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Await something to its end, however often the awaiting task is cancelled meanwhile.

    `asyncio.shield` lets the work go on too, but returns at once when the awaiting task is
    cancelled: then what comes next, such as releasing a lock, would overtake the work.

    Raises:
        CancelledError: the awaiting task was cancelled, and the work has ended since; its result or
            error is lost.
    """
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    _retrieve(future)
    raise cancelled


async def wait_shielded(future: asyncio.Future[T]) -> T:
    """Await work that goes on if the awaiting task is cancelled, because others may wait for it.

    `asyncio.shield` does the same, but since Python 3.14 it reports to the loop what the work
    raises after that.
    """
    try:
        await asyncio.wait({future})
    except asyncio.CancelledError:
        future.add_done_callback(_retrieve)
        raise
    return future.result()


def done_at_once() -> asyncio.Future[None]:
    """Return a future that has completed, where there is nothing to wait for."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


async def run_until(
    work: Coroutine[object, object, T], left: Coroutine[object, object, object]
) -> T | None:
    """Run a coroutine until another one ends: then it is cancelled, and `None` is returned.

    An error of the work is raised; what the other ends with does not matter.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left)
    tasks = (working, leaving)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if not leaving.cancelled():
            leaving.exception()  # Else asyncio would log it as one that nobody has seen.
    return None if working.cancelled() else working.result()


async def run_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a thread, to its end, as `run_shielded` does."""
    return await run_shielded(start_in_thread(function, *args, **kwargs))


def start_in_thread(
    function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> asyncio.Future[T]:
    """Start a function in a thread at once, and return a future of the running loop.

    Cancelling the future stops the waiting, not the function.
    """
    return _shared_pool(os.getpid()).submit(function, *args, **kwargs)


@cache
def _shared_pool(process: int) -> DaemonThreadPool:  # noqa: ARG001 - it is what is cached by
    """Return the pool of a process: a forked one does not have the threads of its parent."""
    return DaemonThreadPool(sys.maxsize, "peaceful-call")


class DaemonThreadPool:
    """A pool of daemon threads, started as needed, and ended after some seconds without work.

    At most `size` functions run at once; more wait in order. Each sees the context variables of its
    submitter.
    """

    def __init__(self, size: int, name: str, *, idle_timeout: float = 10.0) -> None:
        self._size = size
        self._name = name
        self._idle_timeout = idle_timeout
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads = 0
        self._unfinished = 0
        self._closed = False
        self._lock = threading.Lock()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of a user, which may never return.

        If the task is cancelled, it still waits for the function, which cannot be stopped from
        outside, so that nothing goes on unnoticed; if cancelled once more, it stops waiting.
        """
        future = self.submit(function, *args, **kwargs)
        try:
            return await wait_shielded(future)
        except asyncio.CancelledError:
            if not future.done():
                await asyncio.wait({future})
            raise

    def submit(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Run a function after those submitted before, and return a future of the running loop.

        Cancelling the future stops the waiting, not the function.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        call = partial(contextvars.copy_context().run, function, *args, **kwargs)
        self.start(partial(_settle_by, loop, future, call))
        return future

    def start(self, work: Callable[[], None]) -> None:
        """Run a function that nobody waits for, from any thread. Its error is logged."""
        with self._lock:
            self._unfinished += 1
            number = self._next_number()
            self._queue.put(work)
            if self._closed:
                # For work that was left behind and goes on: its thread ends when it is done.
                self._queue.put(None)
                self._threads = 0
        self._start_thread(number)

    @contextmanager
    def lent(self) -> Generator[None]:
        """Run one function more at once within the context: one of those that run only waits."""
        with self._lock:
            self._size += 1
            number = 0 if self._closed else self._next_number()
        self._start_thread(number)
        try:
            yield
        finally:
            with self._lock:
                self._size -= 1

    def close(self) -> None:
        """Let each thread end after the work submitted so far, without waiting for it."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._queue.put(None)
            self._threads = 0

    def _next_number(self) -> int:
        """Return the number of the thread to be started, counting it; 0 if there are enough."""
        if self._threads >= min(self._unfinished, self._size):
            return 0
        self._threads += 1
        return self._threads

    def _start_thread(self, number: int) -> None:
        if number:
            threading.Thread(target=self._serve, name=f"{self._name}-{number}", daemon=True).start()

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except BaseException:  # noqa: BLE001 - the thread has to serve others
                _LOG.exception("%r failed, and nobody waited for it", work)
            # Nothing of the last work may be kept alive while waiting for the next.
            del work
            with self._lock:
                self._unfinished -= 1

    def _next(self) -> _Work | None:
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=self._idle_timeout)
            with self._lock:
                # What was put meanwhile counts on this thread.
                if self._queue.empty():
                    self._threads -= 1
                    return None


@contextmanager
def loop_in_thread(name: str) -> Generator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own within the context.

    What still runs there at its end is cancelled, and not waited for.
    """
    started: concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
    started = concurrent.futures.Future()

    async def run() -> None:
        ending = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), ending))
        await ending.wait()

    threading.Thread(target=lambda: asyncio.run(run()), name=name, daemon=True).start()
    loop, ending = started.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(ending.set)


def start_in_loop(
    # Any: what a coroutine yields is between it and the loop.
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
) -> asyncio.Future[T]:
    """Start a coroutine in another thread's loop, and return a future of the running one."""
    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


def run_from_thread(
    coroutine: Coroutine[object, object, T],
    loop: asyncio.AbstractEventLoop,
    owner: asyncio.Task[object] | None,
) -> T:
    """Run a coroutine in a loop, and wait for it in this thread.

    If `owner`, the task that waits for this thread, is cancelled, so is the coroutine.

    Raises:
        RuntimeError: this is the loop's own thread, which would wait for itself; or the loop is
            closed, or runs in the process that this one was forked from.
        asyncio.CancelledError: the coroutine was cancelled.
    """
    owned = _cancelled_with(owner, coroutine)
    try:
        if is_of_parent(loop):
            raise RuntimeError("a forked process cannot use the event loop of its parent")
        if _running_loop() is loop:
            raise RuntimeError("await the coroutine instead: this is the event loop's own thread")
        future = asyncio.run_coroutine_threadsafe(owned, loop)
    except RuntimeError:
        # Python would complain of coroutines that were never awaited.
        owned.close()
        coroutine.close()
        raise
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        # asyncio's is not an `Exception`, so that no `except Exception` of a user swallows it.
        raise asyncio.CancelledError from None


async def _cancelled_with(
    owner: asyncio.Task[object] | None, coroutine: Coroutine[object, object, T]
) -> T:
    task = asyncio.ensure_future(coroutine)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=None if owner is None else _POLL_INTERVAL)
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


def _settle_by(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[[], T]
) -> None:
    """Call a function, and resolve a future of a loop with its result or error."""
    settle: Callable[[], None]
    try:
        with OwnProcess():
            result = function()
        settle = partial(future.set_result, result)
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
        settle = partial(future.set_exception, wrap_silent_error(error))
    # A loop that was closed has ended without the function, and nobody waits.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_settle_unless_done, future, settle)


def wrap_silent_error(error: BaseException) -> BaseException:
    """Return an error, wrapped if it would end a coroutine silently, see PEP 479."""
    if not isinstance(error, (StopIteration, GeneratorExit)):
        return error
    wrapped = RuntimeError(f"the function raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped


def _settle_unless_done(future: asyncio.Future[T], settle: Callable[[], None]) -> None:
    if not future.done():
        settle()


def _retrieve(future: asyncio.Future[T]) -> None:
    """Retrieve an error, so that the loop does not report it as never retrieved."""
    if not future.cancelled():
        future.exception()
