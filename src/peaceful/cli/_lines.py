"""Lines of text with a meaning to each part: shown plainly, or with colours beside the words."""

from __future__ import annotations

import enum
from collections.abc import Mapping
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
