"""Resolving declared parameters to values: for real, partially, or by example.

The three ways differ only in where states come from and in how unknown values are handled, so there
is one walk, and the caller passes the known states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from peaceful._annotations import accepts_none
from peaceful._errors.base import raised_at
from peaceful._model.codec import ItemId
from peaceful._model.state import State
from peaceful._params.masking import described_without
from peaceful._params.references import (
    MappedReference,
    Reference,
    StateReference,
    parameter_types,
    reference_of,
)
from peaceful._params.specs import STORED, is_pending, rebuild, type_within
from peaceful._user_code import OwnProcess, is_ctrl_c

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

    Raises:
        Unknown: a reference is not known, or the value was never stored.
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
