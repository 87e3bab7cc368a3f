"""Progress of one item: what is reported, how fast it is, when it will end."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import RLock
from typing import Final

from peaceful._model.progress import Progress, ProgressUnit

SMOOTHING: Final = 2.0
"""Seconds over which a rate is smoothed: long enough to be read, short enough to follow."""

SHOWN_AFTER: Final = 0.25
"""Seconds of work before which nothing is said of the rate: it would be chance."""


class Rate:
    """An exponentially weighted average, over time, of how much is done a second.

    Both the amount and the time fade alike, so that the average is right from the beginning,
    however unevenly it is told of.

    Args:
        now: when the work began.
    """

    __slots__ = ("_amount", "_at", "_counts", "_seconds")

    def __init__(self, now: float) -> None:
        self._at = now
        self._amount = 0.0
        self._seconds = 0.0
        self._counts = False

    def moved(self, now: float, amount: float) -> None:
        """Takes into account that so much was done since the last time.

        Args:
            now: a moment, not before the last one.
            amount: how much; less than none takes back what was said to be done.
        """
        passed = now - self._at
        self._amount = self._amount * _left_after(passed) + amount
        self._seconds = self._seconds * _left_after(passed) + passed
        self._at = now
        self._counts = True

    def at(self, now: float) -> float | None:
        """How much is done a second, or none where too little is known.

        Args:
            now: a moment, not before the last one. The longer nothing was done, the slower it is.
        """
        passed = now - self._at
        seconds = self._seconds * _left_after(passed) + passed
        if seconds < SHOWN_AFTER or not self._counts:
            return None
        return max(0.0, self._amount * _left_after(passed) / seconds)


def _left_after(seconds: float) -> float:
    return math.exp(-seconds / SMOOTHING)


PUBLISH_EVERY: Final = 0.05
"""Seconds between two published pictures of one item: 20 a second are more than an eye can use."""


class ProgressReporter:
    """Takes what an item says: how much there is to do, how much is done, what it does now.

    May be called as often as the item likes, from any thread. A picture is passed on at most every
    `PUBLISH_EVERY` seconds, and at once where its message or its total changed, or all is done; the
    newest one is always passed on in the end.

    Args:
        publish: takes pictures.
        monotonic: seconds since some fixed moment.
        later: calls a function after some seconds; without it, what is held back is passed on with
            whatever the item says next.
    """

    __slots__ = (
        "_done",
        "_held_back",
        "_last_moved",
        "_last_published",
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
        self._last_moved = monotonic()
        self._rate = Rate(self._last_moved)
        self._last_published = float("-inf")
        self._held_back = False

    def total(
        self,
        total: float | None,
        unit: ProgressUnit = ProgressUnit.STEPS,
        *,
        done: float | None = None,
    ) -> None:
        """Says how much there is to do.

        Args:
            total: in the unit, or none where that is not known.
            unit: what is counted.
            done: how much was done before, for work that carries on: it counts as done, and not
                into the rate. Without it, what was said of that before stands.
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
            self._moved(at_once=True)

    def bytes(self, total: float | None, *, done: float | None = None) -> None:
        """Says that bytes are counted, and how many there are, if that is known; see `total`."""
        self.total(total, ProgressUnit.BYTES, done=done)

    def steps(self, total: float | None, *, done: float | None = None) -> None:
        """Says that steps are counted, and how many there are, if that is known; see `total`."""
        self.total(total, ProgressUnit.STEPS, done=done)

    def percent(self, done: float) -> None:
        """Says how much of the whole is done, from 0 to 100."""
        with self._lock:
            if self._unit is not ProgressUnit.PERCENT:
                self.total(100, ProgressUnit.PERCENT, done=0)
            self._advance(done - self._done)

    def advance(self, amount: float = 1) -> None:
        """Says that so much more is done."""
        with self._lock:
            self._advance(amount)

    def done(self, done: float) -> None:
        """Says how much is done by now, in all."""
        with self._lock:
            self._advance(done - self._done)

    def message(self, text: str) -> None:
        """Says what is done now, in a few words."""
        with self._lock:
            changed = text != self._message
            self._message = text
            self._moved(at_once=changed)

    @property
    def last_message(self) -> str:
        """The newest message; empty where there was none."""
        return self._message

    def stalled_for(self) -> float:
        """Seconds since the item last said anything."""
        return self._monotonic() - self._last_moved

    def snapshot(self, *, stalled_for: float | None = None) -> Progress:
        """The picture as it is now.

        Args:
            stalled_for: what is to be said of that.
        """
        with self._lock:
            rate = self._rate.at(self._monotonic())
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
        was_whole = self._is_whole()
        self._done += amount
        self._rate.moved(self._monotonic(), amount)
        self._moved(at_once=self._is_whole() and not was_whole)

    def _moved(self, *, at_once: bool) -> None:
        now = self._last_moved = self._monotonic()
        wait = self._last_published + PUBLISH_EVERY - now
        if at_once or wait <= 0:
            self._pass_on()
        elif self._later is not None and not self._held_back:
            self._held_back = True
            self._later(wait, self._pass_on_held_back)

    def _pass_on_held_back(self) -> None:
        with self._lock:
            if self._held_back:
                self._pass_on()

    def _pass_on(self) -> None:
        self._held_back = False
        self._last_published = self._monotonic()
        self._publish(self.snapshot())

    def _is_whole(self) -> bool:
        return self._total is not None and self._done >= self._total
