"""The server's clock, as a part of its context."""

from __future__ import annotations

from dataclasses import dataclass

from peaceful.model import Clock


@dataclass(frozen=True, slots=True)
class Times:
    """Where requests take the time from.

    Attributes:
        clock: tells it.
    """

    clock: Clock
