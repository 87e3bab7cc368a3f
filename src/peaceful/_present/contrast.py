"""Different texts shown so that people see that they differ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import takewhile
from operator import eq
from typing import Final

from peaceful._disclosure import masked, masked_part
from peaceful._present.text import ELLIPSIS, one_line

_LOOKED_AT: Final = 100
"""Characters of a text in which a reader finds a difference."""

_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Characters that are letters, marks or joiners by their category, and drawn as nothing."""

_ANOTHER: Final = " (another secret)"


def alike(one: str, other: str) -> bool:
    """Return whether a reader could take two texts for the same.

    That is so if only white space, invisible characters, forms of Unicode (UAX #15), or letters of
    other scripts that may be drawn alike (UTS #39) tell them apart, or nothing at the beginning.
    """
    seen, other_seen = _look(one), _look(other)
    return len(seen) == len(other_seen) and all(map(_twins, seen, other_seen))


def _look(text: str) -> str:
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", one_line(text, _LOOKED_AT)))


def _twins(one: str, other: str) -> bool:
    return one == other or (not (one + other).isascii() and _script(one) != _script(other))


def _script(character: str) -> str:
    """Return the first word of a character's name, which is the script of a letter."""
    return unicodedata.name(character, "").partition(" ")[0]


def legible(text: str) -> str:
    """Return a text as it is if that shows all of it, or else in quotes and with escapes."""
    text = masked(text)
    usual = text == unicodedata.normalize("NFC", text) == _UNSEEN.sub("", text)
    if usual and text.isprintable() and text[:1] not in ("", "'") and _stays(text):
        return text
    readable = f"'{''.join(_escaped(text, _readable))}'"
    return readable if usual and _stays(readable) else f"'{''.join(_escaped(text, _ascii))}'"


def contrast(one: str, other: str, longest: int) -> tuple[str, str]:
    """Return two different texts in quotes and with escapes, around their first difference.

    Each has about `longest` characters, and none that a display would change. Known secrets are
    hidden; if nothing else differs, that is said.
    """
    start = max(0, _common(one, other) - longest)
    # So much longer than what is shown, since one character may be hidden or escaped as several.
    one, other = (masked_part(text, start, start + 3 * longest) for text in (one, other))
    if one == other:
        shown, _ = _excerpts(one, one, start, longest, _readable)
        return shown, f"{shown}{_ANOTHER}"
    readable = _excerpts(one, other, start, longest, _readable)
    if all(map(_stays, readable)) and not alike(*readable):
        return readable
    return _excerpts(one, other, start, longest, _ascii)


def _stays(shown: str) -> bool:
    """Return whether a display shows a text as it is."""
    return one_line(shown, len(shown)) == shown


def _common(one: str, other: str) -> int:
    """Return the length of the common beginning, in steps that halve: texts may be long."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _excerpts(
    one: str, other: str, start: int, longest: int, escape: Callable[[str], str]
) -> tuple[str, str]:
    both = _escaped(one, escape), _escaped(other, escape)
    first = sum(1 for _ in takewhile(bool, map(eq, *both)))
    begin = 0
    if start or any(sum(map(len, pieces)) > longest for pieces in both):
        begin, room = first, longest // 3
        while begin and (room := room - len(both[0][begin - 1])) >= 0:
            begin -= 1
    cut = ELLIPSIS if start or begin else ""
    shown = [f"{cut}{_quoted(pieces[begin:], longest)}" for pieces in both]
    return shown[0], shown[1]


def _quoted(pieces: list[str], longest: int) -> str:
    taken = 0
    for piece in pieces:
        longest -= len(piece)
        if longest < 0 and taken:
            break
        taken += 1
    return f"'{''.join(pieces[:taken])}'{'' if taken == len(pieces) else ELLIPSIS}"


def _escaped(text: str, escape: Callable[[str], str]) -> list[str]:
    """Return each character as it is shown; of several spaces in a row, only the first as it is."""
    return [
        "\\x20" if last == each == " " else escape(each)
        for last, each in zip(("", *text), text, strict=False)
    ]


def _readable(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return repr(character)[1:-1]


def _ascii(character: str) -> str:
    return _readable(character) if character.isascii() else ascii(character)[1:-1]
