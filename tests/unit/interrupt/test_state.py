"""Whether the next thing may start: strategies, levels, scopes, and waking who waits."""

from __future__ import annotations

import asyncio
from typing import assert_never

import pytest

from peaceful.interrupt import (
    FinishCurrent,
    IgnoreInterruptions,
    Interrupted,
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptStrategy,
    NonInterruptible,
    PollNextN,
    interrupt_channel,
    wait_or_interrupted,
)

STOP, CANCEL, KILL = InterruptLevel


def starts(state: InterruptibilityState, most: int = 10) -> int:
    """How many things in a row may start."""
    return next((number for number in range(most) if not state.may_start()), most)


def test_all_may_start_before_a_signal() -> None:
    """Without a signal everything starts, and nothing is counted."""
    _, receiver = interrupt_channel()
    for strategy in (FinishCurrent(), PollNextN(0), IgnoreInterruptions()):
        state = InterruptibilityState(Interruptible(receiver, strategy))
        assert starts(state) == 10
        assert state.may_go_on()
        assert (state.signal, state.effective, state.starts_after_signal) == (None, None, 0)


@pytest.mark.parametrize("level", InterruptLevel)
@pytest.mark.parametrize(
    ("strategy", "at_stop", "above"),
    [
        (FinishCurrent(), 0, 0),
        (PollNextN(0), 0, 0),
        (PollNextN(3), 3, 0),
        (IgnoreInterruptions(), 10, 10),
    ],
)
def test_what_may_start_after_a_signal(
    strategy: InterruptStrategy, at_stop: int, above: int, level: InterruptLevel
) -> None:
    """`FinishCurrent` starts nothing, `PollNextN(n)` n things at STOP, ignoring starts all."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, strategy))
    sender.request(level)
    expected = at_stop if level is STOP else above
    assert state.may_go_on() == (expected > 0)
    assert starts(state) == expected == state.starts_after_signal
    assert state.may_go_on() == (expected == 10)


def test_a_higher_level_ends_what_poll_next_still_allowed() -> None:
    """CANCEL after STOP takes back the starts that were left."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(3)))
    sender.request()
    assert state.may_start()
    sender.request(CANCEL)
    assert not state.may_go_on()
    assert not state.may_start()
    assert state.starts_after_signal == 1


def test_boundaries_do_not_count() -> None:
    """Asking whether it may go on takes no start away."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(1)))
    sender.request()
    assert [state.may_go_on() for _ in range(5)] == [True] * 5
    assert state.may_start()
    assert not state.may_go_on()


@pytest.mark.parametrize("name", ["receiver", "strategy"])
def test_what_decides_cannot_be_replaced(name: str) -> None:
    """Else it would say one thing, and decide by another."""
    with pytest.raises(AttributeError):
        setattr(InterruptibilityState(NonInterruptible()), name, None)


def test_what_is_not_interruptible_has_no_receiver() -> None:
    """`NonInterruptible` starts everything, in all its parts, and never has a signal."""
    state = InterruptibilityState(NonInterruptible())
    assert state.scoped(FinishCurrent()) is state
    assert state.receiver is None
    assert state.strategy == IgnoreInterruptions()
    assert starts(state) == 10
    assert state.may_go_on()
    assert (state.signal, state.effective, state.starts_after_signal) == (None, None, 0)
    assert repr(state) == "InterruptibilityState(no receiver, IgnoreInterruptions(), 0)"


def test_an_ignored_signal_is_known_but_has_no_effect() -> None:
    """With `IgnoreInterruptions`, `signal` is the latched one, and `effective` is none."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, IgnoreInterruptions()))
    sender.request(KILL)
    assert state.receiver is receiver
    assert state.signal == receiver.poll()
    assert state.effective is None
    assert state.scoped(FinishCurrent()).effective == receiver.poll()


def test_a_part_decides_by_its_own_strategy() -> None:
    """A block's own strategy decides within it; the boundary after it asks the execution's."""
    sender, receiver = interrupt_channel()
    execution = InterruptibilityState(Interruptible(receiver))
    block = execution.scoped(IgnoreInterruptions())
    sender.request()
    assert starts(block) == 10
    assert block.may_go_on()
    assert not execution.may_go_on()
    assert execution.strategy == FinishCurrent()
    assert block.strategy == IgnoreInterruptions()


def test_starts_count_for_the_whole_execution() -> None:
    """Starts in a part count against the `PollNextN` around it, whatever allowed them."""
    sender, receiver = interrupt_channel()
    execution = InterruptibilityState(Interruptible(receiver, PollNextN(5)))
    first, second = execution.scoped(PollNextN(2)), execution.scoped(IgnoreInterruptions())
    sender.request()
    assert starts(first) == 2
    assert starts(second, most=1) == 1
    assert starts(execution) == 2
    assert starts(first) == 0
    assert [state.starts_after_signal for state in (execution, first, second)] == [5, 5, 5]
    assert repr(execution) == "InterruptibilityState(InterruptReceiver(stop), PollNextN(n=5), 5)"


