"""Text in lines that are no wider than the place where they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from peaceful._cli.terminal.text import Line, Page, Span, line, plain
from peaceful._present.text import display_width, one_line, padded

_NARROW: Final = 20


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """Break a text without control characters into lines, at spaces where there are any.

    If there are more than `most`, the last one ends with `…`, and the others are not looked at.
    """
    width = max(1, width)
    lines = list(islice(_lines(text, width), None if most is None else most + 1))
    if most is not None and len(lines) > most:
        last = _cut(lines[most - 1], width - 1)
        lines[most - 1 :] = [f"{last}…"]
    return lines


def notice_lines(notices: Iterable[str], page: Page) -> Iterator[Line]:
    """Yield the lines of sentences that people should know, each below an empty one."""
    for notice in notices:
        yield line("")
        yield from (line(f"  {part}") for part in wrapped(one_line(notice), page.room - 2))


def _lines(text: str, width: int) -> Iterator[str]:
    """Yield at least one line."""
    current = ""
    for word in _broken(_words(text), width):
        longer = f"{current} {word}" if current else word
        if display_width(longer, width) <= width:
            current = longer
        else:
            if current:
                yield current
            current = word
    yield current


def _words(text: str) -> Iterator[str]:
    """Yield the words between spaces, one after the other."""
    start = 0
    while (end := text.find(" ", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


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
        start = 0
        while start < len(word):
            # More than the width, because marks take none. At least one character, or a wide one in
            # a single column would never end.
            part = _cut(word[start : start + 2 * width], width) or word[start]
            yield part
            start += len(part)


def _cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into so many columns."""
    left = width
    for end, character in enumerate(text):
        left -= display_width(character)
        if left < 0:
            return text[:end]
    return text
