"""What an item says of its progress, and how much of that is passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from peaceful.model import Progress, ProgressUnit

PUBLISH_EVERY: Final = 0.05
"""Seconds between two published pictures of one item: 20 a second are more than an eye can use."""

_SMOOTHING: Final = 2.0
"""Seconds over which a rate is smoothed: long enough to be read, short enough to follow."""


class ProgressReporter:
    """Takes what an item says of its progress: how much there is, how much is done, what it does now.

    May be called as often as the item likes, from any thread; a picture is passed on at most every
    `PUBLISH_EVERY` seconds, and at once where its message or its total changed.
    """

    __slots__ = (
        "_done",
        "_last_moved",
        "_last_published",
        "_message",
        "_monotonic",
        "_publish",
        "_rate",
        "_rate_at",
        "_rate_done",
        "_started",
        "_total",
        "_unit",
    )

    def __init__(self, publish: Callable[[Progress], None], monotonic: Callable[[], float]) -> None:
        self._publish = publish
        self._monotonic = monotonic
        self._unit = ProgressUnit.UNKNOWN
        self._total: float | None = None
        self._done: float = 0
        self._message = ""
        self._rate: float | None = None
        self._started = self._last_moved = self._rate_at = monotonic()
        self._rate_done: float = 0
        self._last_published = float("-inf")

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
            done: how much was done before, for work that carries on: it counts as done, and not into
                the rate. Without it, what was said of that before stands.
        """
        self._total, self._unit = total, unit
        if done is not None:
            self._done = self._rate_done = done
            self._rate, self._rate_at = None, self._monotonic()
        if unit is ProgressUnit.PERCENT and total is None:
            self._total = 100
        self._moved(at_once=True)

    def bytes(self, total: float | None, *, done: float | None = None) -> None:
        """Says that bytes are counted, and how many there are, if that is known; see `total`."""
        self.total(total, ProgressUnit.BYTES, done=done)

    def steps(self, total: float | None, *, done: float | None = None) -> None:
        """Says that steps are counted, and how many there are, if that is known; see `total`."""
        self.total(total, ProgressUnit.STEPS, done=done)

    def percent(self, done: float) -> None:
        """Says how much of the whole is done, from 0 to 100."""
        self._unit, self._total, self._done = ProgressUnit.PERCENT, 100, done
        self._moved()

    def advance(self, amount: float = 1) -> None:
        """Says that so much more is done."""
        self._done += amount
        self._moved()

    def done(self, done: float) -> None:
        """Says how much is done by now, in all."""
        self._done = done
        self._moved()

    def message(self, text: str) -> None:
        """Says what is done now, in a few words."""
        if text != self._message:
            self._message = text
            self._moved(at_once=True)

    @property
    def last_message(self) -> str:
        """The newest message; empty where there was none."""
        return self._message

    def stalled_for(self) -> float:
        """Seconds since the item last said anything."""
        return self._monotonic() - self._last_moved

    def snapshot(self, *, stalled_for: float | None = None) -> Progress:
        """The picture as it is now."""
        left: float | None = None
        if self._total is not None and self._rate:
            left = max(0.0, self._total - self._done) / self._rate
        return Progress(
            unit=self._unit,
            done=self._done,
            total=self._total,
            rate=self._rate,
            seconds_left=left,
            message=self._message,
            stalled_for=stalled_for,
        )

    def _moved(self, *, at_once: bool = False) -> None:
        now = self._monotonic()
        self._last_moved = now
        if now - self._last_published < PUBLISH_EVERY and not (at_once or self._is_whole()):
            return
        self._update_rate(now)
        self._last_published = now
        self._publish(self.snapshot())

    def _is_whole(self) -> bool:
        return self._total is not None and self._done >= self._total

    def _update_rate(self, now: float) -> None:
        """An exponential moving average whose weight is the share of the smoothing time that passed."""
        passed = now - self._rate_at
        if passed <= 0:
            return
        present = (self._done - self._rate_done) / passed
        weight = min(1.0, passed / _SMOOTHING)
        self._rate = present if self._rate is None else self._rate + weight * (present - self._rate)
        self._rate_at, self._rate_done = now, self._done
