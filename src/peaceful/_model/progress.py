"""How far an item is, as data."""

from __future__ import annotations

import enum

import msgspec


class ProgressUnit(enum.StrEnum):
    """What an item counts while it works."""

    BYTES = "bytes"
    STEPS = "steps"
    PERCENT = "percent"
    UNKNOWN = "unknown"
    """Nothing that could be counted: it works, and nobody knows for how long."""


class Progress(msgspec.Struct, frozen=True):
    """How far an item is at one moment.

    Attributes:
        unit: what `done` and `total` count.
        done: how much is done.
        total: how much there is to do, or none where that is not known.
        rate: units a second, smoothed, or none where too little is known.
        seconds_left: an estimate, or none where too little is known.
        message: what it does now, in a few words.
        stalled_for: seconds since it last moved, where that is longer than it should be.
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
        """How much of the whole is done, from 0 to 1, or none where the whole is not known."""
        if not self.total:
            return None
        return min(1.0, max(0.0, self.done / self.total))
