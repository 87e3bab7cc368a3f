"""Inspection of declared types: alternatives, fields, assignability, secrets.

Pydantic is not loaded for this: its types are recognised by name.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    ForwardRef,
    Literal,
    NewType,
    TypeGuard,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

if TYPE_CHECKING:
    from pydantic import BaseModel


_QUALIFIERS = frozenset({"Required", "NotRequired", "ReadOnly"})
"""Qualifiers of the fields of a `TypedDict`."""

_WITHOUT_SECRETS: Final = frozenset({object, str, bytes, int, float, bool, type(None), Path})
"""Classes without secrets; checked first, because most parameters have one of them."""

_SECRETS: Final = frozenset(
    ("pydantic.types", name) for name in ("Secret", "SecretBytes", "SecretStr")
)


def type_alternatives(declared: object) -> Sequence[object]:
    """Return the alternatives of a declared type, without `Annotated` but with type arguments.

    `Any`, an unbound type variable and an unresolved name become `object`.
    """
    if type(declared) is type:  # Most are plain classes.
        return (declared,)
    origin = get_origin(declared)
    if origin is Annotated or getattr(origin, "__name__", "") in _QUALIFIERS:
        return type_alternatives(get_args(declared)[0])
    if origin is Union or origin is types.UnionType:
        return [one for option in get_args(declared) for one in type_alternatives(option)]
    if isinstance(declared, NewType):
        return type_alternatives(declared.__supertype__)
    if type(declared).__name__ == "TypeAliasType":  # of Python 3.12, or of typing_extensions
        return type_alternatives(getattr(declared, "__value__", object))
    if isinstance(declared, TypeVar):
        return type_alternatives(declared.__bound__ or object)
    if declared is None:
        return (type(None),)
    unknown = declared is Any or isinstance(declared, (str, ForwardRef))
    return (object if unknown else declared,)


def accepts_none(declared: object) -> bool:
    """Return whether the declared type accepts `None`."""
    return any(
        option is object or option is type(None) or None in _literals(option)
        for option in type_alternatives(declared)
    )


def is_assignable(source: object, target: object) -> bool:
    """Return whether a value declared as `source` may fit a place declared as `target`.

    False only if that is certain. `None` in `source` is ignored, because an item that was applied
    has its values; one fitting alternative is enough. Unlike in pydantic, nothing is converted: a
    path is no text, and a text is no path.
    """
    sources = [option for option in type_alternatives(source) if option is not type(None)]
    targets = tuple(type_alternatives(target))
    return not sources or any(_fits(one, other) for one in sources for other in targets)


def type_name(declared: object) -> str:
    """Return a declared type as a person would write it."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Union or origin is types.UnionType:
        return " | ".join(type_name(option) for option in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(repr(value) for value in arguments)}]"
    if declared is None or declared is type(None):
        return "None"
    if declared is Ellipsis:
        return "..."
    name = str(getattr(origin or declared, "__name__", "")) or str(declared)
    return f"{name}[{', '.join(type_name(one) for one in arguments)}]" if arguments else name


def fields_of(kind: object) -> Mapping[str, object] | None:
    """Return the field types of a model (also computed), data class or named tuple, or `None`."""
    if not _is_class(kind):
        return None
    if is_model(kind):
        model = cast("type[BaseModel]", kind)
        declared = {name: field.annotation for name, field in model.model_fields.items()}
        computed = {name: one.return_type for name, one in model.model_computed_fields.items()}
        return {**declared, **computed}
    if dataclasses.is_dataclass(kind):
        hints = hints_of(kind)
        return {one.name: hints.get(one.name, object) for one in dataclasses.fields(kind)}
    if is_named_tuple(kind):
        hints = hints_of(kind)
        return {name: hints.get(name, object) for name in getattr(kind, "_fields", ())}
    return None


def _is_class(kind: object) -> TypeGuard[type[object]]:
    return isinstance(kind, type)


