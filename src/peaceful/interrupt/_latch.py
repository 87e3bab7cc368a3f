"""The shared state of a channel: an append-only log. The order of its entries decides everything.

There is no lock. Appending to a list is atomic in Python, whichever thread does it, and also when a
signal handler does it in the middle of another append. Every answer is a pure function of the
entries: what comes before the end counts, what comes after it came too late. A handler can
therefore run at any instruction of any of these methods, and neither waits for anybody nor loses
anything.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from peaceful.interrupt._bell import Bell
from peaceful.model import InterruptSignal


class SendResult(enum.Enum):
    """What sending a signal has done."""

    ACCEPTED = "accepted"
    """It is the first one, or it raised the level."""
    UNCHANGED = "unchanged"
    """Already interrupted, at this level or a higher one."""
    TOO_LATE = "too_late"
    """The execution had ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One entry of the log; two entries are never equal, even if the same signal was sent twice.

    Attributes:
        signal: what was sent; none for the end of the latch.
    """

    signal: InterruptSignal | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log says.

    Attributes:
        length: how many entries were read. A log only grows, so this tells if a reading is up to
            date.
        accepted: the signals that raised the level, in order; each has a level of its own.
        signal: the last of them, or none.
        closed: whether the latch has ended.
    """

    length: int
    accepted: tuple[InterruptSignal, ...]
    signal: InterruptSignal | None
    closed: bool


_EMPTY: Final = Reading(length=0, accepted=(), signal=None, closed=False)


def read(log: Sequence[Entry]) -> Reading:
    """What a log says, from its first entry to its end."""
    accepted: list[InterruptSignal] = []
    closed = False
    for entry in log:
        if entry.signal is None:
            closed = True
            break
        if not accepted or entry.signal.level > accepted[-1].level:
            accepted.append(entry.signal)
    return Reading(
        length=len(log),
        accepted=tuple(accepted),
        signal=accepted[-1] if accepted else None,
        closed=closed,
    )


def verdict(log: Sequence[Entry], sent: Entry, signal: InterruptSignal) -> SendResult:
    """What an entry of the log has done, given what stands before it.

    Args:
        log: the entries, among them the one in question.
        sent: the entry in question.
        signal: its signal.
    """
    reading = read(log[: log.index(sent)])
    if reading.closed:
        return SendResult.TOO_LATE
    if reading.signal is None or signal.level > reading.signal.level:
        return SendResult.ACCEPTED
    return SendResult.UNCHANGED


class Latch:
    """A level that only goes up, until it ends. Safe in every thread and in signal handlers.

    Attributes:
        raised: rings after the level has gone up.
    """

    __slots__ = ("_log", "_reading", "raised")

    def __init__(self) -> None:
        self._log: list[Entry] = []
        self._reading = _EMPTY
        self.raised: Bell = Bell()

    @property
    def reading(self) -> Reading:
        """What the latch says now."""
        reading = self._reading
        if reading.length != len(self._log):
            # Two threads may both come here, and the older reading may be stored last; its length
            # then tells the next reader to read anew.
            reading = self._reading = read(self._log[:])
        return reading

    @property
    def signal(self) -> InterruptSignal | None:
        """The signal of the highest level, or none. Asked for every item, hence this short way."""
        return self.reading.signal if self._log else None

    @property
    def first(self) -> InterruptSignal | None:
        """The signal that was accepted first, or none."""
        accepted = self.reading.accepted
        return accepted[0] if accepted else None

    def send(self, signal: InterruptSignal) -> SendResult:
        """Raise the level to that of a signal, if it is lower and the latch has not ended."""
        now = self.reading
        if now.closed:
            return SendResult.TOO_LATE
        if now.signal is not None and signal.level <= now.signal.level:
            return SendResult.UNCHANGED
        sent = Entry(signal)
        self._log.append(sent)
        # Others may have come first since the question above; the order of the log is what counts.
        result = verdict(self._log[:], sent, signal)
        if result is SendResult.ACCEPTED:
            self.raised.ring()
        return result

    def close(self) -> InterruptSignal | None:
        """End the latch; what was latched when it ended. Ending it again changes nothing."""
        if not self.reading.closed:
            self._log.append(Entry(None))
        return self.signal
