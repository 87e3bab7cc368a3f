"""Values with references in them: alone, or inside lists, tuples, sets, mappings, data classes."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, Union, cast, get_args, get_origin, is_typeddict

from peaceful.errors import DefinitionError, ReferenceUsedAsValue
from peaceful.params._plain import SCALARS, is_data_class, is_mapping, is_row
from peaceful.params._reference import (
    MappedReference,
    Reference,
    reference_of,
)
from peaceful.params._stored_word import STORED
from peaceful.params._types import fields_of, hints_of, is_named_tuple, type_alternatives

Place: TypeAlias = tuple[str, Reference, object]
"""Where a reference is in a value, such as `[0]` or `.host`; the reference; the type due there."""

_Part: TypeAlias = tuple[object, object]
"""A key, an index or a field's name; and what is there."""


def is_open(value: object) -> bool:
    """Whether a value in a flow's function is still to come: `stored()`, or with a reference in it.

    Raises:
        DefinitionError: `stored()` is within it, or a reference is the key of a mapping.
    """
    if type(value) in SCALARS:
        return False
    return value is STORED or next(references_in(value), None) is not None


def references_in(value: object) -> Iterator[Reference]:
    """Every reference in a value, and in the arguments of mapping functions in it.

    Raises:
        DefinitionError: `stored()` is within it, or a reference is the key of a mapping.
    """
    reference = reference_of(value)
    if reference is not None:
        yield reference
        if isinstance(reference, MappedReference):
            yield from references_in(reference.arguments)
        return
    for _, part in parts_of(value):
        if type(part) not in SCALARS:
            if part is STORED:
                raise DefinitionError(
                    "stored() stands for a whole parameter, and was given for a part of one.",
                    help="say stored() of the parameter itself",
                )
            yield from references_in(part)


def places(template: object, declared: object, where: str = "") -> Iterator[Place]:
    """Each reference in a value, with the type that is due where it stands.

    Args:
        template: the value.
        declared: the declared type of the value.
        where: where the value itself is, for messages.
    """
    reference = reference_of(template)
    if reference is not None:
        yield where, reference, declared
        return
    for key, part in parts_of(template):
        if type(part) not in SCALARS:
            dot = f".{key}" if is_data_class(template) else f"[{key!r}]"
            yield from places(part, type_within(declared, template, key), where + dot)


def rebuilt(template: object, change: Callable[[object, object], object]) -> object:
    """A value whose parts were changed.

    Args:
        template: the value.
        change: makes the new part from the key and the part.
    """
    parts = {key: change(key, part) for key, part in parts_of(template)}
    if is_mapping(template):
        return parts
    if is_data_class(template):
        return _changed_data(template, cast("dict[str, object]", parts))
    return _row_like(template, parts.values())


def type_within(declared: object, container: object, key: object) -> object:
    """The declared type of one part of a value.

    Args:
        declared: the declared type of the value.
        container: the value.
        key: the part's key, index or name.
    """
    found = [
        part
        for option in type_alternatives(declared)
        if (part := _part_type(option, container, key)) is not None
    ]
    if len(found) < 2:
        return found[0] if found else object
    return cast(object, Union[tuple(found)])  # noqa: UP007 - made while running


def parts_of(value: object) -> Iterable[_Part]:
    if is_mapping(value):
        return _entries(value)
    if is_row(value):
        return enumerate(value)
    if is_data_class(value):
        names = [one.name for one in dataclasses.fields(cast("type", value))]
        return [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    return ()


def _entries(value: Mapping[object, object]) -> Iterator[_Part]:
    for key, part in value.items():
        if (reference := reference_of(key)) is not None:
            raise ReferenceUsedAsValue(str(reference), "using it as the key of a mapping")
        yield key, part


def _part_type(option: object, container: object, key: object) -> object | None:
    """The type of a part, if the container can be meant for this alternative; else none."""
    kind, arguments = get_origin(option) or option, get_args(option)
    if kind is object or not isinstance(kind, type):
        return object
    if is_data_class(container):
        return (fields_of(type(container)) or {}).get(str(key), object)
    if is_mapping(container):
        return _entry_type(kind, arguments, str(key))
    if is_named_tuple(kind):
        return list((fields_of(kind) or {}).values())[cast(int, key)]
    return _element_type(kind, arguments, cast(int, key))


def _entry_type(kind: type, arguments: tuple[Any, ...], key: str) -> object | None:
    if is_typeddict(kind):
        return cast(object, hints_of(kind).get(key, object))
    if (fields := fields_of(kind)) is not None:
        return fields.get(key, object)
    if not issubclass(kind, Iterable) or issubclass(kind, (str, bytes)):
        return None
    return arguments[1] if len(arguments) == 2 else object


def _element_type(kind: type, arguments: tuple[Any, ...], index: int) -> object | None:
    if not issubclass(kind, Iterable) or issubclass(kind, (str, bytes)):
        return None
    if kind is tuple and Ellipsis not in arguments:
        return arguments[index] if index < len(arguments) else object
    return arguments[0] if arguments else object


def _row_like(template: object, parts: Iterable[object]) -> object:
    if isinstance(template, tuple):
        kind: Any = type(cast("tuple[object, ...]", template))  # Any: a class made by NamedTuple
        return kind._make(parts) if is_named_tuple(kind) else tuple(parts)
    if isinstance(template, list):
        return list(parts)
    if isinstance(template, deque):
        return deque(parts, maxlen=cast("deque[object]", template).maxlen)
    return frozenset(parts) if isinstance(template, frozenset) else set(parts)


def _changed_data(template: object, parts: dict[str, object]) -> object:
    given: Any = template  # Any: an instance of some data class
    changed = {name: part for name, part in parts.items() if part is not getattr(given, name)}
    return dataclasses.replace(given, **changed)
