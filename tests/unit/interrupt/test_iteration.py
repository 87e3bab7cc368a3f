"""The rule for anyone's own iteration."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.interrupt import (
    NO_VALUE,
    FinishCurrent,
    IgnoreInterruptions,
    Interrupted,
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptSender,
    InterruptStrategy,
    NoInterrupt,
    NonInterruptible,
    PollNextN,
    Step,
    interrupt_channel,
    interruptible,
)


class Source:
    """Numbers from 0; sends the interrupt while one of them is in progress."""

    def __init__(self, sender: InterruptSender, size: int, interrupt_in: int | None) -> None:
        self.sender = sender
        self.size = size
        self.interrupt_in = interrupt_in
        self.begun: list[int] = []
        self.closed = False

    async def work(self, number: int) -> int:
        """One value."""
        self.begun.append(number)
        if number == self.interrupt_in:
            self.sender.request()
        await asyncio.sleep(0)
        return number

    async def stream(self) -> AsyncIterator[int]:
        """All of them, as an asynchronous iterator."""
        try:
            for number in range(self.size):
                yield await self.work(number)
        finally:
            self.closed = True

    def lazily(self) -> Iterator[Awaitable[int]]:
        """All of them, as a generator of awaitables."""
        try:
            for number in range(self.size):
                yield self.work(number)
        finally:
            self.closed = True

    def listed(self) -> list[Coroutine[Any, Any, int]]:
        """All of them, as a list of coroutines."""
        return [self.work(number) for number in range(self.size)]


# `Any`: which overload of `interruptible` is meant is decided when the test runs.
KINDS: list[Callable[[Source], Any]] = [Source.stream, Source.lazily, Source.listed]

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


async def run(
    kind: Callable[[Source], Any],
    strategy: InterruptStrategy,
    *,
    size: int = 5,
    interrupt_in: int | None = None,
    before: bool = False,
) -> tuple[list[Step[int]], Source]:
    """Goes through a source to the end of the iteration."""
    sender, receiver = interrupt_channel()
    source = Source(sender, size, interrupt_in)
    if before:
        sender.request()
    steps: list[Step[int]] = [
        step async for step in interruptible(kind(source), Interruptible(receiver, strategy))
    ]
    return steps, source


def values(*numbers: int) -> list[Step[int]]:
    """Steps that were not interrupted."""
    return [NoInterrupt(number) for number in numbers]


@kinds
async def test_without_an_interrupt_all_values_come(kind: Callable[[Source], Any]) -> None:
    """Every value is yielded as `NoInterrupt`, and then the iteration ends."""
    steps, _ = await run(kind, FinishCurrent(), size=3)
    assert steps == values(0, 1, 2)


@kinds
async def test_what_is_in_progress_is_finished(kind: Callable[[Source], Any]) -> None:
    """A value in progress when the signal comes is yielded as `Interrupted(value)`, the last."""
    steps, source = await run(kind, FinishCurrent(), interrupt_in=2)
    assert steps == [*values(0, 1), Interrupted(2)]
    assert source.begun == [0, 1, 2]


@kinds
async def test_at_a_boundary_nothing_begins(kind: Callable[[Source], Any]) -> None:
    """If nothing is in progress when the signal comes, `Interrupted()` is all that follows."""
    steps, source = await run(kind, FinishCurrent(), before=True)
    assert steps == [Interrupted()]
    assert source.begun == []


@kinds
async def test_a_signal_between_two_values_is_a_boundary(kind: Callable[[Source], Any]) -> None:
    """A signal sent while the caller works on a value is noticed before the next one begins."""
    sender, receiver = interrupt_channel()
    source = Source(sender, 5, None)
    steps: list[Step[int]] = []
    async for step in interruptible(kind(source), Interruptible(receiver)):
        steps.append(step)
        if step == NoInterrupt(1):
            sender.request()
    assert steps == [*values(0, 1), Interrupted()]
    assert source.begun == [0, 1]


@kinds
async def test_poll_next_begins_n_more(kind: Callable[[Source], Any]) -> None:
    """With `PollNextN(n)`, n more values begin after the one in progress; the n-th is the last."""
    steps, _ = await run(kind, PollNextN(2), interrupt_in=1, size=9)
    assert steps == [*values(0, 1, 2), Interrupted(3)]
    steps, _ = await run(kind, PollNextN(2), before=True)
    assert steps == [*values(0), Interrupted(1)]


@kinds
async def test_poll_next_ends_earlier_if_the_work_does(kind: Callable[[Source], Any]) -> None:
    """With more starts allowed than there are values, the iteration ends as if not interrupted."""
    steps, _ = await run(kind, PollNextN(9), interrupt_in=1, size=3)
    assert steps == values(0, 1, 2)


@kinds
async def test_ignoring_runs_to_the_end(kind: Callable[[Source], Any]) -> None:
    """With `IgnoreInterruptions`, nothing is noticed of the signal."""
    steps, _ = await run(kind, IgnoreInterruptions(), interrupt_in=1)
    assert steps == values(0, 1, 2, 3, 4)


@kinds
@given(
    size=st.integers(0, 6),
    interrupt_in=st.none() | st.integers(0, 6),
    strategy=st.one_of(st.just(FinishCurrent()), st.builds(PollNextN, st.integers(0, 6))),
)
def test_steps_follow_from_signal_and_strategy(
    kind: Callable[[Source], Any],
    size: int,
    interrupt_in: int | None,
    strategy: InterruptStrategy,
) -> None:
    """Whatever the sizes: all values up to the last allowed one, and that one alone is marked."""
    steps, source = asyncio.run(run(kind, strategy, size=size, interrupt_in=interrupt_in))
    n = strategy.n if isinstance(strategy, PollNextN) else 0
    last = size if interrupt_in is None else interrupt_in + n
    if last < size:
        assert steps == [*values(*range(last)), Interrupted(last)]
    else:
        assert steps == values(*range(size))
    assert source.begun == list(range(min(size, last + 1)))


@pytest.mark.parametrize("kind", [Source.lazily, Source.listed], ids=lambda kind: kind.__name__)
async def test_with_nothing_left_nothing_was_cut(kind: Callable[[Source], Any]) -> None:
    """An interrupt before a source that has no values at all is not reported."""
    steps, _ = await run(kind, FinishCurrent(), size=0, before=True)
    assert steps == []


async def test_the_count_is_that_of_the_state() -> None:
    """Two iterations with one state share its starts."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(3)))
    sender.request()
    source = Source(sender, 2, None)
    first = [step async for step in interruptible(source.listed(), state)]
    second = [step async for step in interruptible(source.listed(), state)]
    assert first == values(0, 1)
    assert second == [Interrupted(0)]
    assert state.starts_after_signal == 3


