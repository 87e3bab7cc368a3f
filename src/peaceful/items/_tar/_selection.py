"""Which entries of an archive are extracted, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
"""POSIX's classes of characters, as far as names of files need them."""

_BRACKETS: Final = re.compile(
    r"\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^]\\])*)\]|\\(.)|(\*+)|(\?)|(.)", re.DOTALL
)
_IN_BRACKETS: Final = re.compile(r"\[:(\w+):\]|\\?(.)(?:-\\?([^]]))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as GNU tar's with `--wildcards`; see `TarExtract`."""

    text: str
    regex: re.Pattern[str]

    def matches(self, name: str) -> bool:
        """Return whether it matches a name, or a folder that this lies in."""
        return self.regex.search(name.rstrip("/") or name) is not None


def pattern(text: str, *, anchored: bool) -> Pattern:
    """Compile a pattern, which matches a name or any folder that it lies in.

    An anchored one matches from the name's beginning, another one also after any slash. Raises
    `ValueError` if it matches nothing.
    """
    bare = text.rstrip("/")
    if not bare:
        raise ValueError("a pattern must not be empty")
    *begin, last = _fixed_parts(bare)
    begins = r"\A" if anchored else r"(?:\A|(?<=/))"
    if begin:
        # Between two stars, the first match will do: tried once, long names take no longer.
        inner = "".join(f"(?>.*?{part})" for part in begin[1:])
        begins += f"{begin[0]}{inner}.*?"
    try:
        return Pattern(text, re.compile(rf"{begins}{last}(?:/|\Z)", re.DOTALL))
    except re.error as error:
        raise ValueError(f"{text!r} is no pattern: {error.msg}") from None


def _fixed_parts(text: str) -> Iterator[str]:
    """Yield the regular expressions between stars."""
    part = ""
    for found in _BRACKETS.finditer(text):
        negated, inside, quoted, star, question, other = found.groups()
        if star:
            yield part
            part = ""
        elif inside is not None:
            part += f"[{'^' if negated else ''}{''.join(_ranges(inside))}]"
        else:
            part += "." if question else re.escape(quoted or other)
    yield part


def _ranges(inside: str) -> Iterator[str]:
    for found in _IN_BRACKETS.finditer(inside):
        name, first, last = found.groups()
        if name is not None:
            if name not in _CLASSES:
                raise ValueError(f"there is no class of characters [:{name}:]")
            yield _CLASSES[name]
        else:
            yield re.escape(first) if last is None else f"{re.escape(first)}-{re.escape(last)}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is extracted of an archive; see `TarExtract` for the meaning of the attributes."""

    strip: int
    include: Sequence[Pattern]
    exclude: Sequence[Pattern]

    def name_of(self, raw: str) -> str | None:
        """Return what is left of an entry's name, or None if the entry is left out."""
        if self.include and not any(each.matches(raw) for each in self.include):
            return None
        if any(each.matches(raw) for each in self.exclude):
            return None
        if not self.strip:
            return raw
        return "/".join([part for part in raw.split("/") if part][self.strip :]) or None


EVERYTHING: Final = Selection(0, (), ())
