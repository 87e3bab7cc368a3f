"""Questions about declared types: what a field holds, and whether one type can go where another is due."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel


def field_type(model: type[BaseModel], name: str) -> object:
    """The declared type of a model's field."""
    return model.model_fields[name].annotation


def model_class(declared: object) -> type[BaseModel] | None:
    """The one model among the alternatives of a declared type, or none."""
    models = [
        option
        for option in _options(declared)
        if isinstance(option, type) and issubclass(option, BaseModel)
    ]
    return models[0] if len(models) == 1 else None


def is_assignable(source: object, target: object) -> bool:
    """Whether a value declared as `source` can be meant for a place declared as `target`.

    Says no only where that is certain: generic types are compared by their origin alone, and a source
    that may also be none is taken for what else it may be, because what an item has produced is there.
    """
    sources = [option for option in _options(source) if option is not type(None)]
    targets = list(_options(target))
    return not sources or any(_goes(one, other) for one in sources for other in targets)


def type_name(declared: object) -> str:
    """A declared type as a person would write it."""
    if isinstance(declared, type) and not get_args(declared):
        return declared.__name__
    return str(declared).replace("typing.", "").replace("pathlib.", "")


def _goes(source: object, target: object) -> bool:
    if source in _ANYTHING or target in _ANYTHING:
        return True
    if not isinstance(source, type) or not isinstance(target, type):
        return True
    if issubclass(source, target):
        return True
    # The numeric tower of PEP 484; `bool` is an `int` by inheritance.
    return target in (float, complex) and issubclass(source, (int, float))


_ANYTHING = (Any, object)


def _options(declared: object) -> Iterator[object]:
    """The alternatives of a declared type, each without its decorations."""
    origin = get_origin(declared)
    if origin is Annotated:
        yield from _options(get_args(declared)[0])
    elif origin is Union or origin is types.UnionType:
        for option in get_args(declared):
            yield from _options(option)
    elif origin is Literal:
        yield from {type(value) for value in get_args(declared)}
    elif isinstance(declared, TypeVar):
        yield object
    else:
        yield type(None) if declared is None else (origin or declared)
