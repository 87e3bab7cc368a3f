"""Styled lines of text, and the page that they are shown on."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, TypeAlias

_UNLIMITED: Final = 1_000_000


class Style(enum.Enum):
    """The meaning of a part of a line, which never says more than the words do."""

    PLAIN = enum.auto()
    STRONG = enum.auto()
    FAINT = enum.auto()
    GOOD = enum.auto()
    CUT = enum.auto()  # interrupted or abandoned
    BAD = enum.auto()


Span: TypeAlias = tuple[str, Style]

Line: TypeAlias = tuple[Span, ...]
"""A line, without its line break."""

# ECMA-48, "Select Graphic Rendition": the colours that every palette has.
_CODES: Final[Mapping[Style, str]] = {
    Style.STRONG: "1",
    Style.FAINT: "2",
    Style.GOOD: "32",
    Style.CUT: "33",
    Style.BAD: "31",
}


def local_zone() -> tzinfo:
    """Return the time zone of this machine."""
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    return zone


def line(*parts: str | Span) -> Line:
    """Return a line of parts; a text alone is plain."""
    return tuple((part, Style.PLAIN) if isinstance(part, str) else part for part in parts)


def plain(shown: Line) -> str:
    """Return the text of a line without colours."""
    return "".join(text for text, _ in shown).rstrip()


def coloured(shown: Line) -> str:
    """Return the text of a line with colours."""
    return "".join(
        f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style in _CODES and text else text
        for text, style in shown
    ).rstrip()


@dataclass(frozen=True, slots=True)
class Page:
    """The place where results are shown: its width, and the time zone and time of the reader."""

    width: int = 80
    zone: tzinfo = UTC
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    ascii_only: bool = False
    limited: bool = True
    """True if wider lines are cut off, as in a terminal; not in a file or a pipe."""

    @property
    def room(self) -> int:
        """Columns of lines that are not wrapped, such as rows of a table."""
        return self.width if self.limited else _UNLIMITED


def json_line(value: object) -> str:
    """Return a line of JSON."""
    from peaceful._model.codec import encode_json  # help does without it

    return f"{encode_json(value).decode()}\n"