def is_model(kind: object) -> bool:
    """Return whether a class is a pydantic model."""
    return isinstance(kind, type) and hasattr(kind, "model_computed_fields")


def is_secret_type(declared: object) -> bool:
    """Return whether a value of the declared type may contain a secret."""
    is_plain = type(declared) is type and declared in _WITHOUT_SECRETS
    return not is_plain and _is_secret_type(declared, set())


def structure_in(declared: object) -> tuple[type, Mapping[str, object]] | None:
    """Return the one alternative that has fields, with them, or `None`."""
    found = [
        (option, fields)
        for option in type_alternatives(declared)
        if isinstance(option, type) and (fields := fields_of(option)) is not None
    ]
    return found[0] if len(found) == 1 else None


def is_named_tuple(kind: type[object]) -> bool:
    """Return whether a class is a named tuple."""
    return hasattr(kind, "_fields") and issubclass(kind, tuple)


def hints_of(annotated: object) -> dict[str, object]:
    """Return the annotations of a class or function, or none if one cannot be evaluated."""
    try:
        return get_type_hints(annotated)
    except Exception:  # noqa: BLE001 - annotations are code, which may name what only checkers import
        return {}


def _is_secret_type(declared: object, seen: set[object]) -> bool:
    for option in type_alternatives(declared):
        kind = get_origin(option) or option
        if not isinstance(kind, type) or isinstance(kind, enum.EnumType) or kind in seen:
            continue
        seen.add(kind)
        if kind in _WITHOUT_SECRETS:
            continue
        inside = [*get_args(option), *(fields_of(kind) or {}).values()]
        names = [(base.__module__, base.__name__) for base in kind.__mro__]
        if not _SECRETS.isdisjoint(names) or any(_is_secret_type(one, seen) for one in inside):
            return True
    return False


def _fits(source: object, target: object) -> bool:
    if source is object or target is object:
        return True
    if given := _literals(source):
        wanted = _literals(target)
        fits = (value in wanted if wanted else _fits(type(value), target) for value in given)
        return any(fits)
    if wanted := _literals(target):
        return any(_fits(type(value), source) for value in wanted)
    here, there = get_origin(source) or source, get_origin(target) or target
    if not isinstance(here, type) or not isinstance(there, type):
        return True
    return _is_subclass(here, there) and _arguments_fit(source, target)


def _literals(declared: object) -> tuple[object, ...]:
    return get_args(declared) if get_origin(declared) is Literal else ()


def _is_subclass(source: type, target: type) -> bool:
    if is_typeddict(target):
        return issubclass(source, Mapping)
    try:
        if issubclass(source, target):
            return True
    except TypeError:
        return True  # A protocol that cannot be asked while running.
    # The numeric tower of PEP 484; `bool` is an `int` by inheritance.
    return target in (float, complex) and issubclass(source, (int, float))


def _arguments_fit(source: object, target: object) -> bool:
    given, wanted = get_args(source), get_args(target)
    if not given or not wanted:
        return True
    if get_origin(source) is tuple:
        return _tuple_fits(given, target, wanted)
    if not _is_collection(source) or not _is_collection(target) or len(given) != len(wanted):
        return True
    return all(is_assignable(one, other) for one, other in zip(given, wanted, strict=True))


def _is_collection(declared: object) -> bool:
    """Return whether a generic type's arguments are the types of its elements."""
    origin = get_origin(declared)
    known = getattr(origin, "__module__", "") in {"builtins", "collections", "collections.abc"}
    return known and hasattr(origin, "__iter__")


def _tuple_fits(given: tuple[Any, ...], target: object, wanted: tuple[Any, ...]) -> bool:
    many = Ellipsis in given
    if get_origin(target) is not tuple or Ellipsis in wanted:
        return all(is_assignable(one, wanted[0]) for one in given if one is not Ellipsis)
    if many:
        return all(is_assignable(given[0], one) for one in wanted)
    return len(given) == len(wanted) and all(map(is_assignable, given, wanted))