def test_each_execution_begins_with_a_state_of_its_own() -> None:
    """States of executions that follow each other on one receiver know nothing of each other."""
    sender, receiver = interrupt_channel()
    interruptibility = Interruptible(receiver, PollNextN(1))
    first = InterruptibilityState.begin(interruptibility)
    sender.request()
    assert starts(first) == 1
    assert first.receiver is not None
    first.receiver.close()
    second = InterruptibilityState.begin(interruptibility)
    assert starts(second) == 10
    assert not first.may_go_on()
    sender.request()
    assert starts(second) == 1
    assert InterruptibilityState.begin(NonInterruptible()).receiver is None


async def stopped(state: InterruptibilityState) -> None:
    """Wait until nothing more may start."""
    step = await wait_or_interrupted(asyncio.Event().wait(), state)
    assert step == Interrupted()


async def test_who_waits_for_the_stop_wakes_at_the_signal() -> None:
    """With `FinishCurrent`, nothing more may start as soon as the signal comes."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver))
    waiting = asyncio.create_task(stopped(state))
    await asyncio.sleep(0)
    sender.request()
    await waiting
    await stopped(state)


async def test_who_waits_for_the_stop_wakes_with_the_last_allowed_start() -> None:
    """With `PollNextN`, nothing more may start once the last start is counted, in any part."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(2)))
    waiting = asyncio.create_task(stopped(state))
    sender.request()
    assert state.may_start()
    await asyncio.sleep(0)
    assert not waiting.done()
    assert state.scoped(IgnoreInterruptions()).may_start()
    await waiting


async def test_who_waits_for_the_stop_wakes_at_a_higher_level() -> None:
    """With `PollNextN`, nothing more may start from CANCEL on."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(2)))
    waiting = asyncio.create_task(stopped(state))
    sender.request()
    await asyncio.sleep(0)
    assert not waiting.done()
    sender.request(CANCEL)
    await waiting


async def test_waiting_for_a_level_heeds_the_strategy() -> None:
    """`wait_for` returns at the level, and never where the signal is ignored."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver))
    ignoring = asyncio.create_task(state.scoped(IgnoreInterruptions()).wait_for(STOP))
    waiting = asyncio.create_task(state.wait_for(CANCEL))
    sender.request()
    await asyncio.sleep(0)
    assert not waiting.done()
    sender.request(KILL)
    assert await waiting == receiver.poll()
    assert not ignoring.done()
    ignoring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ignoring


@pytest.mark.parametrize("interruptible", [True, False])
async def test_where_nothing_stops_waiting_lasts_until_cancelled(interruptible: bool) -> None:
    """Who waits for a stop that never comes can be cancelled."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(
        Interruptible(receiver, IgnoreInterruptions()) if interruptible else NonInterruptible()
    )
    sender.request(KILL)
    waiting = asyncio.create_task(stopped(state))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_waiting_leaves_nothing_behind() -> None:
    """Neither the latch nor the count remembers who has waited."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(1)))
    tasks = [asyncio.create_task(stopped(state)) for _ in range(3)]
    await asyncio.sleep(0)
    assert (len(receiver._current.latch.raised), len(state._starts.counted)) == (3, 3)
    tasks[0].cancel()
    sender.request()
    assert state.may_start()
    await asyncio.wait(tasks)
    assert (len(receiver._current.latch.raised), len(state._starts.counted)) == (0, 0)


async def test_being_told_of_the_stop_happens_once_and_only_within() -> None:
    """`call_when_stopped` calls once, also when it was stopped before, and not after leaving."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver))
    told: list[str] = []
    with state.call_when_stopped(lambda: told.append("within")):
        sender.request()
        sender.request(KILL)
        await asyncio.sleep(0)
        assert told == ["within"]
    with state.call_when_stopped(lambda: told.append("late")):
        pass
    await asyncio.sleep(0)
    with InterruptibilityState(NonInterruptible()).call_when_stopped(lambda: told.append("no")):
        await asyncio.sleep(0)
    assert told == ["within"]


def shown(strategy: InterruptStrategy) -> str:
    """Strategies are a closed union that `match` exhausts."""
    match strategy:
        case IgnoreInterruptions():
            return "ignores"
        case FinishCurrent():
            return "finishes"
        case PollNextN(n):
            return f"polls {n}"
        case _:
            assert_never(strategy)


def test_strategies_are_a_closed_union() -> None:
    """A `match` over the three strategies is exhaustive, for type checkers and when run."""
    assert shown(PollNextN(2)) == "polls 2"
    assert shown(FinishCurrent()) == "finishes"
    assert shown(IgnoreInterruptions()) == "ignores"
