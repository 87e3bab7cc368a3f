"""Progress of one item: its reports, its rate and its estimated end."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import RLock
from typing import Final

from peaceful._disclosure import kept
from peaceful._model.events import Progress, ProgressUnit

SMOOTHING: Final = 2.0
"""Seconds over which a rate is smoothed: long enough to be read, short enough to follow."""

SHOWN_AFTER: Final = 0.25
"""Seconds of work before which no rate is shown, as it would be random."""


PUBLISH_EVERY: Final = 0.05
"""Seconds between two published snapshots of one item: nobody sees more than 20 a second."""


class Rate:
    """A rate per second, as an exponentially weighted average over time.

    Amount and time decay alike, so that the average is right from the beginning, even if updates
    come at irregular intervals.
    """

    __slots__ = ("_amount", "_at", "_counts", "_seconds")

    def __init__(self, now: float) -> None:
        self._at = now
        self._amount = 0.0
        self._seconds = 0.0
        self._counts = False

    def add(self, now: float, amount: float) -> None:
        """Add the amount that was done since the last update; a negative one takes back."""
        passed = now - self._at
        self._amount = self._amount * _decay(passed) + amount
        self._seconds = self._seconds * _decay(passed) + passed
        self._at = now
        self._counts = True

    def per_second(self, now: float) -> float | None:
        """Return the rate, or `None` if too little is known. It falls while nothing is done."""
        passed = now - self._at
        seconds = self._seconds * _decay(passed) + passed
        if seconds < SHOWN_AFTER or not self._counts:
            return None
        return max(0.0, self._amount * _decay(passed) / seconds)


def _decay(seconds: float) -> float:
    return math.exp(-seconds / SMOOTHING)


class ProgressReporter:
    """Takes an item's reports: how much there is to do, how much is done, what it is doing now.

    May be called as often as the item likes, from any thread. A snapshot is published at most every
    `PUBLISH_EVERY` seconds, and at once if the message or the total changed, or all is done; the
    latest one is always published in the end.

    Args:
        publish: takes snapshots.
        monotonic: a clock, in seconds, that never goes back.
        later: calls a function after some seconds; without it, a delayed snapshot is published with
            the item's next report.
    """

    __slots__ = (
        "_done",
        "_is_delayed",
        "_last_published",
        "_last_report",
        "_later",
        "_lock",
        "_message",
        "_monotonic",
        "_publish",
        "_rate",
        "_total",
        "_unit",
    )

    def __init__(
        self,
        publish: Callable[[Progress], None],
        monotonic: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self._publish = publish
        self._monotonic = monotonic
        self._later = later
        # Re-entrant, because whoever takes a picture may make the item say something.
        self._lock = RLock()
        self._unit = ProgressUnit.UNKNOWN
        self._total: float | None = None
        self._done: float = 0
        self._message = ""
        self._last_report = monotonic()
        self._rate = Rate(self._last_report)
        self._last_published = float("-inf")
        self._is_delayed = False

    def total(
        self,
        total: float | None,
        unit: ProgressUnit = ProgressUnit.STEPS,
        *,
        done: float | None = None,
    ) -> None:
        """Report how much there is to do.

        Args:
            total: the amount in the unit, or `None` if unknown.
            unit: what is counted.
            done: how much was done before, for work that is resumed; it does not count for the
                rate. By default, what was reported before stays.
        """
        with self._lock:
            if unit is not self._unit:
                self._rate = Rate(self._monotonic())
            self._total, self._unit = total, unit
            if unit is ProgressUnit.PERCENT and total is None:
                self._total = 100
            if done is not None:
                self._done = done
                self._rate = Rate(self._monotonic())
            self._report(at_once=True)

    def bytes(self, total: float | None, *, done: float | None = None) -> None:
        """Count bytes, and report how many there are, if known; see `total`."""
        self.total(total, ProgressUnit.BYTES, done=done)

    def steps(self, total: float | None, *, done: float | None = None) -> None:
        """Count steps, and report how many there are, if known; see `total`."""
        self.total(total, ProgressUnit.STEPS, done=done)

    def percent(self, done: float) -> None:
        """Report how much of the whole is done, from 0 to 100."""
        with self._lock:
            if self._unit is not ProgressUnit.PERCENT:
                self.total(100, ProgressUnit.PERCENT, done=0)
            self._advance(done - self._done)

    def advance(self, amount: float = 1) -> None:
        """Report that so much more is done."""
        with self._lock:
            self._advance(amount)

    def done(self, done: float) -> None:
        """Report how much is done so far, in all."""
        with self._lock:
            self._advance(done - self._done)

    def message(self, text: str) -> None:
        """Report what is being done now, in a few words."""
        text = kept(text)
        with self._lock:
            changed = text != self._message
            self._message = text
            self._report(at_once=changed)

    @property
    def last_message(self) -> str:
        """The latest message, or empty."""
        return self._message

    def stalled_for(self) -> float:
        """Return the seconds since the item's last report."""
        return self._monotonic() - self._last_report

    def snapshot(self, *, stalled_for: float | None = None) -> Progress:
        """Return the present progress; `stalled_for` is passed on as it is."""
        with self._lock:
            rate = self._rate.per_second(self._monotonic())
            left = None
            if self._total is not None and rate:
                left = max(0.0, self._total - self._done) / rate
            return Progress(
                unit=self._unit,
                done=self._done,
                total=self._total,
                rate=rate,
                seconds_left=left,
                message=self._message,
                stalled_for=stalled_for,
            )

    def _advance(self, amount: float) -> None:
        was_complete = self._is_complete()
        self._done += amount
        self._rate.add(self._monotonic(), amount)
        self._report(at_once=self._is_complete() and not was_complete)

    def _report(self, *, at_once: bool) -> None:
        now = self._last_report = self._monotonic()
        wait = self._last_published + PUBLISH_EVERY - now
        if at_once or wait <= 0:
            self._publish_now()
        elif self._later is not None and not self._is_delayed:
            self._is_delayed = True
            self._later(wait, self._publish_delayed)

    def _publish_delayed(self) -> None:
        with self._lock:
            if self._is_delayed:
                self._publish_now()

    def _publish_now(self) -> None:
        self._is_delayed = False
        self._last_published = self._monotonic()
        self._publish(self.snapshot())

    def _is_complete(self) -> bool:
        return self._total is not None and self._done >= self._total
