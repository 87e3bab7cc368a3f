"""Parameter specs: how each field of an item gets its value, and the value once that is known.

A field's declared value is plain, `stored()`, or has references in it: on its own, or inside lists
and mappings.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, Union, cast, get_args, get_origin, is_typeddict

from peaceful._annotations import (
    accepts_none,
    fields_of,
    hints_of,
    is_named_tuple,
    type_alternatives,
)
from peaceful._errors.base import raised_at
from peaceful._errors.usage import DefinitionError, ReferenceUsedAsValue
from peaceful._model.codec import ItemId
from peaceful._model.state import State
from peaceful._params.masking import described_without
from peaceful._params.plain import (
    SCALARS,
    is_data_class,
    is_mapping,
    is_sequence_or_set,
    named_parts,
)
from peaceful._params.references import (
    MappedReference,
    Reference,
    StateReference,
    parameter_types,
    reference_of,
)
from peaceful._user_code import OwnProcess, is_ctrl_c

# ---- `stored()`


class _Stored(enum.Enum):
    """Placeholder for a stored value; an enum, so that copies are identical."""

    STORED = enum.auto()

    def __repr__(self) -> str:
        return "stored()"

    __str__ = __repr__


STORED: Final = _Stored.STORED


def stored() -> Any:  # noqa: ANN401 - it stands in for a value of whatever type the field has
    """Declare that a field takes the value that was stored for it before.

    The first command that gives the field a value stores it; later ones may say `stored()`. Secrets
    are never stored.
    """
    return STORED


# ---- values with references in them

Place: TypeAlias = tuple[str, Reference, object]
"""The path to a reference inside a value, such as `[0]` or `.host`; the reference; the declared
type of its place."""

_Part: TypeAlias = tuple[object, object]
"""A key, an index or a field's name; and the value there."""


def is_pending(value: object) -> bool:
    """Return whether a value is `stored()` or has a reference in it; raise as `references_in`."""
    if type(value) in SCALARS:
        return False
    return value is STORED or next(references_in(value), None) is not None


def references_in(value: object) -> Iterator[Reference]:
    """Yield every reference in a value, and in the arguments of its mapping functions.

    Raises `DefinitionError` if `stored()` is within it, or a reference is the key of a mapping.
    """
    if type(value) in SCALARS:
        return
    reference = reference_of(value)
    if reference is not None:
        yield reference
        if isinstance(reference, MappedReference):
            yield from references_in(reference.arguments)
        return
    for _, part in parts_of(value):
        if part is STORED:
            raise DefinitionError(
                "stored() stands for a whole parameter, and was given for a part of one.",
                help="say stored() of the parameter itself",
            )
        yield from references_in(part)


def reference_places(template: object, declared: object, where: str = "") -> Iterator[Place]:
    """Yield each reference in a value, its path from `where`, and its place's declared type."""
    reference = reference_of(template)
    if reference is not None:
        yield where, reference, declared
        return
    for key, part in parts_of(template):
        if type(part) not in SCALARS:
            dot = f".{key}" if is_data_class(template) else f"[{key!r}]"
            yield from reference_places(part, type_within(declared, template, key), where + dot)


def rebuild(template: object, change: Callable[[object, object], object]) -> object:
    """Return a value with each part replaced by what `change` returns for its key and the part."""
    parts = {key: change(key, part) for key, part in parts_of(template)}
    if is_mapping(template):
        return parts
    if is_data_class(template):
        given: Any = template  # Any: an instance of some data class
        named = cast("dict[str, object]", parts).items()
        changed = {name: part for name, part in named if part is not getattr(given, name)}
        return dataclasses.replace(given, **changed)
    return _rebuild_sequence(template, parts.values())


def type_within(declared: object, container: object, key: object) -> object:
    """Return the declared type of the part of `container` at `key`."""
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
    if is_sequence_or_set(value):
        return enumerate(value)
    if is_data_class(value):
        return named_parts(value)
    return ()


def _entries(value: Mapping[object, object]) -> Iterator[_Part]:
    for key, part in value.items():
        if (reference := reference_of(key)) is not None:
            raise ReferenceUsedAsValue(str(reference), "using it as the key of a mapping")
        yield key, part


