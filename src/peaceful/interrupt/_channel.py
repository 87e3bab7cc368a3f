"""The interrupt channel: a sender and a receiver, the two ends of one latch."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from peaceful._model.clock import SystemClock
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource

Listen: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
"""Adds a listener to something, and returns the function that removes it."""


class Listeners:
    """Functions without arguments, called whenever something may have changed.

    Every method is one atomic operation on a dictionary, so each may be called from any thread, and
    from a signal handler that came in the middle of another call.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Add a listener; the returned function removes it, and may be called any number of times.

        Args:
            listener: called by `notify`. Must neither wait nor raise, and look for itself at what
                has changed: it may be called once too often, or twice at the same time.
        """
        key = object()
        self._listeners[key] = listener

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    def notify(self) -> None:
        """Call every listener there is now."""
        for listener in self._listeners.copy().values():
            listener()


@contextlib.contextmanager
def call_when(
    condition: Callable[[], bool], call: Callable[[], object], *listens: Listen
) -> Generator[None]:
    """Within the context, call a function once in the running loop, as soon as a condition holds.

    Args:
        condition: asked on entry, and after each change by whoever makes it; once true, it must
            stay so, and it must be as quick and as safe as a listener.
        call: called by the loop; never after the context was left.
        listens: listen to what may make the condition true.
    """
    loop = asyncio.get_running_loop()
    over = False

    def call_once() -> None:
        nonlocal over
        if not over:
            over = True
            call()

    def look() -> None:
        if condition():
            # A loop that was closed has no waiters left: there is nobody to call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call_once)

    removing = [listen(look) for listen in listens]
    try:
        look()  # Only now: what becomes true after this question is noticed by a listener.
        yield
    finally:
        over = True
        for remove in removing:
            remove()


_LOG = logging.getLogger("peaceful.interrupt")


class SendResult(enum.Enum):
    """What sending a signal has done."""

    ACCEPTED = "accepted"
    """It is the first one, or it raised the level."""
    UNCHANGED = "unchanged"
    """Already interrupted, at this level or a higher one."""
    TOO_LATE = "too_late"
    """The execution had ended."""


@dataclass(frozen=True, slots=True)
class LatchState:
    """What a latch holds at one moment.

    Attributes:
        accepted: the signals that raised the level, in order; each has a level of its own.
        closed: whether the latch has ended.
    """

    accepted: tuple[InterruptSignal, ...] = ()
    closed: bool = False

    @property
    def signal(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or none."""
        return self.accepted[-1] if self.accepted else None

    def has_reached(self, level: InterruptLevel) -> bool:
        """Return whether a signal of the level or of a higher one was accepted."""
        return bool(self.accepted) and self.accepted[-1].level >= level


class Latch:
    """A level that only goes up, until it ends.

    Attributes:
        raised: notified after the level has gone up.
    """

    # Python runs a signal handler in the main thread between any two instructions of whatever it
    # does, which may be one of these methods. A lock would not do: where the interrupted code holds
    # it, the handler would wait for ever, and one that lets its owner in again would show the
    # handler a change that is half made. So a state is never changed, only followed by another:
    # `setdefault` puts it in the next place unless something is there already, in one step, whoever
    # asks. Who finds the place taken looks at what is there, and decides anew. Nobody ever waits,
    # and there is one order of all changes for all threads and handlers. There are at most as many
    # states as levels, and two more.

    __slots__ = ("_states", "raised")

    def __init__(self) -> None:
        self._states = {0: LatchState()}
        self.raised: Listeners = Listeners()

    @property
    def state(self) -> LatchState:
        """What the latch holds now."""
        return self._states[len(self._states) - 1]

    def send(self, signal: InterruptSignal) -> SendResult:
        """Raise the level to that of a signal, if it is lower and the latch has not ended."""
        while True:
            place = len(self._states)
            before = self._states[place - 1]
            if before.closed:
                return SendResult.TOO_LATE
            if before.has_reached(signal.level):
                return SendResult.UNCHANGED
            after = replace(before, accepted=(*before.accepted, signal))
            if self._states.setdefault(place, after) is after:
                self.raised.notify()
                return SendResult.ACCEPTED

    def close(self) -> InterruptSignal | None:
        """End the latch; what was latched when it ended. Ending it again changes nothing."""
        place = len(self._states)
        while not (before := self._states[place - 1]).closed:
            self._states.setdefault(place, replace(before, closed=True))
            place = len(self._states)
        return before.signal


class CurrentLatch:
    """Which latch the ends of a channel mean.

    Attributes:
        latch: that of the execution which runs, or is about to.
    """

    __slots__ = ("_renewing", "latch")

    def __init__(self, latch: Latch) -> None:
        self.latch: Latch = latch
        # Taken only where an execution begins, never by a signal handler.
        self._renewing = threading.Lock()

    def renewed(self) -> Latch:
        """The latch, or a clear one in its place, if it is closed."""
        with self._renewing:
            if self.latch.state.closed:
                self.latch = Latch()
            return self.latch


