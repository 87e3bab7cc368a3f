"""How much room texts need: without a font, by the widths that monospace fonts have."""

from __future__ import annotations

import unicodedata
from typing import Final

FONT_SIZE: Final = 12
"""The height of letters, in pixels."""

CELL: Final = 7.25
"""The width of a letter of that height in most monospace fonts, in pixels."""

_CUT: Final = "…"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """A text in which what cannot be seen, or would turn others around, is seen as a sign."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(each) in _UNSEEN else each for each in text)


def width_of(text: str) -> float:
    """How wide a text is, in pixels."""
    return CELL * _cells(text)


def shortened(text: str, most: int) -> str:
    """A text with its middle left out where it is longer than it may be.

    Both ends are kept, since names that are alike differ mostly there.

    Args:
        text: the text.
        most: how many letters there is room for; wide ones count twice.
    """
    # Hostile texts can be very long: what is looked at is not longer than what could be shown.
    if len(text) <= most and _cells(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{_taken(text, most - 1 - end)}{_CUT}{_taken(text[::-1][:end], end)[::-1]}"


def _taken(text: str, most: int) -> str:
    taken = text[:most]
    while _cells(taken) > most:
        taken = taken[:-1]
    return taken


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_cell(each) for each in text)


def _cell(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
