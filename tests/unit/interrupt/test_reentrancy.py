"""A signal handler may come at any instruction: nothing is lost, and nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count, product
from typing import Final, TypeAlias

import pytest

from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptReceiver,
    InterruptSender,
    InterruptSignal,
    InterruptSource,
    PollNextN,
    SendResult,
    interrupt_channel,
)

RunInside: TypeAlias = Callable[[Callable[[], object], Callable[[], object], int], bool]
Operation: TypeAlias = Callable[[InterruptSender, InterruptReceiver], object]
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


def sending(level: InterruptLevel) -> Operation:
    """Sends a signal of that level."""
    signal = InterruptSignal(level, InterruptSource.SIGINT, NOON)
    return lambda sender, _: sender.send(signal)


def subscribe(receiver: InterruptReceiver) -> None:
    """Subscribes, and stays so."""
    receiver.subscribe(lambda _: None)


OPERATIONS: Final[dict[str, Operation]] = {
    "stop": sending(InterruptLevel.STOP),
    "cancel": sending(InterruptLevel.CANCEL),
    "poll": lambda _, receiver: receiver.poll(),
    "close": lambda _, receiver: receiver.close(),
    "subscribe": lambda _, receiver: subscribe(receiver),
}


def in_turn(first: Operation, second: Operation, *, latched: bool) -> tuple[object, object, object]:
    """What two operations and a question afterwards answer, one after the other."""
    sender, receiver = interrupt_channel()
    if latched:
        OPERATIONS["stop"](sender, receiver)
    return first(sender, receiver), second(sender, receiver), (receiver.poll(), sender.closed)


@pytest.mark.parametrize("latched", [False, True])
@pytest.mark.parametrize(("outer", "inner"), list(product(OPERATIONS, OPERATIONS)))
def test_one_operation_inside_another_is_as_one_after_the_other(
    outer: str, inner: str, latched: bool, run_inside: RunInside
) -> None:
    """At whichever instruction it comes, the answers are those of one of the two orders."""
    first, second = OPERATIONS[outer], OPERATIONS[inner]
    outer_last = in_turn(second, first, latched=latched)
    allowed = [
        in_turn(first, second, latched=latched),
        (outer_last[1], outer_last[0], outer_last[2]),
    ]

    def works(instruction: int) -> bool:
        sender, receiver = interrupt_channel()
        if latched:
            OPERATIONS["stop"](sender, receiver)
        told: list[InterruptSignal] = []
        receiver.subscribe(told.append)
        answers: dict[str, object] = {}

        def run(name: str, operation: Operation) -> None:
            answers[name] = operation(sender, receiver)

        happened = run_inside(
            lambda: run("outer", first), lambda: run("inner", second), instruction
        )
        if happened:
            state = (receiver.poll(), sender.closed)
            assert (answers["outer"], answers["inner"], state) in allowed
        assert told == list(receiver._current.latch.state.accepted)
        return happened

    assert instructions(works) > 5


def test_a_subscription_inside_a_send_misses_nothing(run_inside: RunInside) -> None:
    """Who subscribes while a signal is being sent is told it exactly once."""

    def works(instruction: int) -> bool:
        sender, receiver = interrupt_channel()
        told: list[InterruptSignal] = []
        happened = run_inside(sender.request, lambda: receiver.subscribe(told.append), instruction)
        assert [signal.level for signal in told] == [InterruptLevel.STOP] * happened
        return happened

    assert instructions(works) > 20


def test_a_send_inside_a_subscription_is_told_once(run_inside: RunInside) -> None:
    """A signal that comes while somebody subscribes is told exactly once."""

    def works(instruction: int) -> bool:
        sender, receiver = interrupt_channel()
        told: list[InterruptSignal] = []
        happened = run_inside(lambda: receiver.subscribe(told.append), sender.request, instruction)
        assert len(told) == happened
        return happened

    assert instructions(works) > 20


def test_sends_inside_sends_tell_by_rising_level(run_inside: RunInside) -> None:
    """A higher level that comes while a lower one is being told is told afterwards, once."""

    def works(instruction: int) -> bool:
        sender, receiver = interrupt_channel()
        told: list[InterruptLevel] = []
        receiver.subscribe(lambda signal: told.append(signal.level))
        results: list[SendResult] = []
        happened = run_inside(
            lambda: results.append(sender.request()),
            lambda: results.append(sender.request(InterruptLevel.CANCEL)),
            instruction,
        )
        assert told == sorted(set(told))
        assert results.count(SendResult.ACCEPTED) == len(told)
        assert not happened or told[-1] is InterruptLevel.CANCEL
        return happened

    assert instructions(works) > 20


@pytest.mark.parametrize("n", [1, 2])
def test_a_start_inside_a_start_is_counted_exactly(run_inside: RunInside, n: int) -> None:
    """`PollNextN(n)` allows n starts in all, even if a handler asks amid the question."""

    def works(instruction: int) -> bool:
        sender, receiver = interrupt_channel()
        state = InterruptibilityState(Interruptible(receiver, PollNextN(n)))
        sender.request()
        answers: list[bool] = []
        happened = run_inside(
            lambda: answers.append(state.may_start()),
            lambda: answers.append(state.may_start()),
            instruction,
        )
        assert answers.count(True) == state.starts_after_signal == min(n, 1 + happened)
        return happened

    assert instructions(works) > 20


def instructions(works: Callable[[int], bool]) -> int:
    """Tries every instruction; how many there were."""
    return next(number for number in count() if not works(number))
