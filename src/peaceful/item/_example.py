"""Values that stand in for real ones in diagrams, made from declared types."""

from __future__ import annotations

import datetime as dt
import enum
import types
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)


def example_model(model: type[M]) -> M:
    """An instance of a model whose fields hold example values; not validated, for showing only."""
    values: dict[str, Any] = {  # Any: values of whatever types the fields have
        name: example_value(name, field.annotation) for name, field in model.model_fields.items()
    }
    return model.model_construct(**values)


def example_value(name: str, declared: object) -> object:
    """A value of the declared type that a person would recognise as an example.

    Args:
        name: what it is called, from which texts are made.
        declared: the type, as annotated.
    """
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return example_value(name, arguments[0])
    if origin is Union or origin is types.UnionType:
        present = [option for option in arguments if option is not type(None)]
        return example_value(name, present[0])
    if origin is Literal:
        return arguments[0]
    kind: Any = origin or declared
    if not isinstance(kind, type):
        return None
    if issubclass(kind, BaseModel):
        return example_model(kind)
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    if issubclass(kind, Mapping):
        return {}
    if issubclass(kind, (list, tuple, set, frozenset)):
        return kind()
    return next((make(name) for known, make in _EXAMPLES.items() if issubclass(kind, known)), None)


_MOMENT: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_EXAMPLES: Final[Mapping[type, Callable[[str], object]]] = {
    bool: lambda _: True,
    int: lambda _: 1,
    float: lambda _: 1.0,
    str: lambda name: f"example_{name}",
    bytes: lambda name: name.encode(),
    Path: lambda name: Path("/example") / name,
    dt.datetime: lambda _: _MOMENT,
    dt.date: lambda _: _MOMENT.date(),
    dt.timedelta: lambda _: dt.timedelta(seconds=1),
    uuid.UUID: lambda _: uuid.UUID(int=1),
}
"""By type, the more special first."""