async def test_a_receiver_alone_will_do() -> None:
    """A receiver is heeded by `FinishCurrent`; what is not interruptible has no interrupt."""
    sender, receiver = interrupt_channel()
    sender.request(InterruptLevel.CANCEL)
    source = Source(sender, 1, None)
    assert [step async for step in interruptible(source.stream(), receiver)] == [Interrupted()]
    assert [step async for step in interruptible(source.stream(), NonInterruptible())] == values(0)


@pytest.mark.parametrize("kind", [Source.stream, Source.lazily], ids=lambda kind: kind.__name__)
async def test_the_source_is_closed_at_an_early_end(kind: Callable[[Source], Any]) -> None:
    """When the interrupt ends the iteration, generators are closed before it ends."""
    _, source = await run(kind, FinishCurrent(), interrupt_in=1)
    assert source.closed


async def test_coroutines_that_were_not_begun_are_closed() -> None:
    """No coroutine of a list is left to be complained of as never awaited."""
    sender, receiver = interrupt_channel()
    source = Source(sender, 5, 1)
    coroutines = source.listed()
    async for _ in interruptible(coroutines, receiver):
        pass
    states = [inspect.getcoroutinestate(coroutine) for coroutine in coroutines]
    assert states == [inspect.CORO_CLOSED] * 5


async def test_tasks_that_run_by_themselves_are_left_alone() -> None:
    """Tasks of a list go on after an interrupt; only nothing more is waited for."""
    sender, receiver = interrupt_channel()
    source = Source(sender, 3, None)
    tasks = [asyncio.create_task(source.work(number)) for number in range(3)]
    sender.request()
    assert [step async for step in interruptible(tasks, receiver)] == [Interrupted()]
    assert await asyncio.gather(*tasks) == [0, 1, 2]


async def test_other_iterators_need_not_be_closable() -> None:
    """Iterators with neither `close` nor `aclose` are let go."""

    class Ticks:
        def __aiter__(self) -> Ticks:
            return self

        async def __anext__(self) -> None:
            await asyncio.sleep(0)

    sender, receiver = interrupt_channel()
    steps: list[Step[None]] = []
    async for step in interruptible(Ticks(), receiver):
        steps.append(step)
        sender.request()
    assert steps == [NoInterrupt(None), Interrupted()]
    tasks = [asyncio.create_task(work) for work in Source(sender, 2, None).listed()]
    assert [step async for step in interruptible(iter(tasks), receiver)] == [Interrupted()]
    assert await asyncio.gather(*tasks) == [0, 1]


@kinds
async def test_an_error_ends_the_iteration_and_closes_the_source(
    kind: Callable[[Source], Any],
) -> None:
    """An error of the source is passed on, and nothing is left behind."""

    class Broken(Source):
        async def work(self, number: int) -> int:
            if number == 1:
                raise ValueError("mistake")
            return await super().work(number)

    sender, receiver = interrupt_channel()
    source = Broken(sender, 4, None)
    steps = interruptible(kind(source), Interruptible(receiver))
    assert await anext(steps) == NoInterrupt(0)
    with pytest.raises(ValueError, match="mistake"):
        await anext(steps)
    assert source.closed or kind is Source.listed


@kinds
async def test_leaving_the_loop_early_closes_the_source(kind: Callable[[Source], Any]) -> None:
    """Who leaves early closes the iteration, as any generator, and with it the source."""
    sender, receiver = interrupt_channel()
    source = Source(sender, 4, None)
    async with aclosing(interruptible(kind(source), Interruptible(receiver))) as steps:
        async for step in steps:
            assert step == NoInterrupt(0)
            break
    assert source.closed or kind is Source.listed


def test_no_value_is_not_none() -> None:
    """`Interrupted(None)` finished something; `Interrupted()` did not."""
    assert Interrupted(None) != Interrupted[None]()
    assert Interrupted(None).has_value
    assert not Interrupted[None]().has_value
    assert Interrupted[None]().value is NO_VALUE
