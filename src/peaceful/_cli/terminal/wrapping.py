"""Text in lines that are no wider than the place where they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from peaceful._cli.terminal.text import Line, Span, plain
from peaceful._present.text import display_width, padded

_NARROW: Final = 20


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """Break a text without control characters into lines, at spaces where there are any.

    If there are more than `most`, the last one ends with `…`.
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
    """Cut off what is further to the right than so many columns."""
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
    """Return rows of a label and a text, the texts below each other, wrapped to the width."""
    label_width = max((display_width(label) for label, _ in rows), default=0)
    # In a narrow place, text below its label is better read than three columns of text beside it.
    room = width - len(indent) - label_width - 2
    beside = room >= _NARROW
    lines: list[str] = []
    for label, text in rows:
        if beside:
            first = f"{indent}{padded(label, label_width)}  "
            rest = " " * display_width(first)
        else:
            room = max(1, width - len(indent) - 2)
            lines.append(f"{indent}{label}")
            first = rest = f"{indent}  "
        for number, part in enumerate(wrapped(text, room)):
            lines.append(f"{rest if number else first}{part}".rstrip())
    return lines


def _broken(words: Iterable[str], width: int) -> Iterable[str]:
    """Yield words no wider than the width: longer ones, such as paths, in parts."""
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
    """Return the beginning of a text that fits into so many columns."""
    end = min(len(text), max(0, width))
    while end and display_width(text[:end]) > width:
        end -= 1
    return text[:end]
