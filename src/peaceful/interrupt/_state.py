"""Strategies, and the one place that decides whether the next thing may start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Never, TypeAlias, assert_never

from peaceful._errors.usage import DefinitionError
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful.interrupt._channel import InterruptReceiver, Listen, Listeners, call_when


@dataclass(frozen=True, slots=True)
class IgnoreInterruptions:
    """Runs on, whatever the level. The signal is still latched, and shown in the outcome."""


@dataclass(frozen=True, slots=True)
class FinishCurrent:
    """Finishes what is in progress and starts nothing new."""


@dataclass(frozen=True, slots=True)
class PollNextN:
    """At STOP, starts a given number of things more, or fewer if the work ends first; then stops.

    From CANCEL on it starts nothing more.

    Attributes:
        n: how many; 0 is the same as `FinishCurrent`.

    Raises:
        DefinitionError: it is negative.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise DefinitionError(
                f"PollNextN({self.n}) cannot be: nothing can be started fewer than 0 times.",
                help="give the number of starts that are allowed after an interrupt, 0 or more",
            )


InterruptStrategy: TypeAlias = IgnoreInterruptions | FinishCurrent | PollNextN
"""What an execution, or a block of it, does once it is interrupted."""


@dataclass(frozen=True, slots=True)
class NonInterruptible:
    """There is no way to ask for an interrupt."""


@dataclass(frozen=True, slots=True)
class Interruptible:
    """An interrupt can be asked for.

    Attributes:
        receiver: where the request arrives.
        strategy: what is done then.
    """

    receiver: InterruptReceiver
    strategy: InterruptStrategy = FinishCurrent()


Interruptibility: TypeAlias = NonInterruptible | Interruptible
"""Whether, and how, something can be interrupted."""


class _Starts:
    """What was started after the signal; shared by all scopes of one execution.

    Numbered places, each of which is taken once. Taking one is atomic, so that threads, and signal
    handlers in the middle of anything, count exactly without a lock.
    """

    __slots__ = ("_places", "counted")

    def __init__(self) -> None:
        self._places: dict[int, object] = {}
        self.counted: Listeners = Listeners()

    @property
    def count(self) -> int:
        """How many places are taken: all below this number."""
        return len(self._places)

    def take(self, place: int) -> bool:
        """Take a place, which must not be beyond the first free one; whether it was free."""
        mine = object()
        taken = self._places.setdefault(place, mine) is mine
        if taken:
            self.counted.notify()
        return taken


