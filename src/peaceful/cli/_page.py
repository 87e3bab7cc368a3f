"""Where results are shown: how wide it is, and whose time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Page:
    """Where results are shown.

    Attributes:
        width: columns of a line.
        zone: the zone of whoever reads it.
        now: the present, with its zone.
        ascii_only: whether it cannot show more than ASCII.
    """

    width: int = 80
    zone: tzinfo = UTC
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ascii_only: bool = False
