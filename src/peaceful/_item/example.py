"""Example values for diagrams, made from declared types."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import inspect
import ipaddress
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin

from pydantic import AnyUrl, BaseModel, ByteSize, SecretBytes, SecretStr

from peaceful._annotations import fields_of, type_alternatives

M = TypeVar("M", bound=BaseModel)

_COLLECTIONS: Final = (set, frozenset, deque)

_MOMENT: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_EXAMPLES: Final[Mapping[type, Callable[[str], object]]] = {
    bool: lambda _: True,
    ByteSize: lambda _: ByteSize(1024),
    int: lambda _: 1,
    float: lambda _: 1.0,
    decimal.Decimal: lambda _: decimal.Decimal(1),
    str: lambda name: f"example_{name}",
    bytes: lambda name: name.encode(),
    PurePath: lambda name: Path("/example") / name,
    AnyUrl: lambda name: AnyUrl(f"https://example.org/{name}"),
    SecretStr: lambda _: SecretStr("example"),
    SecretBytes: lambda _: SecretBytes(b"example"),
    dt.datetime: lambda _: _MOMENT,
    dt.date: lambda _: _MOMENT.date(),
    dt.time: lambda _: _MOMENT.time(),
    dt.timedelta: lambda _: dt.timedelta(seconds=1),
    uuid.UUID: lambda _: uuid.UUID(int=1),
    ipaddress.IPv4Address: lambda _: ipaddress.IPv4Address("192.0.2.1"),
    ipaddress.IPv6Address: lambda _: ipaddress.IPv6Address("2001:db8::1"),
}
"""By type, subclasses first."""


def example_model(model: type[M]) -> M:
    """Return an instance of a model with example values, which are not validated."""
    return _model(model, ())


def _value(name: str, declared: object, around: tuple[type, ...]) -> object:
    """Return an example of the first alternative that is not `None` and does not contain itself."""
    for option in type_alternatives(declared):
        inside_itself = any(one in (option, get_origin(option)) for one in around)
        if option is not type(None) and not inside_itself:
            kind, arguments = get_origin(option) or option, get_args(option)
            if kind is Literal:
                return arguments[0]
            return _of_class(name, kind, arguments, around) if isinstance(kind, type) else None
    return None


def _of_class(
    name: str, kind: type[object], arguments: tuple[Any, ...], around: tuple[type, ...]
) -> object:
    if kind is object:
        return f"example_{name}"
    if issubclass(kind, BaseModel):
        return _model(kind, around)
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    if (fields := fields_of(kind)) is not None:
        make: Callable[..., object] = kind
        taken = fields.keys() & inspect.signature(kind).parameters.keys()
        return make(**{each: _value(each, fields[each], (*around, kind)) for each in taken})
    known = next((make for base, make in _EXAMPLES.items() if issubclass(kind, base)), None)
    if known is not None:
        return known(name)
    return _collection(name, kind, arguments, around) if hasattr(kind, "__iter__") else None


def _model(model: type[M], around: tuple[type, ...]) -> M:
    values: dict[str, Any] = {  # Any: values of whatever types the fields have
        name: _value(name, field.annotation, (*around, model))
        for name, field in model.model_fields.items()
    }
    return model.model_construct(**values)


def _collection(
    name: str, kind: type[object], arguments: tuple[Any, ...], around: tuple[type, ...]
) -> object:
    """Return a collection with one value of each kind, so that loops over it find something."""
    inside = [_value(name, one, around) for one in arguments if one is not Ellipsis]
    if issubclass(kind, Mapping):
        return {inside[0]: inside[1]} if len(inside) == 2 else {}
    if issubclass(kind, tuple):
        return tuple(inside)
    whole: type[Iterable[object]] = next(
        (known for known in _COLLECTIONS if issubclass(kind, known)), list
    )
    return cast(Callable[[list[object]], object], whole)([one for one in inside if one is not None])
