"""Frames on a terminal: what to write so that one picture takes the place of the other.

The cursor rests on the line below the picture. Only control sequences that every terminal knows are
needed (ECMA-48); synchronized updates are ignored where they are not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from peaceful.present import display_width

_BEGIN: Final = "\x1b[?2026h\x1b[?7l"
"""Show nothing until the end; do not wrap lines: a character may be wider than it should be."""

_END: Final = "\x1b[?7h\x1b[?2026l"

_ERASE_LINE: Final = "\x1b[2K"
_ERASE_BELOW: Final = "\x1b[J"


class Screen:
    """Knows what is on the terminal, and tells what has to be written to change it."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._size = (0, 0)

    def change(
        self, lines: Sequence[tuple[str, str]], size: tuple[int, int], above: Sequence[str] = ()
    ) -> str:
        """What to write; empty where nothing has changed.

        Args:
            lines: the picture: for each line its text without colours, and what is written.
            size: the columns and rows that the terminal has now.
            above: lines that are to stay above the picture for good.
        """
        after = list(lines)
        same_size = size == self._size
        if same_size and not above and after == self._lines:
            return ""
        parts = [_BEGIN, self._to_the_top(size[0])]
        if above or not same_size:
            parts.append(_ERASE_BELOW)
            parts += [f"{text}\n" for text in above]
            before: list[tuple[str, str]] = []
        else:
            before = self._lines
        for number, (text, written) in enumerate(after):
            unchanged = number < len(before) and before[number] == (text, written)
            parts.append("\n" if unchanged else f"{_ERASE_LINE}{written}\n")
        if len(before) > len(after):
            parts.append(_ERASE_BELOW)
        parts.append(_END)
        self._lines, self._size = after, size
        return "".join(parts)

    def forget(self) -> None:
        """What is on the terminal is not known any more: the next picture is drawn below it."""
        self._lines = []

    def _to_the_top(self, columns: int) -> str:
        """To the first column of the picture's first line.

        In a terminal that has become narrower, lines that were wider take several now.
        """
        rows = sum(_rows(text, columns) for text, _ in self._lines)
        return f"\x1b[{rows}A\r" if rows else "\r"


def _rows(text: str, columns: int) -> int:
    """How many rows a line takes that a terminal of so many columns wraps."""
    if text.isascii() or display_width(text) <= columns:
        return max(1, -(-len(text) // max(1, columns)))
    rows, used = 1, 0
    for character in text:
        width = display_width(character)
        if used + width > columns:
            # A wide character is not split: it begins the next row.
            rows, used = rows + 1, 0
        used += width
    return rows
