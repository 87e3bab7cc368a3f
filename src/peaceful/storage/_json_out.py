"""From plain data to a line of JSON, in ASCII: for the journal, and for the side files of YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

_WITHOUT_ZONE: Final = -len("+00:00")


def json_line(value: object) -> str:
    """Plain data as JSON, without a line break; moments become text.

    Raises:
        TypeError: there is something in it that JSON cannot say.
    """
    return _encoder.encode(value)


def time_text(time: datetime) -> str:
    """A moment as people and programs read it (RFC 3339), in UTC."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat()[:_WITHOUT_ZONE] + "Z"


def _plain(value: object) -> object:
    """What JSON's encoder does not know by itself: a moment, and a mapping that is no `dict`."""
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__qualname__} cannot be stored")


# One for all: to make one takes longer than to write a state.
_encoder: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain)
