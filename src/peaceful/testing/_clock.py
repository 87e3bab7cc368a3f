"""A clock under the control of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_START: Final = datetime(2000, 1, 1, tzinfo=UTC)


class ManualClock:
    """A thread-safe `Clock` that moves only when `advance` is called; it starts at `now` (UTC)."""

    def __init__(self, now: datetime = _START) -> None:
        self._begin = now
        self._passed = 0.0

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._begin + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Move the clock forward; a negative number raises `ValueError`."""
        if seconds < 0:
            raise ValueError(f"time cannot pass by {seconds} seconds")
        self._passed += seconds
