"""What a JSON document can hold, and the codec of the framework's own data.

The data is declared once, as `msgspec.Struct`: the declaration gives the type, its form in JSON,
what is accepted when it is read, and its JSON Schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast, overload

import msgspec

from peaceful._errors.base import PeacefulError

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None"
    )
    """A value as JSON and YAML know it."""
else:
    # What a declaration says of a field with such a value: msgspec knows no recursive types.
    JsonValue = Any

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON document that is an object."""

T = TypeVar("T")


def encode_json(value: object) -> bytes:
    """Return data as JSON in one line: enums by their word, moments as RFC 3339 in UTC.

    Numbers that JSON does not have (infinity, and what is no number) become null.

    Args:
        value: a `Struct`, an error, or what they are made of.

    Raises:
        TypeError: something in it has no form in JSON.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        # Half of a character, as in the name of a file that is no text: JSON can say it, UTF-8
        # cannot.
        return json.dumps(to_json(value), separators=(",", ":")).encode()


def decode_json(data: bytes | str, kind: type[T]) -> T:
    """Return the data that a JSON document holds. What its declaration does not know is left out.

    Raises:
        ValueError: it holds no such data; the text says where and why.
    """
    try:
        return cast("T", _decoder(cast("Hashable", kind)).decode(data))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return from_json(_parsed(data), kind)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def from_json(value: JsonValue, kind: type[T]) -> T:
    """Return the data that a JSON value describes.

    Raises:
        ValueError: it describes no such data; the text says where and why.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


@overload
def to_json(value: msgspec.Struct) -> dict[str, JsonValue]: ...


@overload
def to_json(value: object) -> JsonValue: ...


def to_json(value: object) -> JsonValue:
    """Return data as a JSON value, of plain dictionaries and lists: see `encode_json`."""
    return _finite(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain))


def _parsed(data: bytes | str) -> JsonValue:
    """Read what msgspec refuses, and Python's own reader, which others may have written for, not.

    That is half of a character, and `NaN`.
    """
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
    """What msgspec does not know by itself."""
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
