"""The port through which time comes in, so that tests need no waiting, and the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The time of day, in UTC, with its zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """Tells the time of this machine."""

    @staticmethod
    def now() -> datetime:
        """The time of day, in UTC, with its zone."""
        return datetime.now(UTC)

    @staticmethod
    def monotonic() -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()