def _part_type(option: object, container: object, key: object) -> object | None:
    """Return the type of a part, or `None` if the container does not fit the alternative."""
    kind, arguments = get_origin(option) or option, get_args(option)
    if kind is object or not isinstance(kind, type):
        return object
    if is_data_class(container):
        return (fields_of(type(container)) or {}).get(str(key), object)
    fields = hints_of(kind) if is_typeddict(kind) else fields_of(kind)
    if fields is not None and is_mapping(container):
        return fields.get(str(key), object)
    index = cast(int, key)
    if fields is not None and is_named_tuple(kind):
        return list(fields.values())[index]
    if not issubclass(kind, Iterable) or issubclass(kind, (str, bytes)):
        return None
    if is_mapping(container):
        return arguments[1] if len(arguments) == 2 else object
    if kind is tuple and Ellipsis not in arguments:
        return arguments[index] if index < len(arguments) else object
    return arguments[0] if arguments else object


def _rebuild_sequence(template: object, parts: Iterable[object]) -> object:
    if isinstance(template, tuple):
        kind: Any = type(cast("tuple[object, ...]", template))  # Any: a class made by NamedTuple
        return kind._make(parts) if is_named_tuple(kind) else tuple(parts)
    if isinstance(template, list):
        return list(parts)
    if isinstance(template, deque):
        return deque(parts, maxlen=cast("deque[object]", template).maxlen)
    return frozenset(parts) if isinstance(template, frozenset) else set(parts)


# ---- resolving: the three ways (for real, partially, by example) differ in the known states only


StateLookup: TypeAlias = Callable[[ItemId], State | None]
"""Returns the state of an item, or `None` if it is not known."""


class Unknown(Exception):
    """A value is not known yet; `reason` says why, as the end of a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fill_references(template: object, state_of: StateLookup, declared: object = object) -> object:
    """Return a value with its references replaced by what they point to.

    A referenced field that is `None` counts as a value only if the declared type allows `None`.
    Raises `Unknown` if a reference is not known, or the value was never stored.
    """
    if template is STORED:
        raise Unknown("no value was stored for it yet")
    reference = reference_of(template)
    if reference is not None:
        return _pointed_to(reference, state_of, accepts_none(declared))
    if not is_pending(template):
        return template

    def part(key: object, inside: object) -> object:
        return fill_references(inside, state_of, type_within(declared, template, key))

    try:
        return rebuild(template, part)
    except (TypeError, ValueError) as error:
        # A set cannot take every value; a data class may check its own.
        raise Unknown(f"the value cannot be put together: {error}") from error


def _pointed_to(reference: Reference, state_of: StateLookup, none_will_do: bool) -> object:
    value = (
        _computed(reference, state_of)
        if isinstance(reference, MappedReference)
        else _part_of_state(reference, _state(reference, state_of))
    )
    if value is None and not none_will_do:
        if isinstance(reference, MappedReference):
            raise Unknown(f"{reference} gives no value")
        raise Unknown(f"{reference} has no value in the present state of {reference.item}")
    return value


def _computed(reference: MappedReference, state_of: StateLookup) -> object:
    declared = parameter_types(reference.function, len(reference.arguments))
    values = [
        # A function that does not say what it takes is not called with none.
        fill_references(argument, state_of, _Something if kind is None else kind)
        for argument, kind in zip(reference.arguments, declared, strict=True)
    ]
    try:
        with OwnProcess():
            return reference.function(*values)
    except BaseException as error:  # whatever it raises belongs to this value
        if is_ctrl_c(error):
            raise
        shown, cause = described_without(error, values)
        where = f", at {at}" if (at := raised_at(error)) else ""
        reason = f"the mapping function {reference.name} failed: {shown}{where}"
        raise Unknown(reason) from cause


def _state(reference: StateReference, state_of: StateLookup) -> State | None:
    elsewhere = reference.elsewhere
    if elsewhere is None:
        return state_of(reference.item)
    if elsewhere.state is None:
        raise Unknown(elsewhere.reason)
    return elsewhere.state


def _part_of_state(reference: StateReference, state: State | None) -> object:
    if state is None:
        raise Unknown(f"the state of {reference.item} is not known yet, so {reference} is not")
    value: object = state
    for name in reference.path:
        if value is None or not hasattr(value, name):
            raise Unknown(f"{reference} has no value in the present state of {reference.item}")
        value = getattr(value, name)
    return value


class _Something:
    """A type that does not accept `None`, of which nothing else is known."""
