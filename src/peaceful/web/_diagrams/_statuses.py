"""How each way in which an item can stand looks: a colour, a border, and a sign beside the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from peaceful.model import ItemStatus


@dataclass(frozen=True, slots=True)
class StatusLook:
    """How a box looks in a file of its own; in a page, its style sheet says.

    Attributes:
        ink: the colour of border and sign.
        ground: the colour within.
        dashes: the pattern of the border; empty for an unbroken one.
        sign: a path in a square of twelve pixels.
        filled: whether the sign is filled, or drawn as a line.
    """

    ink: str
    ground: str
    dashes: str
    sign: str
    filled: bool = False


PENDING: Final = "pending"

STATUSES: Final[Mapping[str, StatusLook]] = {
    PENDING: StatusLook("#8b949e", "#f7f7f8", "", "M3.5 6a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z"),
    "queued": StatusLook("#6b7680", "#f1f2f3", "1 2", "M2.5 6h.01M6 6h.01M9.5 6h.01"),
    "running": StatusLook("#2563a8", "#e8f0fa", "", "M3.5 2.2l6 3.8-6 3.8z", filled=True),
    "finishing": StatusLook("#2563a8", "#e8f0fa", "6 2", "M2.5 2.5l4.5 3.5-4.5 3.5M9.5 2.5v7"),
    "done": StatusLook("#2f6f5e", "#e6f2ee", "", "M2 6.5l2.8 2.8L10 3.2"),
    "unchanged": StatusLook("#6d9a8d", "#f3f8f6", "", "M2.5 4.2h7M2.5 7.8h7"),
    "failed": StatusLook("#b3261e", "#fbe9e7", "", "M2.8 2.8l6.4 6.4M9.2 2.8l-6.4 6.4"),
    ItemStatus.ABANDONED.value: StatusLook("#9a5b00", "#fdf1dc", "", "M3 3h6v6h-6z", filled=True),
    "not_started": StatusLook("#9a5b00", "#ffffff", "4 3", "M2.5 6h7"),
}
"""By the word in `data-status`."""

SIGN: Final = 12
"""The side of the square in which a sign is drawn, in pixels."""