class InterruptSender:
    """The end that asks. Every method may be called from any thread, and none waits.

    They may also be called from a signal handler, even from one that came in the middle of another
    call on the same thread. Made by `interrupt_channel`.
    """

    __slots__ = ("_current", "_now")

    def __init__(self, current: CurrentLatch, now: Callable[[], datetime]) -> None:
        self._current = current
        self._now = now

    def __repr__(self) -> str:
        return f"InterruptSender({_shown(self._current.latch)})"

    @property
    def signal(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or none."""
        return self._current.latch.state.signal

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or none: it tells when, and where, it all began."""
        return _first(self._current.latch)

    @property
    def closed(self) -> bool:
        """Whether the execution has ended, so that whatever is sent now comes too late."""
        return self._current.latch.state.closed

    def send(self, signal: InterruptSignal) -> SendResult:
        """Ask for an interrupt. The level only goes up: a lower or an equal one changes nothing.

        Subscribers are told before this returns, on this thread; but one that is being told of
        another signal at this moment is told of this one right afterwards, by whoever is telling
        it.
        """
        return self._current.latch.send(signal)

    def request(
        self,
        level: InterruptLevel = InterruptLevel.STOP,
        *,
        source: InterruptSource = InterruptSource.API,
        reason: str | None = None,
    ) -> SendResult:
        """Ask for an interrupt, as of now; see `send`.

        Args:
            level: how much is interrupted.
            source: the door that the request came through.
            reason: what the person said of it, or none.
        """
        return self._current.latch.send(InterruptSignal(level, source, self._now(), reason))


class InterruptReceiver:
    """The end that heeds, made by `interrupt_channel`. Safe in every thread."""

    __slots__ = ("_current", "_now")

    def __init__(self, current: CurrentLatch, now: Callable[[], datetime]) -> None:
        self._current = current
        self._now = now

    def __repr__(self) -> str:
        return f"InterruptReceiver({_shown(self._current.latch)})"

    def poll(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or none. Quick; asking changes nothing."""
        return self._current.latch.state.signal

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or none: it tells when, and where, it all began."""
        return _first(self._current.latch)

    async def wait(self, level: InterruptLevel = InterruptLevel.STOP) -> InterruptSignal:
        """Wait until the given level or a higher one is reached.

        Any number may wait, in any loops and threads; one that is cancelled leaves nothing behind.
        After `close`, a level that was not reached will never be: whoever ends the execution
        cancels those who still wait.

        Returns:
            The accepted signal of the highest level.
        """
        latch = self._current.latch
        reached = asyncio.Event()
        with call_when(lambda: latch.state.has_reached(level), reached.set, latch.raised.add):
            await reached.wait()
        signal = latch.state.signal
        assert signal is not None
        return signal

    def subscribe(self, callback: Callable[[InterruptSignal], None]) -> Callable[[], None]:
        """Tell a callback every accepted signal: once each, by rising level, one call at a time.

        What was accepted already is told at once, before this returns; what comes later is told by
        the thread that sends it, which may be in a signal handler: the callback must not wait, and
        must not take a lock that the interrupted code could hold. To do more, let it call
        `loop.call_soon_threadsafe`. An error that it raises is logged to `peaceful.interrupt`, and
        stops neither the sender nor the other subscribers.

        Returns:
            A function that ends the subscription. May be called any number of times, also by the
            callback itself; afterwards no further call begins.
        """
        latch = self._current.latch
        told = 0
        over = False
        turn = threading.Lock()

        def tell() -> None:
            nonlocal told
            # Nobody waits for the turn: a signal handler in the middle of a callback would wait for
            # ever. Whoever has the turn looks again after giving it back, so that nothing is left.
            while told < len(latch.state.accepted) and turn.acquire(blocking=False):
                try:
                    for signal in latch.state.accepted[told:]:
                        if over:
                            return
                        told += 1
                        _call(callback, signal)
                finally:
                    turn.release()

        remove = latch.raised.add(tell)
        tell()

        def unsubscribe() -> None:
            nonlocal over
            over = True
            remove()

        return unsubscribe

    def sender(self) -> InterruptSender:
        """Another end that asks, of the same latch.

        For whoever runs an execution that was handed a receiver, and opens further doors to it.
        """
        return InterruptSender(self._current, self._now)

    def close(self) -> InterruptSignal | None:
        """End the latch: whatever is sent from now on is `TOO_LATE`.

        "Finished first" or "accepted" is decided here, once for all threads: whoever was told
        `ACCEPTED` finds their signal in the answer, or a higher one; whoever was told `TOO_LATE`
        does not. Closing again changes nothing and gives the same answer.

        Returns:
            The accepted signal of the highest level, or none.
        """
        return self._current.latch.close()

    def reopen(self) -> InterruptReceiver:
        """Clear the latch for the next execution, if another one has closed it.

        For programs that run one execution after another on the same channel. An open latch is left
        alone: a signal that came before the execution began is heeded by it. From now on both ends
        of the channel mean the clear latch; who waits, and who subscribed, before stays with the
        one that was closed.

        Returns:
            A receiver of this one execution. It, its senders and its states stay with the latch of
            this execution for good: what was stopped or abandoned stays so while the next one runs,
            and a late request that was meant for it is `TOO_LATE`, and never interrupts the next.
        """
        return InterruptReceiver(CurrentLatch(self._current.renewed()), self._now)


def interrupt_channel(
    *, now: Callable[[], datetime] | None = None
) -> tuple[InterruptSender, InterruptReceiver]:
    """A new latch, as its two ends. Needs no running loop, and belongs to none.

    Args:
        now: tells the time for `InterruptSender.request`, in UTC; the system's clock by default.
    """
    current, now = CurrentLatch(Latch()), now or SystemClock.now
    return InterruptSender(current, now), InterruptReceiver(current, now)


def _call(callback: Callable[[InterruptSignal], None], signal: InterruptSignal) -> None:
    try:
        callback(signal)
    except Exception:  # noqa: BLE001  its mistake must not harm the sender or others
        _LOG.exception("a subscriber of an interrupt raised an error at %s", signal.level)


def _first(latch: Latch) -> InterruptSignal | None:
    accepted = latch.state.accepted
    return accepted[0] if accepted else None


def _shown(latch: Latch) -> str:
    state = latch.state
    level = "clear" if state.signal is None else str(state.signal.level)
    return f"{level}, closed" if state.closed else level
