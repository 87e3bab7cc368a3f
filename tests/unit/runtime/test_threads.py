"""Threads for plain functions: how many, what is told, and what happens to who waits."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from until import until

from peaceful.runtime import DaemonThreads, in_thread, to_the_end


def _of_ours() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("peaceful-item")]


@examples(10)
@given(st.integers(1, 6), st.integers(1, 30))
async def test_no_more_run_at_once_than_allowed(most: int, functions: int) -> None:
    """All run, in threads of which there are at most so many; then these end."""
    threads, lock = DaemonThreads(most), threading.Lock()
    running, highest = 0, 0

    def work(number: int) -> int:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        with lock:
            running -= 1
        return number

    results = await asyncio.gather(*(threads.run(work, number) for number in range(functions)))
    assert results == list(range(functions))
    assert highest <= most
    await until(lambda: threads.busy == 0)
    threads.close()
    await until(lambda: not _of_ours())


@pytest.mark.parametrize("error", [StopIteration(1), GeneratorExit()])
@pytest.mark.parametrize("for_disk", [True, False])
async def test_what_no_coroutine_can_be_told(error: BaseException, for_disk: bool) -> None:
    """It is told as another error, of which it is the cause."""
    threads = DaemonThreads(1)

    def fail() -> None:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        await (in_thread(fail) if for_disk else threads.run(fail))
    assert caught.value.__cause__ is error
    threads.close()


async def test_context_variables_are_seen() -> None:
    """A function sees the variables of the task that runs it, and changes none of them."""
    variable = contextvars.ContextVar("variable", default="nobody's")
    variable.set("ours")

    def work() -> str:
        before = variable.get()
        variable.set("the thread's")
        return before

    threads = DaemonThreads(1)
    assert await threads.run(work) == "ours"
    assert variable.get() == "ours"
    threads.close()


async def test_who_is_cancelled_waits_for_the_function() -> None:
    """Nothing goes on behind the caller's back; cancelled once more, it waits no longer."""
    threads, may_end = DaemonThreads(1), threading.Event()
    started = threading.Event()

    def work() -> None:
        started.set()
        may_end.wait()

    patient = asyncio.create_task(threads.run(work))
    await until(started.is_set)
    patient.cancel()
    await asyncio.sleep(0)
    assert not patient.done()
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient
    assert threads.busy == 1
    may_end.set()
    await until(lambda: threads.busy == 0)
    threads.close()


async def test_an_error_that_nobody_waits_for_is_not_reported() -> None:
    """What a function raises after its caller has gone is nothing to report."""
    threads, may_end, started = DaemonThreads(1), threading.Event(), threading.Event()
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))

    def work() -> None:
        started.set()
        may_end.wait()
        raise ValueError("nobody hears it")

    task = asyncio.create_task(threads.run(work))
    await until(started.is_set)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await until(lambda: threads.busy == 0)
    await asyncio.sleep(0)
    threads.close()
    assert not reported


async def test_after_closing_a_function_still_runs() -> None:
    """What was left behind goes on, and may run another function; its thread ends after it."""
    threads = DaemonThreads(2)
    threads.close()
    assert await threads.run(lambda: "still") == "still"
    await until(lambda: not _of_ours())


def test_a_loop_that_is_closed_before_the_function_returns() -> None:
    """Nobody waits any more, so nobody is told, and nothing fails."""
    threads, may_end = DaemonThreads(1), threading.Event()

    async def leave() -> None:
        task = asyncio.create_task(threads.run(may_end.wait))
        await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)

    asyncio.run(leave())
    may_end.set()
    threads.close()
    for thread in _of_ours():
        thread.join()


# ---- to the end


async def test_a_coroutine_that_must_not_be_left_half_done() -> None:
    """However often who waits is cancelled, it runs to its end; then the cancellation is told."""
    may_end, steps = asyncio.Event(), []

    async def work() -> None:
        await may_end.wait()
        steps.append("done")

    task = asyncio.create_task(to_the_end(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["done"]


async def test_a_function_for_the_disk_that_must_not_be_left_half_done() -> None:
    """Likewise; what it raises is of less interest than that the task is to end."""
    started, may_end = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        may_end.wait()
        raise OSError("the disk is full")

    task = asyncio.create_task(in_thread(work))
    await until(started.is_set)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [ValueError("odd"), asyncio.CancelledError(), SystemExit(1)])
async def test_what_it_raises_is_raised(error: BaseException) -> None:
    """Its result and its error are the caller's."""

    async def give() -> str:
        return "given"

    assert await to_the_end(give()) == "given"
    assert await in_thread(lambda: "given") == "given"

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await in_thread(fail)
