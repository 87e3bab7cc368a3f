"""Functions in threads and work to its end: what is handed on, and what cancelling does."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from waiting import PATIENCE, until

from peaceful._aio import (
    DaemonThreadPool,
    run_from_thread,
    run_in_thread,
    run_shielded,
    run_until,
    start_in_thread,
    wait_shielded,
)

Way: TypeAlias = Callable[..., Awaitable[Any]]
"""Runs a function in a thread. (Any: of whatever it returns.)"""

_TO_THE_END = ("a thread", "pool, shielded")
_WAYS = ("a thread", "a thread, not waited for", "pool", "pool, shielded")


def _way(name: str, pool: DaemonThreadPool) -> Way:
    match name:
        case "a thread":
            return run_in_thread
        case "a thread, not waited for":
            return start_in_thread
        case "pool":
            return pool.run
        case _:

            async def run(*args: Any, **kwargs: Any) -> Any:
                return await run_shielded(pool.submit(*args, **kwargs))

            return run


@pytest.fixture
def pool() -> Iterator[DaemonThreadPool]:
    """Some threads, which all end after the test."""
    pool = DaemonThreadPool(2, "test-pool")
    yield pool
    pool.close()
    for thread in _threads():
        thread.join()


@pytest.fixture
def run(request: pytest.FixtureRequest, pool: DaemonThreadPool) -> Way:
    """One of the ways to run a function in a thread, by its name."""
    return _way(request.param, pool)


@pytest.fixture
def reported() -> Iterator[list[dict[str, Any]]]:
    """What the running loop reports of errors that nobody has looked at."""
    found: list[dict[str, Any]] = []
    yield found
    assert not found


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("test-pool")]


class Gate:
    """A function that has begun, and ends when it may."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.ended = threading.Event()

    def __call__(self) -> str:
        """Waits until it may end."""
        self.begun.set()
        self.may_end.wait(PATIENCE)
        self.ended.set()
        if self.error is not None:
            raise self.error
        return "through"


every_way = pytest.mark.parametrize("run", _WAYS, indirect=True)
to_the_end = pytest.mark.parametrize("run", _TO_THE_END, indirect=True)
fails_or_not = pytest.mark.parametrize("error", [None, OSError("the disk is full")])


# ---- what is handed on


@every_way
async def test_results(run: Way) -> None:
    """A function gets its arguments, and what it returns is returned."""
    assert await run(lambda *args, **kwargs: (args, kwargs), 1, b=2) == ((1,), {"b": 2})


