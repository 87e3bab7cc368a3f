"""From plain data to YAML by hand, where it is simple, as nearly all of it is.

What comes out is what libyaml writes, to the letter, in a tenth of the time: handing libyaml each
word by itself, from Python, costs more than writing it. What needs its rules for quotes and breaks
is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias, cast

from peaceful.storage._json_out import time_text
from peaceful.storage._scalars import is_ambiguous, number_text

# A colon, or `#` after a space, ends what is plain unless something follows. All of it is
# possessive, so that refusing a text costs as little as taking it.
_WORDS: Final = r"""(?:[!-9;-~]++|:(?=[!-~])|[ ](?=[!-"$-~]))*+\Z"""
_PLAIN: Final = re.compile(f"[A-EG-MP-SU-XZa-eg-mp-su-xz/_]{_WORDS}")
"""What begins as nothing does that could be taken for something else than text."""
_PLAIN_UNLESS_AMBIGUOUS: Final = re.compile(f"[A-Za-z0-9/_]{_WORDS}")
_PRINTABLE: Final = re.compile(r"[!-~](?:[!-~]++|[ ](?=[!-~]))*+\Z")

_LONGEST_KEY: Final = 120
"""Characters up to which a key stands in one line with its value, for libyaml's taste."""
_DEEPEST: Final = 40
"""Columns of indentation from which on it is not simple."""

_Put: TypeAlias = Callable[[str], None]


class _NotSimple(Exception):
    """Something is best left to libyaml."""


def simple_entry(key: str, value: object) -> str | None:
    """An entry as YAML, a line per fact; none where something in it is not simple."""
    lines: list[str] = []
    try:
        _put_entries(lines.append, "", {key: value})
    except _NotSimple:
        return None
    return "".join(lines)


def _put_entries(put: _Put, indent: str, entries: dict[str, object]) -> None:
    if len(indent) > _DEEPEST:
        raise _NotSimple
    for key, value in entries.items():
        kind = type(value)
        if kind is str:
            put(f"{indent}{_name(key)}: {_text(cast(str, value))}\n")
        elif not value or kind not in _HOLDS_MORE:
            put(f"{indent}{_name(key)}: {_single(value)}\n")
        else:
            put(f"{indent}{_name(key)}:\n")
            if kind is dict:
                _put_entries(put, f"{indent}  ", cast("dict[str, object]", value))
            else:
                # In its own column, an indicator is indentation enough.
                _put_row(put, indent, cast("list[object]", value))


def _put_row(put: _Put, indent: str, row: list[object]) -> None:
    inner = f"{indent}  "
    if len(inner) > _DEEPEST:
        raise _NotSimple
    for value in row:
        kind = type(value)
        if kind in _HOLDS_MORE and value:
            within: list[str] = []
            if kind is dict:
                _put_entries(within.append, inner, cast("dict[str, object]", value))
            else:
                _put_row(within.append, inner, cast("list[object]", value))
            put(f"{indent}- {''.join(within)[len(inner) :]}")
        else:
            put(f"{indent}- {_single(value)}\n")


def _single(value: object) -> str:
    """What has no parts, in one line."""
    kind = type(value)
    if kind is str:
        return _text(cast(str, value))
    if kind is datetime:
        return time_text(cast(datetime, value))
    if kind is int or kind is float:
        return number_text(cast(float, value))
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind in _HOLDS_MORE and not value:
        return "{}" if kind is dict else "[]"
    raise _NotSimple


@lru_cache(1024)
def _name(key: str) -> str:
    """A key; the same few come again in every entry."""
    if len(key) > _LONGEST_KEY:
        raise _NotSimple
    return _text(key)


def _text(text: str) -> str:
    if _PLAIN.match(text):
        return text
    if not text:
        return "''"
    if is_ambiguous(text):
        if _PRINTABLE.match(text):
            return "'" + text.replace("'", "''") + "'"
    elif _PLAIN_UNLESS_AMBIGUOUS.match(text):
        return text
    raise _NotSimple


_HOLDS_MORE: Final = frozenset({dict, list})
