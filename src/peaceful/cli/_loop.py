"""Running something in an event loop that may leave threads and tasks behind for good."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class LoopEnd(Generic[T]):
    """How it ended in the loop.

    Attributes:
        value: what came out.
        error: or what was raised.
        stuck: whether something still runs that does not let go.
    """

    value: T | None
    error: Exception | None
    stuck: bool


class _Threads(ThreadPoolExecutor):
    """The loop's threads, which knows whether one of them is still at work."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="peaceful-loop")
        self.busy: set[Future[Any]] = set()  # Any: of whatever the functions return

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = super().submit(function, *args, **kwargs)
        self.busy.add(future)
        future.add_done_callback(self.busy.discard)
        return future


# Any: what a coroutine yields is between it and the loop.
def run_in_loop(main: Coroutine[Any, Any, T], patience: Callable[[], float]) -> LoopEnd[T]:
    """Runs a coroutine in a new loop, and closes that if everything in it comes to an end.

    `asyncio.run` would wait for ever for a task that does not heed its cancellation, or a thread.

    Args:
        main: what to run.
        patience: tells, when it has ended, how many seconds to wait for what is left.

    Raises:
        BaseException: what `main` raised, where that is no `Exception`.
    """
    runner = asyncio.Runner()
    threads = _Threads()
    runner.get_loop().set_default_executor(threads)
    value: T | None = None
    raised: Exception | None = None
    try:
        value = runner.run(main)
    except Exception as error:  # noqa: BLE001  handed on: what is left behind matters all the same
        raised = error
    except BaseException:
        runner.close()
        raise
    stuck = runner.run(_does_not_end(threads, patience()))
    if not stuck:
        runner.close()
    return LoopEnd(value, raised, stuck)


async def _does_not_end(threads: _Threads, seconds: float) -> bool:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, pending = await asyncio.wait(left, timeout=seconds)
        if pending:
            return True
    busy = list(threads.busy)
    return bool(busy and concurrent.futures.wait(busy, timeout=seconds).not_done)
