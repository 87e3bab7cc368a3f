"""Strategies, and the one place that decides whether the next thing may start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Never, TypeAlias, assert_never

from peaceful._errors.usage import DefinitionError
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful.interrupt._channel import InterruptReceiver, Listeners, call_when


@dataclass(frozen=True, slots=True)
class IgnoreInterruptions:
    """Continue whatever the level. The signal is still recorded, and shown in the outcome."""


@dataclass(frozen=True, slots=True)
class FinishCurrent:
    """Finish what is in progress and start nothing new."""


@dataclass(frozen=True, slots=True)
class PollNextN:
    """At STOP, start up to `n` more things, then stop. From CANCEL on, start nothing more.

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
"""The behaviour of an execution, or of a block, after an interrupt."""


@dataclass(frozen=True, slots=True)
class NonInterruptible:
    """Cannot be interrupted."""


@dataclass(frozen=True, slots=True)
class Interruptible:
    """Can be interrupted.

    Attributes:
        receiver: where requests arrive.
        strategy: what is done then.
    """

    receiver: InterruptReceiver
    strategy: InterruptStrategy = FinishCurrent()


Interruptibility: TypeAlias = NonInterruptible | Interruptible
"""Whether, and how, something can be interrupted."""


class _Starts:
    """Counts starts after the signal; shared by all scopes of one execution.

    Numbered places, each of which is taken once. Taking one is atomic, so that threads, and signal
    handlers in the middle of anything, count exactly without a lock.
    """

    __slots__ = ("_places", "counted")

    def __init__(self) -> None:
        self._places: dict[int, object] = {}
        self.counted: Listeners = Listeners()

    @property
    def count(self) -> int:
        return len(self._places)

    def take(self, place: int) -> bool:
        """Take a place, at most the first free one; return whether it was free."""
        mine = object()
        taken = self._places.setdefault(place, mine) is mine
        if taken:
            self.counted.notify()
        return taken


class InterruptibilityState:
    """Decides and counts what may still start. One per execution; thread-safe.

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
        receiver = "no receiver" if self.receiver is None else repr(self.receiver)
        return f"InterruptibilityState({receiver}, {self.strategy}, {self.starts_after_signal})"

    @classmethod
    def begin(cls, interruptibility: Interruptibility) -> InterruptibilityState:
        """Return the state of an execution that begins now, with a latch of its own.

        If another execution was run with the same receiver before, the latch is cleared; it stays
        with this execution, whatever runs next: see `InterruptReceiver.reopen`.
        """
        if isinstance(interruptibility, Interruptible):
            receiver = interruptibility.receiver.reopen()
            interruptibility = Interruptible(receiver, interruptibility.strategy)
        return cls(interruptibility)

    def scoped(self, strategy: InterruptStrategy) -> InterruptibilityState:
        """Return the state for a part of the execution with its own strategy, such as a block.

        Within the part its own strategy alone decides, stricter or laxer than the one around it.
        The latch and the count are shared with the execution, so the question at the next boundary
        is answered by the execution's own strategy.

        If the execution is not interruptible, neither are its parts.
        """
        if self.receiver is None:
            return self
        return InterruptibilityState(Interruptible(self.receiver, strategy), _starts=self._starts)

    @property
    def receiver(self) -> InterruptReceiver | None:
        """Where requests arrive, or `None` if not interruptible."""
        return self._receiver

    @property
    def strategy(self) -> InterruptStrategy:
        """What is done once interrupted; `IgnoreInterruptions` if not interruptible."""
        return self._strategy

    @property
    def signal(self) -> InterruptSignal | None:
        """The signal of the highest level, or `None`. Also if the strategy ignores it."""
        return None if self.receiver is None else self.receiver.poll()

    @property
    def effective(self) -> InterruptSignal | None:
        """The signal of the highest level, or `None`; also `None` if the strategy ignores it."""
        return None if self._limit is None else self.signal

    @property
    def starts_after_signal(self) -> int:
        """The number of starts in the execution after the signal, in all its parts."""
        return self._starts.count

    def may_start(self) -> bool:
        """Return whether the next thing may start, and count it as started: ask once for each.

        Items are things, or their changes if they are looked at first; blocks and boundaries are
        not: for those ask `may_go_on`.
        """
        signal = self.signal
        return signal is None or self._start(signal)

    def may_go_on(self) -> bool:
        """Return whether anything more may start, at a boundary or a safe point. Counts nothing."""
        signal = self.signal
        return signal is None or self._allows(signal, self._starts.count)

    async def wait_for(self, level: InterruptLevel) -> InterruptSignal:
        """Wait until the given level is reached and the strategy heeds it; return the signal.

        If nothing can be interrupted, or all is ignored, this waits until it is cancelled.
        """
        if self.receiver is None or self._limit is None:
            return await _forever()
        return await self.receiver.wait(level)

    def call_when_stopped(self, call: Callable[[], object]) -> AbstractContextManager[None]:
        """Within the context, call a function once, as soon as nothing more may start.

        The running loop calls it, and never after the context was left.
        """
        receiver = self.receiver
        if receiver is None:
            return nullcontext()
        return call_when(
            lambda: not self.may_go_on(),
            call,
            lambda listener: receiver.subscribe(lambda _signal: listener()),
            self._starts.counted.add,
        )

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
    """Return how many starts a strategy allows at STOP; `None` for any number, at any level."""
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
"""What determines whether there is an interrupt: a state; an interruptibility, which gets a state
of its own; or just a receiver, with `FinishCurrent`."""


def state_of(by: InterruptedBy) -> InterruptibilityState:
    """Return the state itself, or a new one that counts from 0."""
    match by:
        case InterruptibilityState():
            return by
        case InterruptReceiver():
            return InterruptibilityState(Interruptible(by))
        case _:
            return InterruptibilityState(by)
