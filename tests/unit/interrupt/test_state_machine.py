"""Any sequence of sends, polls, starts and closes, with any strategies, against a small model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from peaceful.interrupt import (
    FinishCurrent,
    IgnoreInterruptions,
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    InterruptStrategy,
    PollNextN,
    SendResult,
    interrupt_channel,
)

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

strategies = st.one_of(
    st.just(FinishCurrent()),
    st.just(IgnoreInterruptions()),
    st.builds(PollNextN, st.integers(0, 4)),
)


class Model:
    """What interruption means, in ten lines."""

    def __init__(self) -> None:
        self.accepted: list[InterruptSignal] = []
        self.closed = False
        self.count = 0

    @property
    def last(self) -> InterruptSignal | None:
        """What is latched."""
        return self.accepted[-1] if self.accepted else None

    def send(self, signal: InterruptSignal) -> SendResult:
        """Only a higher level is accepted, until the end."""
        if self.closed:
            return SendResult.TOO_LATE
        if any(signal.level <= before.level for before in self.accepted):
            return SendResult.UNCHANGED
        self.accepted.append(signal)
        return SendResult.ACCEPTED

    def may_go_on(self, strategy: InterruptStrategy) -> bool:
        """Ignored, or stopped with starts left."""
        if not self.accepted or strategy == IgnoreInterruptions():
            return True
        n = strategy.n if isinstance(strategy, PollNextN) else 0
        return self.accepted[-1].level is InterruptLevel.STOP and self.count < n

    def may_start(self, strategy: InterruptStrategy) -> bool:
        """Counts what starts after the signal."""
        allowed = self.may_go_on(strategy)
        self.count += allowed and bool(self.accepted)
        return allowed


class Interruption(RuleBasedStateMachine):
    """The real thing beside the model."""

    states = Bundle[tuple[InterruptibilityState, InterruptStrategy]]("states")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.sender, self.receiver = interrupt_channel()
        self.time = NOON
        self.subscribers: list[list[InterruptSignal]] = []

    @initialize(target=states, strategy=strategies)
    def begin(self, strategy: InterruptStrategy) -> tuple[InterruptibilityState, InterruptStrategy]:
        """An execution with its strategy."""
        return InterruptibilityState(Interruptible(self.receiver, strategy)), strategy

    @rule(target=states, state=states, strategy=strategies)
    def scope(
        self, state: tuple[InterruptibilityState, InterruptStrategy], strategy: InterruptStrategy
    ) -> tuple[InterruptibilityState, InterruptStrategy]:
        """A part of it with a strategy of its own."""
        return state[0].scoped(strategy), strategy

    @rule(level=st.sampled_from(InterruptLevel), source=st.sampled_from(InterruptSource))
    def send(self, level: InterruptLevel, source: InterruptSource) -> None:
        """A door asks."""
        self.time += timedelta(seconds=1)
        signal = InterruptSignal(level, source, self.time)
        assert self.sender.send(signal) is self.model.send(signal)

    @rule(state=states)
    def start(self, state: tuple[InterruptibilityState, InterruptStrategy]) -> None:
        """The next thing may start, or not."""
        assert state[0].may_start() == self.model.may_start(state[1])

    @rule(state=states)
    def go_on(self, state: tuple[InterruptibilityState, InterruptStrategy]) -> None:
        """A boundary."""
        assert state[0].may_go_on() == self.model.may_go_on(state[1])

    @rule(state=states)
    def look(self, state: tuple[InterruptibilityState, InterruptStrategy]) -> None:
        """What the state shows."""
        last = self.model.last
        assert state[0].signal == last
        assert state[0].effective == (None if state[1] == IgnoreInterruptions() else last)
        assert state[0].starts_after_signal == self.model.count

    @rule()
    def subscribe(self) -> None:
        """Somebody wants to be told."""
        told: list[InterruptSignal] = []
        self.receiver.subscribe(told.append)
        self.subscribers.append(told)

    @rule()
    def close(self) -> None:
        """The execution ends."""
        self.model.closed = True
        assert self.receiver.close() == self.model.last

    @invariant()
    def polls_agree(self) -> None:
        """Both ends say what the model says."""
        accepted = self.model.accepted
        assert self.receiver.poll() == self.sender.signal == self.model.last
        assert self.receiver.first == (accepted[0] if accepted else None)
        assert self.sender.closed == self.model.closed

    @invariant()
    def every_subscriber_was_told_all(self) -> None:
        """Whenever they subscribed, they know all."""
        assert all(told == self.model.accepted for told in self.subscribers)


TestInterruption = Interruption.TestCase
