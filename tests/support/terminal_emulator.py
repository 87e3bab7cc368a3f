"""A terminal of a fixed size, as far as the sequences go that programs here write."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from peaceful._present.text import display_width

_SEQUENCE = re.compile(r"\x1b\[(?P<arguments>[0-9;?]*)(?P<final>[@-~])")


@dataclass
class _Row:
    cells: list[str] = field(default_factory=list)
    wrapped: bool = False
    """Whether the next row goes on with the same line."""

    def __str__(self) -> str:
        return "".join(self.cells).rstrip()


class Emulator:
    """A terminal that wraps lines, scrolls, and wraps anew when it is made wider or narrower.

    Attributes:
        columns: how wide it is.
        height: how many rows it shows.
    """

    def __init__(self, columns: int = 80, height: int = 24) -> None:
        self.columns = columns
        self.height = height
        self._rows = [_Row()]
        self._row = 0
        self._column = 0
        self._wraps = True
        self._unread = ""

    @property
    def lines(self) -> list[str]:
        """What it shows, without empty rows at the end."""
        return _without_empty_end([str(row) for row in self._rows[self._top :]])

    @property
    def everything(self) -> list[str]:
        """What it shows, and what has left it at its top."""
        return _without_empty_end([str(row) for row in self._rows])

    def feed(self, text: str) -> None:
        """Takes what a program wrote."""
        text = self._unread + text
        self._unread = ""
        place = 0
        while place < len(text):
            if text[place] == "\x1b":
                sequence = _SEQUENCE.match(text, place)
                if sequence is None:
                    self._unread = text[place:]
                    return
                self._obey(sequence)
                place = sequence.end()
            else:
                self._put(text[place])
                place += 1

    def resize(self, columns: int, height: int) -> None:
        """Makes it another size; lines are wrapped anew, as most terminals do."""
        row_of_cursor = sum(not row.wrapped for row in self._rows[: self._row])
        lines: list[list[str]] = [[]]
        for row in self._rows:
            lines[-1] += row.cells
            if not row.wrapped:
                lines.append([])
        rows: list[_Row] = []
        for number, cells in enumerate(lines[:-1]):
            if number == row_of_cursor:
                self._row = len(rows)
            parts = _parts(cells, columns)
            rows += [_Row(part, wrapped=True) for part in parts[:-1]] + [_Row(parts[-1])]
        self._rows, self.columns, self.height = rows, columns, height
        self._column = min(self._column, columns - 1)

    @property
    def _top(self) -> int:
        return max(0, len(self._rows) - self.height)

    def _put(self, character: str) -> None:
        match character:
            case "\n":
                # As a terminal gets it from the kernel: with a carriage return.
                self._down()
                self._column = 0
            case "\r":
                self._column = 0
            case "\x07":
                pass
            case "\b":
                self._column = max(0, self._column - 1)
            case _:
                self._show(character)

    def _show(self, character: str) -> None:
        width = display_width(character)
        if self._column + width > self.columns:
            if self._wraps:
                self._rows[self._row].wrapped = True
                self._down()
                self._column = 0
            else:
                self._column = self.columns - width
        cells = self._rows[self._row].cells
        cells += [" "] * (self._column + width - len(cells))
        cells[self._column : self._column + width] = [character] + [""] * (width - 1)
        self._column += width

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append(_Row())

    def _obey(self, sequence: re.Match[str]) -> None:
        arguments = sequence["arguments"]
        match sequence["final"]:
            case "A":
                self._row = max(self._top, self._row - int(arguments or 1))
            case "K":
                row = self._rows[self._row]
                del row.cells[0 if arguments == "2" else self._column :]
                row.wrapped = False
            case "J":
                row = self._rows[self._row]
                del row.cells[self._column :]
                row.wrapped = False
                # Rows stay where they are, empty.
                for below in self._rows[self._row + 1 :]:
                    below.cells, below.wrapped = [], False
            case "h" | "l" if arguments == "?7":
                self._wraps = sequence["final"] == "h"
            case _:
                pass  # colours, synchronized updates


def _parts(cells: list[str], columns: int) -> list[list[str]]:
    """A line in rows of at most so many cells; a wide character is not split."""
    parts: list[list[str]] = [[]]
    for place, cell in enumerate(cells):
        if cell:
            width = 2 if cells[place + 1 : place + 2] == [""] else 1
            if len(parts[-1]) + width > columns:
                parts.append([])
        parts[-1].append(cell)
    return parts


def _without_empty_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines
