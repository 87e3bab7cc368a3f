"""What a JSON document can hold, and frozen data as such a document."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, cast

from peaceful.errors import PeacefulError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None"
"""A value as JSON and YAML know it."""


def to_json(value: object) -> JsonValue:
    """Frozen data as JSON: data classes become objects, enums their word, times ISO 8601.

    Args:
        value: one of this package's data classes, or what they are made of.

    Raises:
        TypeError: the value is of a kind that this package does not use.
    """
    match value:
        case enum.Enum():
            # `str` of an integer enum of ours is its word: `stop`, not `1`.
            return str(value)
        case float():
            # JSON has neither infinity nor what is no number.
            return value if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
        case datetime():
            return value.isoformat()
        case Mapping():
            entries = cast("Mapping[object, object]", value)
            return {str(key): to_json(entry) for key, entry in entries.items()}
        case tuple() | list():
            return [to_json(entry) for entry in cast("Iterable[object]", value)]
        case PeacefulError():
            return cast("JsonValue", dict(value.to_json()))
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return _fields_to_json(value)
        case _:
            raise TypeError(f"{type(value).__qualname__} has no JSON form")


def _fields_to_json(value: DataclassInstance) -> JsonValue:
    return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
