"""The interrupt channel: a sender and a receiver of one latch."""

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

_LOG = logging.getLogger("peaceful.interrupt")

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
        return len(self._listeners)

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Add a listener; the returned function removes it, and may be called repeatedly.

        A listener must neither block nor raise, and must check for itself what has changed: it may
        be called once too often, or twice at the same time.
        """
        key = object()
        self._listeners[key] = listener

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    def notify(self) -> None:
        """Call every listener."""
        for listener in self._listeners.copy().values():
            listener()


@contextlib.contextmanager
def call_when(
    condition: Callable[[], bool], call: Callable[[], object], *listens: Listen
) -> Generator[None]:
    """Within the context, call a function once in the running loop, as soon as a condition holds.

    Args:
        condition: checked on entry and by each listener; once true, it must stay so, and it must be
            as quick and as safe as a listener.
        call: called by the loop; never after the context was left.
        listens: add listeners for changes that may make the condition true.
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


class SendResult(enum.Enum):
    """The effect of sending a signal."""

    ACCEPTED = "accepted"
    """It is the first one, or it raised the level."""
    UNCHANGED = "unchanged"
    """Already interrupted, at this level or a higher one."""
    TOO_LATE = "too_late"
    """The execution had ended."""


@dataclass(frozen=True, slots=True)
class LatchState:
    """The state of a latch at one moment.

    Attributes:
        accepted: the signals that raised the level, in order; each has a level of its own.
        closed: whether the latch has ended.
    """

    accepted: tuple[InterruptSignal, ...] = ()
    closed: bool = False

    @property
    def signal(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or `None`."""
        return self.accepted[-1] if self.accepted else None

    def has_reached(self, level: InterruptLevel) -> bool:
        """Return whether a signal of the level or of a higher one was accepted."""
        return bool(self.accepted) and self.accepted[-1].level >= level


class Latch:
    """A level that only goes up, until it is closed; `raised` is notified of each rise."""

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
        """The present state."""
        return self._states[len(self._states) - 1]

    def send(self, signal: InterruptSignal) -> SendResult:
        """Raise the level to that of a signal, if it is higher and the latch is not closed."""
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
        """Close the latch, and return its highest signal. Repeating it changes nothing."""
        place = len(self._states)
        while not (before := self._states[place - 1]).closed:
            self._states.setdefault(place, replace(before, closed=True))
            place = len(self._states)
        return before.signal


class CurrentLatch:
    """The latch of the execution that runs, or is about to; shared by the ends of a channel."""

    __slots__ = ("_renewing", "latch")

    def __init__(self, latch: Latch) -> None:
        self.latch: Latch = latch
        # Taken only where an execution begins, never by a signal handler.
        self._renewing = threading.Lock()

    def renewed(self) -> Latch:
        """Return the latch, replaced by a new one if it is closed."""
        with self._renewing:
            if self.latch.state.closed:
                self.latch = Latch()
            return self.latch


class _ChannelEnd:
    __slots__ = ("_current", "_now")

    def __init__(self, current: CurrentLatch, now: Callable[[], datetime]) -> None:
        self._current = current
        self._now = now

    def __repr__(self) -> str:
        state = self._current.latch.state
        level = "clear" if state.signal is None else str(state.signal.level)
        return f"{type(self).__name__}({level}{', closed' if state.closed else ''})"

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or `None`: when and where the interrupt began."""
        accepted = self._current.latch.state.accepted
        return accepted[0] if accepted else None


class InterruptSender(_ChannelEnd):
    """The sending end, made by `interrupt_channel`. No method blocks.

    Every method may be called from any thread, and from a signal handler, even from one that came
    in the middle of another call on the same thread.
    """

    __slots__ = ()

    @property
    def signal(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or `None`."""
        return self._current.latch.state.signal

    @property
    def closed(self) -> bool:
        """Whether the execution has ended, so that further signals come too late."""
        return self._current.latch.state.closed

    def send(self, signal: InterruptSignal) -> SendResult:
        """Request an interrupt. The level only goes up: a lower or an equal one changes nothing.

        Subscribers are called before this returns, on this thread; but a subscriber that is being
        called with another signal at this moment gets this one right afterwards, on that other
        call's thread.
        """
        return self._current.latch.send(signal)

    def request(
        self,
        level: InterruptLevel = InterruptLevel.STOP,
        *,
        source: InterruptSource = InterruptSource.API,
        reason: str | None = None,
    ) -> SendResult:
        """Request an interrupt at the present time; see `send`.

        Args:
            level: how much is interrupted.
            source: where the request came from.
            reason: what the person gave as a reason, or `None`.
        """
        return self._current.latch.send(InterruptSignal(level, source, self._now(), reason))


class InterruptReceiver(_ChannelEnd):
    """The receiving end, made by `interrupt_channel`. Thread-safe."""

    __slots__ = ()

    def poll(self) -> InterruptSignal | None:
        """Return the accepted signal of the highest level, or `None`. Quick; changes nothing."""
        return self._current.latch.state.signal

    @property
    def accepted(self) -> tuple[InterruptSignal, ...]:
        """The accepted signals, in order: each raised the level."""
        return self._current.latch.state.accepted

    async def wait(self, level: InterruptLevel = InterruptLevel.STOP) -> InterruptSignal:
        """Wait until the given level or a higher one is reached.

        Any number may wait, in any loops and threads; one that is cancelled leaves nothing behind.
        After `close`, a level that was not reached never will be: whoever ends the execution has to
        cancel those who still wait.

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
        """Call a function with every accepted signal: once each, by rising level, one at a time.

        Signals accepted before are passed before this returns; later ones on the thread that sends
        them, possibly in a signal handler: the callback must not block, and must not take a lock
        that the interrupted code could hold. To do more, let it call `loop.call_soon_threadsafe`.
        An error that it raises is logged to `peaceful.interrupt`, and stops neither the sender nor
        other subscribers.

        Returns:
            A function that ends the subscription. It may be called repeatedly, also by the callback
            itself; afterwards no further call begins.
        """
        latch = self._current.latch
        delivered = 0
        over = False
        turn = threading.Lock()

        def deliver() -> None:
            nonlocal delivered
            # Nobody waits for the turn: a signal handler in the middle of a callback would wait for
            # ever. Whoever has the turn looks again after giving it back, so that nothing is left.
            while delivered < len(latch.state.accepted) and turn.acquire(blocking=False):
                try:
                    for signal in latch.state.accepted[delivered:]:
                        if over:
                            return
                        delivered += 1
                        _call(callback, signal)
                finally:
                    turn.release()

        remove = latch.raised.add(deliver)
        deliver()

        def unsubscribe() -> None:
            nonlocal over
            over = True
            remove()

        return unsubscribe

    def sender(self) -> InterruptSender:
        """Return another sender of the same latch.

        For code that runs an execution with a given receiver, and lets further sources interrupt
        it.
        """
        return InterruptSender(self._current, self._now)

    def close(self) -> InterruptSignal | None:
        """Close the latch: signals that are sent from now on are `TOO_LATE`.

        This decides between "finished first" and "interrupted", once for all threads: a sender that
        got `ACCEPTED` finds its signal, or a higher one, in the result; one that got `TOO_LATE`
        does not. Closing again changes nothing and returns the same.

        Returns:
            The accepted signal of the highest level, or `None`.
        """
        return self._current.latch.close()

    def reopen(self) -> InterruptReceiver:
        """Clear the latch for the next execution, if another one has closed it.

        For programs that run one execution after another on the same channel. An open latch is left
        alone: a signal that came before the execution began applies to it. From now on both ends of
        the channel use the new latch; earlier waiters and subscribers stay with the closed one.

        Returns:
            A receiver of this one execution. It, its senders and its states stay with the latch of
            this execution for good: what was stopped or abandoned stays so while the next one runs,
            and a late request that was meant for it is `TOO_LATE`, and never interrupts the next.
        """
        return InterruptReceiver(CurrentLatch(self._current.renewed()), self._now)


def interrupt_channel(
    *, now: Callable[[], datetime] | None = None
) -> tuple[InterruptSender, InterruptReceiver]:
    """Return the two ends of a new latch. Needs no running loop, and belongs to none.

    Args:
        now: returns the time for `InterruptSender.request`, in UTC; the system's clock by default.
    """
    current, now = CurrentLatch(Latch()), now or SystemClock.now
    return InterruptSender(current, now), InterruptReceiver(current, now)


def _call(callback: Callable[[InterruptSignal], None], signal: InterruptSignal) -> None:
    try:
        callback(signal)
    except Exception:  # noqa: BLE001  its mistake must not harm the sender or others
        _LOG.exception("a subscriber of an interrupt raised an error at %s", signal.level)
