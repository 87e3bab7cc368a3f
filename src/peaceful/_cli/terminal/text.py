"""Lines of text on a terminal: styles, pages, wrapping."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, TypeAlias


class Style(enum.Enum):
    """What a part of a line means. Nothing is said by it that the words do not say."""

    PLAIN = enum.auto()
    STRONG = enum.auto()
    """What the rest is about."""
    FAINT = enum.auto()
    """What matters least."""
    GOOD = enum.auto()
    CUT = enum.auto()
    """Interrupted, abandoned."""
    BAD = enum.auto()


Span: TypeAlias = tuple[str, Style]
"""A part of a line."""

Line: TypeAlias = tuple[Span, ...]
"""A line, without its end."""

# ECMA-48, "Select Graphic Rendition": the colours that every palette has.
_CODES: Final[Mapping[Style, str]] = {
    Style.STRONG: "1",
    Style.FAINT: "2",
    Style.GOOD: "32",
    Style.CUT: "33",
    Style.BAD: "31",
}


def line(*parts: str | Span) -> Line:
    """A line of parts; text alone is plain."""
    return tuple((part, Style.PLAIN) if isinstance(part, str) else part for part in parts)


def plain(shown: Line) -> str:
    """The line without colours."""
    return "".join(text for text, _ in shown).rstrip()


def coloured(shown: Line) -> str:
    """The line with colours."""
    return "".join(_coloured(text, style) for text, style in shown).rstrip()


def _coloured(text: str, style: Style) -> str:
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


_UNLIMITED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Where results are shown.

    Attributes:
        width: columns of a line of prose, and of a list of names.
        zone: the zone of whoever reads it.
        now: the present, with its zone.
        ascii_only: whether it cannot show more than ASCII.
        limited: whether nothing wider can be seen; in a file or a pipe, it can.
    """

    width: int = 80
    zone: tzinfo = UTC
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ascii_only: bool = False
    limited: bool = True

    @property
    def room(self) -> int:
        """Columns of what is not wrapped, such as a row of a table."""
        return self.width if self.limited else _UNLIMITED