@every_way
@pytest.mark.parametrize(
    "error", [ValueError("odd"), asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1)]
)
async def test_errors(run: Way, error: BaseException) -> None:
    """What a function raises is raised, whatever it is; the thread that ran it goes on."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await run(fail)
    assert caught.value is error
    assert await run(lambda: "next") == "next"


@every_way
@pytest.mark.parametrize("error", [StopIteration(1), GeneratorExit()])
async def test_what_no_coroutine_can_be_told(run: Way, error: BaseException) -> None:
    """It is told as another error, of which it is the cause."""

    def fail() -> None:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        await run(fail)
    assert caught.value.__cause__ is error


@every_way
async def test_context_variables_are_seen(run: Way) -> None:
    """A function sees the variables of the task that runs it, and changes none of them."""
    variable = contextvars.ContextVar("variable", default="nobody's")
    variable.set("ours")

    def work() -> str:
        before = variable.get()
        variable.set("the thread's")
        return before

    assert await run(work) == "ours"
    assert variable.get() == "ours"


@every_way
async def test_threads(run: Way) -> None:
    """Threads keep no process alive, and are called what they are for."""
    thread = await run(threading.current_thread)
    assert thread.daemon
    assert thread.name.startswith(("peaceful-call-", "test-pool-"))


# ---- who waits is cancelled


@to_the_end
@fails_or_not
@pytest.mark.parametrize("times", [1, 2, 5])
async def test_to_the_end_of_a_function(
    run: Way, error: BaseException | None, times: int, reported: list[dict[str, Any]]
) -> None:
    """However often its task is cancelled, that waits for the function; then it is cancelled.

    What the function raises is of less interest, and is not reported as forgotten.
    """
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
    gate = Gate(error)
    task = asyncio.ensure_future(run(gate))
    await until(gate.begun.is_set)
    for _ in range(times):
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0)
        assert not done
    gate.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.ended.is_set()


@given(st.integers(1, 6), st.booleans(), st.booleans())
@examples(10)
async def test_to_the_end_of_a_coroutine(times: int, fails: bool, is_task: bool) -> None:
    """However often its task is cancelled, that waits for the coroutine; then it is cancelled."""
    may_end, steps = asyncio.Event(), list[str]()

    async def work() -> None:
        await may_end.wait()
        steps.append("done")
        if fails:
            raise OSError("the disk is full")

    task = asyncio.create_task(run_shielded(asyncio.create_task(work()) if is_task else work()))
    for _ in range(times):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["done"]


@to_the_end
async def test_cancelled_before_it_waits(run: Way) -> None:
    """A task that is to be cancelled where it next waits still runs the function first."""
    gate = Gate()

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await run(gate)

    task = asyncio.create_task(work())
    await until(gate.begun.is_set)
    assert not task.done()
    gate.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.ended.is_set()


async def test_results_of_shielded_work() -> None:
    """What a coroutine returns or raises is returned or raised, also where it is cancelled."""

    async def give() -> str:
        return "given"

    async def fail(error: BaseException) -> None:
        raise error

    assert await run_shielded(give()) == "given"
    with pytest.raises(ValueError, match="odd"):
        await run_shielded(fail(ValueError("odd")))
    with pytest.raises(asyncio.CancelledError):
        await run_shielded(fail(asyncio.CancelledError()))
    inner = asyncio.create_task(asyncio.Event().wait())
    outer = asyncio.create_task(run_shielded(inner))
    await asyncio.sleep(0)
    inner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer


async def test_a_function_that_may_never_return(pool: DaemonThreadPool) -> None:
    """Cancelled once, who runs it in a pool waits for it; cancelled once more, waits no longer."""
    gate = Gate()
    patient = asyncio.create_task(pool.run(gate))
    await until(gate.begun.is_set)
    patient.cancel()
    done, _ = await asyncio.wait({patient}, timeout=0)
    assert not done
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient
    assert not gate.ended.is_set()
    gate.may_end.set()


@pytest.mark.parametrize("run", ["a thread, not waited for", "pool"], indirect=True)
async def test_an_error_that_nobody_waits_for(run: Way, reported: list[dict[str, Any]]) -> None:
    """What a function raises after its caller has gone is nothing to report."""
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
    gate = Gate(ValueError("nobody hears it"))
    future = asyncio.ensure_future(run(gate))
    await until(gate.begun.is_set)
    for _ in range(2):
        future.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await future
    gate.may_end.set()
    await until(gate.ended.is_set)
    # Its thread, or the next that it runs, tells the loop after it.
    await run(lambda: None)


@fails_or_not
async def test_shared_work(error: BaseException | None, reported: list[dict[str, Any]]) -> None:
    """Who is cancelled leaves at once; the work goes on for others, or ends for nobody."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: reported.append(what))
    work: asyncio.Future[str] = loop.create_future()
    waiting = [asyncio.ensure_future(wait_shielded(work)) for _ in range(2)]
    await asyncio.sleep(0)
    for each in waiting[:1] if error is None else waiting:
        each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await each
    assert not work.done()
    if error is None:
        work.set_result("through")
        assert await waiting[1] == "through"
    else:
        work.set_exception(error)
        await asyncio.sleep(0)
        del work, waiting, each


