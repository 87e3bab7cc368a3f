"""Turning declared parameters into values: for real, partially, or by example.

The three ways differ only in where states come from and in what happens to a value that is not known, so
there is one walk, and the caller says which states are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from peaceful.model import ItemId
from peaceful.model.state import State
from peaceful.params._reference import MappedReference, Reference, StateReference, reference_of
from peaceful.params._spec import FieldSpec, ReferenceSpec, StoredSpec, ValueSpec

StateLookup: TypeAlias = Callable[[ItemId], State | None]
"""Gives the state of an item, or none where it is not known."""


class Unknown(Exception):
    """A value is not known at this point.

    Attributes:
        reason: why not, as the end of a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def value_of(spec: FieldSpec, state_of: StateLookup) -> object:
    """The value that a spec stands for.

    Args:
        spec: how the field gets its value.
        state_of: which states are known.

    Raises:
        Unknown: it needs a state that is not known, or was never stored.
    """
    match spec:
        case ValueSpec(value):
            return value
        case ReferenceSpec(template):
            return filled(template, state_of)
        case StoredSpec():
            raise Unknown("no value was stored for it yet")


def filled(template: object, state_of: StateLookup) -> object:
    """A value with its references replaced by what they point to.

    Raises:
        Unknown: one of them is not known.
    """
    reference = reference_of(template)
    if reference is not None:
        return _pointed_to(reference, state_of)
    if isinstance(template, Mapping):
        return {key: filled(part, state_of) for key, part in template.items()}
    if isinstance(template, (list, tuple, set, frozenset)):
        return type(template)(filled(part, state_of) for part in template)
    return template


def _pointed_to(reference: Reference, state_of: StateLookup) -> object:
    match reference:
        case StateReference(item, path):
            return _part_of_state(reference, state_of(item), path)
        case MappedReference(name, function, arguments):
            values = [filled(argument, state_of) for argument in arguments]
            try:
                return function(*values)
            except (
                Exception
            ) as error:  # whatever a developer's function raises belongs to this value
                raise Unknown(
                    f"the mapping function {name} failed: {type(error).__name__}: {error}"
                ) from error


def _part_of_state(reference: StateReference, state: State | None, path: tuple[str, ...]) -> object:
    if state is None:
        raise Unknown(f"the state of {reference.item} is not known yet, so {reference} is not")
    value: object = state
    for name in path:
        value = getattr(value, name, _NOTHING)
        if value is None or value is _NOTHING:
            break
    if value is _NOTHING or (value is None and path != ()):
        raise Unknown(f"{reference} has no value in the present state of {reference.item}")
    return value


_NOTHING: Final = object()
