"""The two thin ends of one latch: who asks for an interrupt, and who heeds it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from peaceful.interrupt._bell import until
from peaceful.interrupt._latch import Latch, SendResult
from peaceful.interrupt._subscription import Subscription
from peaceful.model import InterruptLevel, InterruptSignal, InterruptSource, SystemClock


class Line:
    """Which latch the ends of a channel mean.

    Attributes:
        latch: that of the execution which runs, or is about to.
    """

    __slots__ = ("_renewing", "latch")

    def __init__(self, latch: Latch) -> None:
        self.latch: Latch = latch
        self._renewing = threading.Lock()

    def renewed(self) -> Latch:
        """The latch, or a clear one in its place, if it is closed."""
        with self._renewing:
            if self.latch.reading.closed:
                self.latch = Latch()
            return self.latch


class InterruptSender:
    """The end that asks. Every method may be called from any thread, and none waits.

    They may also be called from a signal handler, even from one that came in the middle of another
    call on the same thread. Made by `interrupt_channel`.
    """

    __slots__ = ("_line", "_now")

    def __init__(self, line: Line, now: Callable[[], datetime]) -> None:
        self._line = line
        self._now = now

    def __repr__(self) -> str:
        return f"InterruptSender({_shown(self._line.latch)})"

    @property
    def signal(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or none."""
        return self._line.latch.signal

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or none: it tells when, and where, it all began."""
        return self._line.latch.first

    @property
    def closed(self) -> bool:
        """Whether the execution has ended, so that whatever is sent now comes too late."""
        return self._line.latch.reading.closed

    def send(self, signal: InterruptSignal) -> SendResult:
        """Ask for an interrupt. The level only goes up: a lower or an equal one changes nothing.

        Subscribers are told before this returns, on this thread; but one that is being told of
        another signal at this moment is told of this one right afterwards, by whoever is telling
        it.
        """
        return self._line.latch.send(signal)

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
        return self._line.latch.send(InterruptSignal(level, source, self._now(), reason))


class InterruptReceiver:
    """The end that heeds, made by `interrupt_channel`. Safe in every thread."""

    __slots__ = ("_line", "_now")

    def __init__(self, line: Line, now: Callable[[], datetime]) -> None:
        self._line = line
        self._now = now

    def __repr__(self) -> str:
        return f"InterruptReceiver({_shown(self._line.latch)})"

    def poll(self) -> InterruptSignal | None:
        """The accepted signal of the highest level, or none. Quick; asking changes nothing."""
        return self._line.latch.signal

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or none: it tells when, and where, it all began."""
        return self._line.latch.first

    async def wait(self, level: InterruptLevel = InterruptLevel.STOP) -> InterruptSignal:
        """Wait until the given level or a higher one is reached.

        Any number may wait, in any loops and threads; one that is cancelled leaves nothing behind.
        After `close`, a level that was not reached will never be: whoever ends the execution
        cancels those who still wait.

        Returns:
            The accepted signal of the highest level.
        """
        latch = self._line.latch
        await until(lambda: _reached(latch, level), latch.raised.listen)
        signal = latch.signal
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
        latch = self._line.latch
        subscription = Subscription(latch, callback)
        leave = latch.raised.listen(subscription.deliver)
        subscription.deliver()

        def unsubscribe() -> None:
            subscription.end()
            leave()

        return unsubscribe

    def sender(self) -> InterruptSender:
        """Another end that asks, of the same latch.

        For whoever runs an execution that was handed a receiver, and opens further doors to it.
        """
        return InterruptSender(self._line, self._now)

    def close(self) -> InterruptSignal | None:
        """End the latch: whatever is sent from now on is `TOO_LATE`.

        "Finished first" or "accepted" is decided here, once for all threads: whoever was told
        `ACCEPTED` finds their signal in the answer, or a higher one; whoever was told `TOO_LATE`
        does not. Closing again changes nothing and gives the same answer.

        Returns:
            The accepted signal of the highest level, or none.
        """
        return self._line.latch.close()

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
        return InterruptReceiver(Line(self._line.renewed()), self._now)


def interrupt_channel(
    *, now: Callable[[], datetime] | None = None
) -> tuple[InterruptSender, InterruptReceiver]:
    """A new latch, as its two ends. Needs no running loop, and belongs to none.

    Args:
        now: tells the time for `InterruptSender.request`, in UTC; the system's clock by default.
    """
    line, now = Line(Latch()), now or SystemClock().now
    return InterruptSender(line, now), InterruptReceiver(line, now)


def _reached(latch: Latch, level: InterruptLevel) -> bool:
    signal = latch.signal
    return signal is not None and signal.level >= level


def _shown(latch: Latch) -> str:
    level = "clear" if latch.signal is None else str(latch.signal.level)
    return f"{level}, closed" if latch.reading.closed else level
