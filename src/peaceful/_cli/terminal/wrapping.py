"""Text in lines that are no wider than the place where they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from peaceful._cli.terminal.text import Line, Span, plain
from peaceful._present.text import display_width


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """A cleaned text in lines of at most so many columns, broken at spaces where there are any.

    Args:
        text: without control characters.
        width: columns of a line; at least 1.
        most: how many lines at most; the last one ends with `…` where something is left out.
    """
    width = max(1, width)
    lines: list[str] = []
    current = ""
    for word in _broken(text.split(" "), width):
        longer = f"{current} {word}" if current else word
        if display_width(longer, width) <= width:
            current = longer
        else:
            lines += [current] if current else []
            current = word
    if current or not lines:
        lines.append(current)
    if most is not None and len(lines) > most:
        last = _cut(lines[most - 1], width - 1)
        lines[most - 1 :] = [f"{last}…"]
    return lines


def clipped(shown: Line, width: int) -> Line:
    """A line without what is further to the right than so many columns."""
    if display_width(plain(shown), width) <= width:
        return shown
    kept: list[Span] = []
    for text, style in shown:
        part = _cut(text, width)
        kept.append((part, style))
        width -= display_width(part)
        if part != text:
            break
    return tuple(kept)


def table(rows: Sequence[tuple[str, str]], width: int, indent: str = "  ") -> list[str]:
    """Rows of a label and a text, the texts below each other, wrapped to the width."""
    label_width = max((display_width(label) for label, _ in rows), default=0)
    # In a narrow place, text below its label is better read than three columns of text beside it.
    beside = width - len(indent) - label_width - 2 >= _NARROW
    lines: list[str] = []
    for label, text in rows:
        if beside:
            room = width - len(indent) - label_width - 2
            first = f"{indent}{label}{' ' * (label_width - display_width(label))}  "
            rest = " " * display_width(first)
        else:
            room = max(1, width - len(indent) - 2)
            lines.append(f"{indent}{label}")
            first = rest = f"{indent}  "
        for number, part in enumerate(wrapped(text, room)):
            lines.append(f"{rest if number else first}{part}".rstrip())
    return lines


_NARROW: Final = 20


def _broken(words: Iterable[str], width: int) -> Iterable[str]:
    """Words no wider than the width: longer ones, such as paths, are cut into parts."""
    for word in words:
        rest = word
        while display_width(rest, width) > width:
            # At least one character, or a wide one in a single column would never end.
            part = _cut(rest, width) or rest[0]
            yield part
            rest = rest[len(part) :]
        if rest:
            yield rest


def _cut(text: str, width: int) -> str:
    """The beginning of a text that fits into so many columns."""
    end = min(len(text), max(0, width))
    while end and display_width(text[:end]) > width:
        end -= 1
    return text[:end]
