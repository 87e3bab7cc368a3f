"""A clock that tests turn by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where a `ManualClock` begins unless told otherwise."""


class ManualClock:
    """A `Clock` that stands still until it is told to go on. Safe in every thread.

    Args:
        now: the time of day that it begins with; UTC.
    """

    def __init__(self, now: datetime = MOMENT) -> None:
        self._begin = now
        self._passed = 0.0

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return self._begin + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Lets time pass.

        Raises:
            ValueError: back in time is not possible.
        """
        if seconds < 0:
            raise ValueError(f"time cannot pass by {seconds} seconds")
        self._passed += seconds
