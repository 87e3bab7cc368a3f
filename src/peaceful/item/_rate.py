"""How fast something goes: an average in which what is long ago counts less and less."""

from __future__ import annotations

import math
from typing import Final

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
