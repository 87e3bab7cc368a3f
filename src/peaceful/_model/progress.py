"""The progress of an item, as data."""

from __future__ import annotations

import enum

import msgspec


class ProgressUnit(enum.StrEnum):
    """The unit of an item's progress."""

    BYTES = "bytes"
    STEPS = "steps"
    PERCENT = "percent"
    UNKNOWN = "unknown"
    """Nothing can be counted: it works, and nobody knows for how long."""


class Progress(msgspec.Struct, frozen=True):
    """The progress of an item at one moment.

    Attributes:
        unit: what `done` and `total` count.
        done: how much is done.
        total: how much there is to do, or null if unknown.
        rate: units per second, smoothed, or null if too little is known.
        seconds_left: an estimate, or null if too little is known.
        message: what it is doing now, in a few words.
        stalled_for: seconds since its last report, if that is longer than it should be.
    """

    unit: ProgressUnit = ProgressUnit.UNKNOWN
    done: float = 0
    total: float | None = None
    rate: float | None = None
    seconds_left: float | None = None
    message: str = ""
    stalled_for: float | None = None

    @property
    def fraction(self) -> float | None:
        """The fraction that is done, from 0 to 1, or `None` if the total is unknown."""
        if not self.total:
            return None
        return min(1.0, max(0.0, self.done / self.total))