class InterruptibilityState:
    """Decides and counts what may still start. One per execution; safe in every thread.

    | strategy | STOP | CANCEL, KILL |
    |---|---|---|
    | `FinishCurrent` | nothing starts | nothing starts |
    | `PollNextN(n)` | things start until n have been started since the signal | nothing starts |
    | `IgnoreInterruptions` | everything starts | everything starts |

    Each start after the signal counts, whatever the strategy that allowed it, because the count
    belongs to the execution: after a block that ignored the signal and started five things, a
    `PollNextN(3)` around it allows none.
    """

    __slots__ = ("_limit", "_receiver", "_starts", "_strategy")

    def __init__(
        self, interruptibility: Interruptibility, *, _starts: _Starts | None = None
    ) -> None:
        self._starts = _starts or _Starts()
        match interruptibility:
            case NonInterruptible():
                self._receiver: InterruptReceiver | None = None
                self._strategy: InterruptStrategy = IgnoreInterruptions()
            case Interruptible(receiver, strategy):
                self._receiver = receiver
                self._strategy = strategy
            case _:
                assert_never(interruptibility)
        self._limit = _limit(self._strategy)

    def __repr__(self) -> str:
        receiver = "no receiver" if self._receiver is None else repr(self._receiver)
        return f"InterruptibilityState({receiver}, {self._strategy}, {self.starts_after_signal})"

    @classmethod
    def begin(cls, interruptibility: Interruptibility) -> InterruptibilityState:
        """The state of an execution that begins now, with a latch of its own.

        It is clear, if another execution was run with the same receiver before, and it stays that
        of this execution, whatever runs next: see `InterruptReceiver.reopen`.
        """
        match interruptibility:
            case NonInterruptible():
                return cls(interruptibility)
            case Interruptible(receiver, strategy):
                return cls(Interruptible(receiver.reopen(), strategy))
            case _:
                assert_never(interruptibility)

    def scoped(self, strategy: InterruptStrategy) -> InterruptibilityState:
        """The same state, for a part of the execution with its own strategy, such as a block.

        Within the part its own strategy alone decides, be it stricter or laxer than the one around
        it. The latch and the count stay those of the execution, and so the question at the next
        boundary goes to the state of the execution, which answers by its own strategy.

        What cannot be interrupted stays so in all its parts.
        """
        if self._receiver is None:
            return self
        return InterruptibilityState(Interruptible(self._receiver, strategy), _starts=self._starts)

    @property
    def receiver(self) -> InterruptReceiver | None:
        """Where a request arrives; none if there cannot be one."""
        return self._receiver

    @property
    def strategy(self) -> InterruptStrategy:
        """What is done once interrupted; `IgnoreInterruptions` for what is not interruptible."""
        return self._strategy

    @property
    def signal(self) -> InterruptSignal | None:
        """The latched signal of the highest level, or none. Also where the strategy ignores it."""
        receiver = self._receiver
        return None if receiver is None else receiver.poll()

    @property
    def effective(self) -> InterruptSignal | None:
        """The latched signal of the highest level, unless the strategy ignores it."""
        return None if self._limit is None else self.signal

    @property
    def starts_after_signal(self) -> int:
        """How much was started in the execution after the signal, in all its parts."""
        return self._starts.count

    def may_start(self) -> bool:
        """Whether the next thing may start now. If so, it counts as started: ask once for each.

        Items are things; blocks and boundaries are not: for those ask `may_go_on`.
        """
        receiver = self._receiver
        if receiver is None:
            return True
        signal = receiver.poll()
        if signal is None:
            return True
        return self._start(signal)

    def may_go_on(self) -> bool:
        """Whether anything more may start, asked at a boundary or a safe point. Counts nothing."""
        receiver = self._receiver
        if receiver is None:
            return True
        signal = receiver.poll()
        return signal is None or self._allows(signal, self._starts.count)

    async def wait_for(self, level: InterruptLevel) -> InterruptSignal:
        """The latched signal, as soon as it has the given level and the strategy heeds it.

        Where nothing can be interrupted, or all is ignored, this waits until it is cancelled.
        """
        if self._receiver is None or self._limit is None:
            return await _forever()
        return await self._receiver.wait(level)

    def call_when_stopped(self, call: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the context, call a function once, as soon as nothing more may start.

        The running loop calls it, and never after the context was left.
        """
        listens = () if self._receiver is None else self._listens(self._receiver)
        return call_when(self._stopped, call, *listens)

    def _stopped(self) -> bool:
        return not self.may_go_on()

    def _listens(self, receiver: InterruptReceiver) -> tuple[Listen, ...]:
        def to_signals(listener: Callable[[], None]) -> Callable[[], None]:
            return receiver.subscribe(lambda _signal: listener())

        return (to_signals, self._starts.counted.add)

    def _allows(self, signal: InterruptSignal, place: int) -> bool:
        limit = self._limit
        return limit is None or (place < limit and signal.level is InterruptLevel.STOP)

    def _start(self, signal: InterruptSignal) -> bool:
        starts = self._starts
        # The place that is asked for must be the one that is taken, so the count is read once.
        while self._allows(signal, place := starts.count):
            if starts.take(place):
                return True
        return False


def _limit(strategy: InterruptStrategy) -> int | None:
    """How many starts a strategy allows at STOP; none for any number, at any level."""
    match strategy:
        case FinishCurrent():
            return 0
        case PollNextN(n):
            return n
        case IgnoreInterruptions():
            return None
        case _:
            assert_never(strategy)


async def _forever() -> Never:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("a future that nobody resolves was resolved")


InterruptedBy: TypeAlias = InterruptibilityState | Interruptibility | InterruptReceiver
"""What says whether something is interrupted: a state; an interruptibility, which gets a state of
its own; or a receiver alone, which is heeded by `FinishCurrent`."""


def state_of(by: InterruptedBy) -> InterruptibilityState:
    """The state itself, or a new one that counts from 0."""
    match by:
        case InterruptibilityState():
            return by
        case InterruptReceiver():
            return InterruptibilityState(Interruptible(by))
        case _:
            return InterruptibilityState(by)
