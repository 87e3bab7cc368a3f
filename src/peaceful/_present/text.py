"""Texts for people: cleaned, shortened, listed, counted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from peaceful._disclosure import masked, masked_beginning
from peaceful._model.codec import ExecutionId

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""Replaces what cannot be shown."""

ELLIPSIS: Final = "…"
"""Replaces what was left out."""

_LONGEST: Final = 2000
"""Default limit of a cleaned line, in characters."""

_READ_PER_SHOWN: Final = 8
"""Characters looked at per character of the limit: colour codes and the like are removed."""

_FEWEST: Final = 3
"""Columns of a name that tell anything."""

_MOST_MARKS: Final = 6
"""Combining marks on one character; more than any script's spelling needs."""

_ESCAPES: Final = re.compile(
    # ECMA-48, in both its forms: after ESC, and as one C1 character.
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor, erasing
    # Strings up to their end: titles, links, clipboard. One without an end loses its first
    # character only, and what follows stays to be read.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*(?:\x1b\\|\x07|\x9c)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"  # everything else that is short
)

_JOINERS: Final = frozenset("\u200c\u200d")
"""Invisible characters that spelling needs: Persian and Indic scripts, emoji of several parts."""


_HISSING: Final = ("s", "x", "z", "ch", "sh")
_VOWELS: Final = "aeiou"

SHORT_ID: Final = 8
"""Digits at the end of an ID that stand for it."""


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return text from anywhere as one line of at most `longest` characters that is safe to show.

    Escape sequences and invisible characters are removed, among them those that turn the direction
    of writing (UAX #9), which can make a line read as what it is not. Line breaks and any other
    white space become a single space. Control characters, lone surrogates and unassigned characters
    become `\N{REPLACEMENT CHARACTER}`. Marks beyond any spelling are dropped. Known secrets are
    hidden. A cut is marked by `…`.

    Only a beginning in proportion to `longest` is looked at, so a text of any size costs the same.
    """
    if len(text) <= longest and text.isascii() and text.isprintable() and "  " not in text:
        return masked(text).strip()  # Nothing to clean, as in most texts.
    looked_at = masked_beginning(text, longest * _READ_PER_SHOWN)
    line = "".join(_visible(_ESCAPES.sub("", looked_at))).strip()
    if len(line) > longest or len(looked_at) < len(text):
        return line[: longest - 1].rstrip() + ELLIPSIS
    return line


def display_width(text: str, stop_at: int | None = None) -> int:
    """Return the columns of a cleaned text on a terminal (UAX #11: wide characters take two).

    Counting ends once the width exceeds `stop_at`.
    """
    if text.isascii():
        return len(text)
    width = 0
    for character in text:
        width += _columns(character)
        if stop_at is not None and width > stop_at:
            break
    return width


def shortened(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return a cleaned text with its middle cut out if it is wider than `width` columns."""
    if display_width(text, width) <= width:
        return text
    room = width - display_width(ellipsis)
    if room < 0:
        return ellipsis[: max(0, width)]
    head = _taken(text, (room + 1) // 2)
    tail = _taken(reversed(text), room - display_width(head))[::-1]
    # A mark that has lost its character would sit on the ellipsis.
    kept = next((place for place, sign in enumerate(tail) if _columns(sign)), len(tail))
    return f"{head}{ellipsis}{tail[kept:]}"


def fitted(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return text from anywhere as one safe line of at most `width` columns."""
    return shortened(one_line(text), width, ellipsis)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a cleaned text filled with spaces to `width` columns, on its left if `right`."""
    spaces = " " * (width - display_width(text, width))
    return f"{spaces}{text}" if right else f"{text}{spaces}"


def _visible(text: str) -> Iterable[str]:
    """Yield the characters to show, each run of white space or of replacements as one."""
    last = ""
    # Nothing has come yet that a mark could sit on.
    marks = _MOST_MARKS
    for character in text:
        shown = _shown(character)
        if not shown or (shown == last and shown in {" ", REPLACEMENT}):
            continue
        if _columns(shown):
            marks = _MOST_MARKS if shown == " " else 0
        else:
            marks += 1
            if marks > _MOST_MARKS:
                continue
        last = shown
        yield shown


def _shown(character: str) -> str:
    """Return the character itself, its replacement, or nothing."""
    if character == " " or character.isalnum() or character in _JOINERS:
        return character
    if character.isspace():
        return " "
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Cc" | "Cs" | "Cn" | "Co":
            return REPLACEMENT
        case _:
            return character


def _columns(character: str) -> int:
    # Vowels and final consonants of Hangul are drawn into the syllable before them.
    if unicodedata.category(character) in {"Mn", "Me", "Cf"} or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _taken(characters: Iterable[str], width: int) -> str:
    """Return as many characters as fit."""
    taken: list[str] = []
    for character in characters:
        width -= _columns(character)
        if width < 0:
            break
        taken.append(character)
    return "".join(taken)


def plural(noun: str) -> str:
    """Return the plural of a regular noun: `items`, `entries`, `processes`."""
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_HISSING) else f"{noun}s"


def count(number: int, noun: str, several: str = "") -> str:
    """Return a number of things: `1 item`, `2 items`; `several` is an irregular plural."""
    return f"{number:,} {noun if number == 1 else several or plural(noun)}"


def name_list(names: Sequence[str], most: int | None = None) -> str:
    """Return names as in a sentence: `a`, `a and b`, `a, b and c`, `a, b and 3 more`.

    At most `most` are named, but at least one, and one more instead of `and 1 more`.
    """
    if most is not None and len(names) > max(1, most) + 1:
        return _cut_list(names, max(1, most))
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def fitted_list(names: Sequence[str], width: int) -> str:
    """Return as many names as fit into a table column: `a, b, c`, or `a, b and 3 more`.

    The first name is shortened if not even that fits, and nothing is left if nothing of it does.
    Takes time in proportion to the width.
    """
    fitting = 0
    used = 0
    for named, name in enumerate(names, start=1):
        # The first of several ends with ` and … more`, every other one begins with a comma.
        used += display_width(name, width) + (2 if named > 1 else 0)
        if used > width:
            break
        if named == len(names) or used + len(_more(len(names) - named)) <= width:
            fitting = named
    if fitting == len(names):
        return ", ".join(names)
    if fitting:
        return _cut_list(names, fitting)
    more = _more(len(names) - 1) if len(names) > 1 else ""
    if width - len(more) < _FEWEST:
        return ""
    return f"{shortened(names[0], width - len(more))}{more}"


def _cut_list(names: Sequence[str], most: int) -> str:
    return f"{', '.join(names[:most])}{_more(len(names) - most)}"


def _more(rest: int) -> str:
    return f" and {rest:,} more"


def short_id(execution: ExecutionId) -> str:
    """Return the end of an ID, by which people tell executions apart and find them again.

    What a UUID of version 7 begins with is its time: alike for all that start within a minute.
    """
    return execution[-SHORT_ID:]