@fails_or_not
def test_a_loop_that_is_closed_before_the_function_returns(
    error: BaseException | None, pool: DaemonThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits any more, so nobody is told, and nothing fails."""
    gates = [Gate(error), Gate(error)]

    async def leave() -> None:
        futures = [asyncio.ensure_future(pool.run(gates[0])), pool.submit(gates[1])]
        await until(lambda: all(gate.begun.is_set() for gate in gates))
        for _ in range(2):
            futures[0].cancel()
            await asyncio.sleep(0)

    asyncio.run(leave())
    for gate in gates:
        assert not gate.ended.is_set()
        gate.may_end.set()
    pool.close()
    for thread in _threads():
        thread.join()
    assert not caplog.records


# ---- pools


@examples(10)
@given(st.integers(1, 6), st.integers(1, 30))
async def test_no_more_run_at_once_than_allowed(size: int, functions: int) -> None:
    """All run, in threads of which there are at most so many; then these end."""
    pool, lock = DaemonThreadPool(size, "test-pool"), threading.Lock()
    running, highest = 0, 0

    def work(number: int) -> int:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        with lock:
            running -= 1
        return number

    results = await asyncio.gather(*(pool.run(work, number) for number in range(functions)))
    assert results == list(range(functions))
    assert highest <= size
    assert len(_threads()) <= size
    pool.close()
    await until(lambda: not _threads())


async def test_a_pool_grows_as_it_is_needed() -> None:
    """A thread that is free serves what comes next; another is started where none is."""
    pool, gates = DaemonThreadPool(3, "test-pool"), [Gate() for _ in range(4)]
    assert not _threads()
    futures = [pool.submit(gate) for gate in gates]
    for gate in gates[:3]:
        await until(gate.begun.is_set)
    assert len(_threads()) == 3
    assert not gates[3].begun.is_set()
    for gate in gates:
        gate.may_end.set()
    assert await asyncio.gather(*futures) == ["through"] * 4
    pool.close()
    await until(lambda: not _threads())


async def test_threads_without_work_end() -> None:
    """After a while; and no function is lost that comes just then."""
    pool = DaemonThreadPool(2, "test-pool", idle_timeout=0)
    for number in range(300):
        assert await pool.run(lambda: number) == number  # noqa: B023 - it is run at once
    await until(lambda: not _threads())
    assert await asyncio.gather(*(pool.run(int, number) for number in range(50))) == [*range(50)]
    await until(lambda: not _threads())


async def test_there_is_always_a_thread() -> None:
    """However many functions do not return, the next one runs."""
    gates = [Gate() for _ in range(50)]
    futures = [start_in_thread(gate) for gate in gates]
    assert await run_in_thread(lambda: "next") == "next"
    for gate in gates:
        gate.may_end.set()
    await asyncio.gather(*futures)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_in_a_forked_process() -> None:
    """Where threads of the process are not there any more, others are started."""
    program = (
        "import asyncio, os\n"
        "from peaceful._aio import run_in_thread\n"
        "def give():\n"
        "    return asyncio.run(run_in_thread(lambda: 'given'))\n"
        "assert give() == 'given'\n"
        "process = os.fork()\n"
        "assert give() == 'given'\n"
        "if process:\n"
        "    assert os.waitpid(process, 0)[1] == 0\n"
    )
    # Python warns of forking where there are threads, which is what this is about.
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=PATIENCE)


async def test_one_thread_works_in_order() -> None:
    """In a pool of one, what is submitted first is done first, also before it is closed."""
    pool, done = DaemonThreadPool(1, "test-pool"), list[int]()
    futures = [pool.submit(done.append, number) for number in range(11)]
    futures[10].cancel()
    last = threading.Event()
    pool.start(last.set)
    pool.close()
    await until(last.is_set)
    assert done == list(range(11))
    await until(lambda: not _threads())


async def test_after_closing_a_function_still_runs() -> None:
    """What was left behind goes on, and may run another function; its thread ends after it."""
    pool = DaemonThreadPool(2, "test-pool")
    pool.close()
    assert await pool.run(lambda: "still") == "still"
    await until(lambda: not _threads())


def test_work_that_nobody_waits_for(
    pool: DaemonThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    """It needs no loop. An error of it is logged, and the thread serves others."""
    done = threading.Event()

    def fail() -> None:
        raise SystemExit

    for _ in range(4):
        pool.start(fail)
    pool.start(done.set)
    assert done.wait(PATIENCE)
    pool.close()
    for thread in _threads():
        thread.join()
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 4
    assert "nobody waited for it" in caplog.text


async def test_a_thread_keeps_nothing_of_what_it_did(pool: DaemonThreadPool) -> None:
    """While it waits for the next function, what the last one had can be let go of."""

    class Large:
        """Takes much memory."""

    large = Large()
    there = weakref.ref(large)
    await pool.run(id, large)
    del large
    await until(lambda: there() is None)


# ---- from a thread


async def test_a_coroutine_for_a_thread() -> None:
    """A thread that runs a coroutine in the loop gets its result or its error."""
    loop = asyncio.get_running_loop()

    async def work(error: BaseException | None) -> str:
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return "given"

    def ask(error: BaseException | None) -> str:
        return run_from_thread(work(error), loop, None)

    assert await run_in_thread(ask, None) == "given"
    for error in (ValueError("odd"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await run_in_thread(ask, error)


async def test_the_loops_own_thread_must_not_wait_for_itself() -> None:
    """It would never go on: that is an error, and the coroutine is not left behind."""
    work = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        run_from_thread(work, asyncio.get_running_loop(), None)


async def test_the_owner_of_a_thread_is_cancelled(pool: DaemonThreadPool) -> None:
    """Then so is the coroutine that its thread waits for."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Event()
    ended: list[str] = []

    async def forever() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("coroutine")

    async def own() -> None:
        ask = partial(run_from_thread, forever(), loop, asyncio.current_task())
        await pool.run(ask)

    owner = asyncio.create_task(own())
    await waiting.wait()
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    assert ended == ["coroutine"]


async def _ends(how: Exception | str) -> str:
    await asyncio.sleep(0)
    if isinstance(how, Exception):
        raise how
    return how


async def test_work_until_something_else_ends() -> None:
    """The work ends with what it ended with; where the other ends first, it is cancelled."""
    cancelled = asyncio.Event()

    async def forever() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    assert await run_until(_ends("done"), forever()) == "done"
    assert cancelled.is_set()
    cancelled.clear()
    assert await run_until(forever(), _ends("left")) is None
    assert cancelled.is_set()
    with pytest.raises(ValueError, match="wrong"):
        await run_until(_ends(ValueError("wrong")), forever())


async def test_an_error_of_the_other_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    """As of a connection that is reset: the work is cancelled, and nothing is logged."""
    assert await run_until(asyncio.Event().wait(), _ends(ConnectionResetError())) is None
    gc.collect()
    assert not caplog.records
