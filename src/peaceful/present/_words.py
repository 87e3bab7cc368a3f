"""Numbers of things and lists of names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from peaceful.present._text import ELLIPSIS, display_width, shortened

_HISSING: Final = ("s", "x", "z", "ch", "sh")
_VOWELS: Final = "aeiou"


def plural(noun: str) -> str:
    """The plural of a noun that follows the rules: `items`, `entries`, `processes`."""
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_HISSING) else f"{noun}s"


def count(number: int, noun: str, several: str = "") -> str:
    """A number of things: `1 item`, `2 items`, `10,000 items`.

    Args:
        number: how many.
        noun: one of them.
        several: more of them, where the noun does not follow the rules.
    """
    return f"{number:,} {noun if number == 1 else several or plural(noun)}"


def name_list(names: Sequence[str], most: int | None = None) -> str:
    """Names as in a sentence: `a`, `a and b`, `a, b and c`, `a, b and 3 more`.

    Args:
        names: in the order to show them.
        most: how many to name, at least one; all of them if none. One more is named where the
            alternative is to say `and 1 more`.
    """
    if most is not None and len(names) > max(1, most) + 1:
        return _cut_list(names, max(1, most))
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def fitted_list(names: Sequence[str], width: int) -> str:
    """Names as in a table, as many as fit: `a, b, c`, or `a, b and 3 more`.

    The first name is shortened where not even that fits. Takes time in proportion to the width.

    Args:
        names: in the order to show them.
        width: display columns that there are.
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
    if width - len(more) < 1:
        in_all = (f"{len(names):,} in all", f"{len(names):,}")
        return next((text for text in in_all if len(text) <= width), shortened(ELLIPSIS, width))
    return f"{shortened(names[0], width - len(more))}{more}"


def _cut_list(names: Sequence[str], most: int) -> str:
    return f"{', '.join(names[:most])}{_more(len(names) - most)}"


def _more(rest: int) -> str:
    return f" and {rest:,} more"
