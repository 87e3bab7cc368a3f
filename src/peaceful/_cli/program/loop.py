"""The event loop of a command, and warnings about killed executions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import msgspec

from peaceful._aio import start_in_thread
from peaceful._executions.liveness import SurvivingChild
from peaceful._executions.records import ExecutionRecord
from peaceful._model.execution import ExecutionState
from peaceful._present.text import count, name_list, one_line
from peaceful._runtime.leavings import Leavings
from peaceful._user_code import OwnProcess, is_ctrl_c

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds that remaining tasks and threads get to end, after the command or the server."""


def lost_notices(latest: ExecutionRecord | None, survivors: Sequence[SurvivingChild]) -> list[str]:
    """Return sentences about killed executions: the latest, and those that left children."""
    left: dict[str, list[SurvivingChild]] = {}
    if latest is not None and latest.state is ExecutionState.LOST:
        left[latest.id] = []
    for child in survivors:
        left.setdefault(child.execution_id, []).append(child)
    return [_notice(execution_id, children) for execution_id, children in left.items()]


def _notice(execution_id: str, children: Sequence[SurvivingChild]) -> str:
    killed = f"Execution {execution_id} was killed"
    if not children:
        return f"{killed} while it ran; what was in progress then is looked at anew."
    run = "runs" if len(children) == 1 else "run"
    names = name_list([f"pid {child.pid} ({one_line(child.command, 60)})" for child in children], 5)
    return (
        f"{killed}; {count(len(children), 'child process', 'child processes')} of it still {run}: "
        f"{names}."
    )


class LoopEnd(msgspec.Struct, Generic[T], frozen=True):
    """The result of a coroutine, or its error; and whether a part of it is stuck and still runs."""

    value: T | None
    error: Exception | None
    stuck: bool


# Any: what a coroutine yields is between it and the loop.
def run_in_loop(main: Coroutine[Any, Any, T], patience: Callable[[], float]) -> LoopEnd[T]:
    """Run a coroutine in a new event loop; wait `patience()` seconds for what it leaves behind.

    `asyncio.run` would wait for ever for a task that ignores its cancellation, or for a thread.
    What is no `Exception` is raised on, once the coroutine has ended.
    """
    leavings = Leavings()
    runner = asyncio.Runner()
    threads = ThreadPoolExecutor(thread_name_prefix="peaceful-loop")
    runner.get_loop().set_default_executor(threads)
    value: T | None = None
    raised: Exception | None = None
    try:
        with OwnProcess():
            value = _run_to_its_end(main, runner.get_loop())
    except Exception as error:  # noqa: BLE001  handed on: what is left behind matters all the same
        raised = error
    except BaseException:
        runner.close()
        raise
    stuck = not runner.run(_all_end(threads, patience()))
    if not stuck:
        runner.close()
        stuck = leavings.keep_process()
    return LoopEnd(value, raised, stuck)


def _run_to_its_end(main: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Run a coroutine, whatever else in the loop raises.

    A task of an item's own that raises `SystemExit` or `KeyboardInterrupt` has failed, as by any
    other error; but asyncio raises these two out of the loop as well.
    """
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done() or is_ctrl_c(error):
                raise


async def _all_end(threads: ThreadPoolExecutor, seconds: float) -> bool:
    """Cancel tasks, close asynchronous generators and threads; return whether all ended in time."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    return (
        await _end(tasks, seconds)
        and await _end({loop.create_task(loop.shutdown_asyncgens())}, seconds)
        and await _end({start_in_thread(threads.shutdown)}, seconds)
    )


async def _end(futures: Iterable[asyncio.Future[Any]], seconds: float) -> bool:
    pending = {*futures}
    if pending:
        _, pending = await asyncio.wait(pending, timeout=seconds)
    return not pending
