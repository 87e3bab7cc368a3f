"""Types of fields, JSON values, and the codec of the framework's own data."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, cast, overload

import msgspec

from peaceful._disclosure import masked, masked_data
from peaceful._errors.base import PeacefulError

T = TypeVar("T")


_NAME: Final = msgspec.Meta(extra_json_schema={"maxLength": 100})

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time of day with its zone; one without is refused when it is read."""

ItemId: TypeAlias = Annotated[str, _NAME]
"""The name of an item, unique within its flow."""

FlowId: TypeAlias = Annotated[str, _NAME]
"""The name of a flow, unique within its application."""

ProfileName: TypeAlias = Annotated[str, _NAME]
"""The name of a profile: one environment of a workspace."""

ExecutionId: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
"""The ID of an execution: a UUID of version 7, so IDs sort by their time and are never reused."""


if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None"
    )
    """A value as JSON and YAML know it."""
else:
    # What a declaration says of a field with such a value: msgspec knows no recursive types.
    JsonValue = Any

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object."""


def encode_json(value: object) -> bytes:
    """Return data as one line of JSON: enums by value, times in RFC 3339 in UTC.

    Infinity and NaN, which JSON does not have, become null. Raises `TypeError` for what has no form
    in JSON.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        # Half of a character, as in the name of a file that is no text: JSON can say it, UTF-8
        # cannot.
        return json.dumps(to_json(value), separators=(",", ":")).encode()


def encode_masked(value: object) -> bytes:
    """Return data as `encode_json` does, with the known secrets hidden in its texts."""
    data = encode_json(value)
    text = data.decode()
    # What it has to be taken apart for is rare.
    return data if masked(text) is text else encode_json(masked_data(to_json(value)))


def decode_json(data: bytes | str, kind: type[T]) -> T:
    """Return the data in a JSON document; unknown fields are left out. Raises as `from_json`."""
    try:
        return cast("T", _decoder(cast("Hashable", kind)).decode(data))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return from_json(_parsed(data), kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def from_json(value: JsonValue, kind: type[T]) -> T:
    """Return the data in a JSON value; raise `ValueError`, which says where, for another type."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


@overload
def to_json(value: msgspec.Struct) -> dict[str, JsonValue]: ...


@overload
def to_json(value: object) -> JsonValue: ...


def to_json(value: object) -> JsonValue:
    """Return data as a JSON value, of plain dictionaries and lists; see `encode_json`."""
    return _finite(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain))


def _parsed(data: bytes | str) -> JsonValue:
    """Read what msgspec refuses and Python's own reader accepts: lone surrogates, and `NaN`."""
    try:
        return cast("JsonValue", json.loads(data))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _finite(value: object) -> JsonValue:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(each) for key, each in cast("dict[str, object]", value).items()}
        case list() | tuple():
            return [_finite(each) for each in cast("Iterable[object]", value)]
        case _:
            return cast("JsonValue", value)


def _plain(value: object) -> object:
    """Convert what msgspec does not know by itself."""
    if isinstance(value, PeacefulError):
        return value.to_json()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[object]:
    # To make one takes longer than to read an event.
    return msgspec.json.Decoder(cast("type[object]", kind))
