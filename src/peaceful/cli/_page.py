"""Where results are shown: how wide it is, and whose time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

_UNLIMITED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Where results are shown.

    Attributes:
        width: columns of a line of prose, and of a list of names.
        zone: the zone of whoever reads it.
        now: the present, with its zone.
        ascii_only: whether it cannot show more than ASCII.
        limited: whether nothing wider can be seen; in a file or a pipe, it can.
    """

    width: int = 80
    zone: tzinfo = UTC
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ascii_only: bool = False
    limited: bool = True

    @property
    def room(self) -> int:
        """Columns of what is not wrapped, such as a row of a table."""
        return self.width if self.limited else _UNLIMITED
