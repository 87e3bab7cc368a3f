"""What an item's functions are given."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from item_contexts import Bench

from peaceful import ItemCtx, State
from peaceful._item.safe_point import Passed, StoppedAtSafePoint
from peaceful.commands import ItemProgressed
from peaceful.interrupt import InterruptLevel


class Half(State):
    """A state that is half done."""

    done: int


async def test_it_says_where_it_is(bench: Bench, tmp_path: Path) -> None:
    """The execution, the workspace, the profile, the flow, the command, the item."""
    ctx = bench.ctx

    assert (ctx.execution_id, ctx.profile, ctx.flow) == (
        bench.ctx.execution_id,
        "dev",
        "deploy",
    )
    assert (ctx.command, ctx.item, ctx.workspace) == ("ensure", "thing", tmp_path)
    ctx.resources.insert("a resource")
    assert ctx.resources.get(str) == "a resource"


async def test_its_log_carries_where_it_is(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """So that a log can be searched by execution and item."""
    caplog.set_level(logging.INFO, "peaceful.item")

    bench.ctx.log.info("at %s", "work")

    [record] = caplog.records
    assert record.getMessage() == "at work"
    assert record.__dict__["execution_id"] == bench.ctx.execution_id
    assert record.__dict__["item_id"] == "thing"


@pytest.mark.parametrize("name", ["workspace", "resources", "misspelt"])
async def test_it_cannot_be_changed(bench: Bench, name: str) -> None:
    """What an item is told stays as it is, and a name that there is not is an error."""
    with pytest.raises(AttributeError):
        setattr(bench.ctx, name, None)


async def test_progress_becomes_events(bench: Bench) -> None:
    """With the item and the time."""
    bench.clock.seconds = 5
    bench.ctx.progress.steps(3)

    [event] = bench.events
    assert event == ItemProgressed(bench.clock.now(), "thing", bench.ctx.progress.snapshot())


async def test_held_back_progress_is_passed_on_by_the_loop(make_bench: Callable[[], Bench]) -> None:
    """A little later, though the item says nothing more."""
    bench = make_bench()
    bench.ctx.progress.steps(3)
    bench.ctx.progress.advance()
    assert len(bench.events) == 1

    await bench.until(lambda: len(bench.events) > 1)

    last = bench.events[-1]
    assert isinstance(last, ItemProgressed)
    assert last.progress.done == 1


async def test_nothing_is_said_of_an_item_that_has_ended(bench: Bench) -> None:
    """Its ending is the last thing that is said of it."""

    async def item() -> ItemCtx:
        ctx = ItemCtx("other", bench.ctx._scope)
        ctx.progress.steps(3)
        ctx.progress.advance()
        return ctx

    ctx = await asyncio.create_task(item())
    before = len(bench.events)
    ctx._unless_ended(ctx.progress._publish_delayed)

    assert len(bench.events) == before


def test_a_context_may_outlive_its_loop(make_bench: Callable[[], Bench]) -> None:
    """A thread that was abandoned may still say something; one may be made outside of any loop."""

    async def made() -> Bench:
        return make_bench()

    bench = asyncio.run(made())

    bench.ctx.progress.steps(3)
    bench.ctx.progress.advance()
    other = ItemCtx("other", bench.ctx._scope)
    other.progress.steps(1)
    assert len(bench.events) == 2
    asyncio.run(bench.ctx.sleep(0))


async def test_a_safe_point_is_passed_without_an_interrupt(bench: Bench) -> None:
    """Awaited, it lets the loop run once; in a plain function it is just called."""
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "loop")

    passed = bench.ctx.safe_point()
    assert isinstance(passed, Passed)
    assert turns == []
    await passed
    await bench.ctx.safe_point()

    assert turns == ["loop"]


async def test_a_safe_point_ends_an_interrupted_item(bench: Bench) -> None:
    """With what was done so far, and where that was; no `except Exception` swallows it."""
    bench.ctx.progress.message("writing")
    bench.interrupt()

    with pytest.raises(StoppedAtSafePoint) as stopped:
        _ = bench.ctx.safe_point(Half(done=3))
    assert stopped.value.partial == Half(done=3)
    assert stopped.value.where == "writing"
    with pytest.raises(StoppedAtSafePoint) as stopped:
        await bench.ctx.safe_point(where="at 3 of 5")
    assert stopped.value.where == "at 3 of 5"
    assert stopped.value.partial is None
    assert not isinstance(stopped.value, Exception)


async def test_values_come_with_safe_points_between(bench: Bench) -> None:
    """Of any iterable."""
    seen: list[int] = []

    async def work() -> None:
        async for number in bench.ctx.interruptible([1, 2, 3, 4], where="between"):
            seen.append(number)
            if number == 2:
                bench.interrupt()

    assert [number async for number in bench.ctx.interruptible([8, 9])] == [8, 9]
    with pytest.raises(StoppedAtSafePoint, match="between"):
        await work()

    assert seen == [1, 2]


class Counting:
    """An asynchronous source that can be closed."""

    def __init__(self) -> None:
        self.closed = False

    async def numbers(self) -> AsyncIterator[int]:
        """1, 2, 3."""
        try:
            for number in (1, 2, 3):
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed = True


class Bare:
    """An asynchronous iterator that cannot be closed."""

    def __init__(self) -> None:
        self.number = 0

    def __aiter__(self) -> Bare:
        return self

    async def __anext__(self) -> int:
        if self.number == 3:
            raise StopAsyncIteration
        self.number += 1
        return self.number


async def test_asynchronous_values_come_with_safe_points_too(bench: Bench) -> None:
    """A generator is closed in the end, also where the item stops."""
    source = Counting()
    assert [number async for number in bench.ctx.interruptible(source.numbers())] == [1, 2, 3]
    assert source.closed
    assert [number async for number in bench.ctx.interruptible(Bare())] == [1, 2, 3]

    source, seen = Counting(), list[int]()

    async def take(numbers: AsyncIterator[int]) -> None:
        async for number in bench.ctx.interruptible(numbers):
            seen.append(number)
            bench.interrupt()

    with pytest.raises(StoppedAtSafePoint):
        await take(source.numbers())
    assert seen == [1]
    assert source.closed
    with pytest.raises(StoppedAtSafePoint):
        await take(Bare())
    assert seen == [1]


async def test_waiting_ends_with_the_interrupt(bench: Bench) -> None:
    """What may be given up is cancelled at once."""
    cancelled = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert await bench.ctx.wait_for(asyncio.sleep(0, "value")) == "value"
    waiting = asyncio.create_task(
        bench.ctx.wait_for(forever(), partial=Half(done=1), where="while waiting")
    )
    await asyncio.sleep(0)
    bench.interrupt()

    with pytest.raises(StoppedAtSafePoint, match="while waiting") as stopped:
        await waiting
    assert stopped.value.partial == Half(done=1)
    assert cancelled.is_set()


async def test_sleep_is_woken_by_the_interrupt(bench: Bench) -> None:
    """And does not begin after it."""
    await bench.ctx.sleep(0)
    sleeping = asyncio.create_task(bench.ctx.sleep(10_000, where="asleep"))
    await asyncio.sleep(0)
    assert not sleeping.done()

    bench.interrupt()

    with pytest.raises(StoppedAtSafePoint, match="asleep"):
        await sleeping
    with pytest.raises(StoppedAtSafePoint):
        await bench.ctx.sleep(10_000)


async def test_items_are_asked_to_end_from_cancel_on(bench: Bench) -> None:
    """Not at STOP, where what is in progress finishes."""
    interrupted = bench.ctx.interrupted
    assert not interrupted
    assert interrupted.signal is None

    bench.interrupt()
    assert not interrupted.is_set()
    signal = bench.ctx.interrupted.signal
    assert signal is not None
    assert signal.level is InterruptLevel.STOP
    waiting = asyncio.create_task(interrupted.wait())
    await asyncio.sleep(0)
    assert not waiting.done()

    bench.interrupt(InterruptLevel.CANCEL)
    assert interrupted
    assert (await waiting).level is InterruptLevel.CANCEL


async def test_blocking_is_for_threads(bench: Bench) -> None:
    """In the loop's own thread it would wait for itself."""
    work = bench.ctx.sleep(1)

    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        bench.ctx.blocking(work)
    gc.collect()  # There is no coroutine that was never awaited.
