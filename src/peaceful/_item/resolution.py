"""Parameters with their references resolved, and as they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from pydantic import ValidationError

from peaceful._annotations import is_secret_type
from peaceful._item.declared import (
    declare,
    declared_type,
    field_of,
    forget_unknown,
    given_to,
    without_validation,
)
from peaceful._item.item import AnyItem
from peaceful._model.codec import JsonValue
from peaceful._model.field_types import ItemId
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.plain import plain_form
from peaceful._params.resolve import StateLookup, Unknown, filled
from peaceful._params.specs import FieldSpec, StoredSpec, ValueSpec, spec_of
from peaceful._params.stored_specs import spec_from_stored


class Unresolvable(Exception):
    """Parameters of an item have no value, or one that they may not have.

    Attributes:
        reasons: by field, why not.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        self.reasons = reasons


def specs_of(item: AnyItem) -> dict[str, FieldSpec]:
    """How each parameter of an item gets its value, as declared."""
    if given_to(item) is None:  # as of most items, and then there is nothing to look for
        return {name: ValueSpec(value) for name, value in item.__dict__.items()}
    fields = {**_waiting(item), **item.__dict__}
    return {name: spec_of(fields[name]) for name in type(item).model_fields if name in fields}


def resolved(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """The item with every parameter's value.

    It is made of what was given to it, as if that had been the values from the outset; an item that
    was declared with values only is itself.

    Args:
        item: as declared.
        state_of: which states are known.

    Raises:
        Unresolvable: a value is not known, or one that the parameter may not have.
    """
    given = given_to(item)
    if given is None:
        return item
    values, reasons = _filled(item, given, state_of)
    if reasons:
        raise Unresolvable(reasons)
    try:
        return type(item)(**values)
    except ValidationError as error:
        raise _explained(item, error) from error


def partially_resolved(item: AnyItem, state_of: StateLookup) -> tuple[AnyItem, Mapping[str, str]]:
    """The item with the values that are known, and by field, why the others are not.

    Reading a field without a value raises `ValueUnresolved`.

    Raises:
        Unresolvable: a known value is one that the parameter may not have.
    """
    given = given_to(item)
    if given is None:
        return item, {}
    values, reasons = _filled(item, given, state_of)
    if not reasons:
        return resolved(item, state_of), {}
    partial = type(item).__new__(type(item))
    try:
        declare(partial, values)
    except ValidationError as error:
        raise _explained(item, error) from error
    forget_unknown(partial, reasons)
    return partial, reasons


def example_of(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """The item with example states behind its references; not validated, for diagrams only.

    Args:
        item: as declared.
        state_of: gives an example of each state; where it gives none, reading the parameter raises
            `ValueUnresolved`.
    """
    given = given_to(item)
    if given is None:
        return item
    values, reasons = _filled(item, {**_waiting(item), **item.__dict__}, state_of)
    known = {name: value for name, value in values.items() if name not in reasons}
    return cast(AnyItem, without_validation(type(item), known))


def stored_params(item: AnyItem) -> dict[str, JsonValue]:
    """The values of a resolved item's parameters as they are stored; secrets become none.

    Raises:
        DefinitionError: a value cannot be stored, as bytes that are no text.
    """
    return {name: plain_form(value) for name, value in item.__dict__.items()}


def checked_state(item: AnyItem, state: object) -> State:
    """The state, if it has the type that the item declares.

    Raises:
        TypeError: it has another.
    """
    state_type: type[State] = item.state_type()
    if not isinstance(state, state_type):
        raise TypeError(f"it returned {type(state).__name__}, not {state_type.__name__}")
    return state


def _filled(
    item: AnyItem, given: Mapping[str, object], state_of: StateLookup
) -> tuple[dict[str, object], dict[str, str]]:
    """What was given, with values for references; and by field, why one has to stay as it is."""
    values: dict[str, object] = {}
    reasons: dict[str, str] = {}
    for key, value in given.items():
        field = field_of(type(item), key)
        try:
            values[key] = filled(value, state_of, declared_type(type(item), field))
        except Unknown as unknown:
            values[key] = value
            reasons[field] = unknown.reason
    return values, reasons


def _waiting(item: AnyItem) -> dict[str, object]:
    """By field, what was given of those that cannot be validated yet."""
    fields = {field_of(type(item), key): value for key, value in (given_to(item) or {}).items()}
    return {name: value for name, value in fields.items() if name not in item.__dict__}


def _explained(item: AnyItem, error: ValidationError) -> Unresolvable:
    return Unresolvable(
        {field or "its parameters": reason for field, reason in problems_in(error, type(item))}
    )


def with_stored_values(
    item: AnyItem,
    forms: Mapping[str, JsonValue],
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> AnyItem:
    """The item with what was stored, where it was declared with `stored()`.

    A parameter that was stored nowhere, or whose value is a secret, stays as it is declared.

    Args:
        item: as declared.
        forms: by field, what is stored of it.
        state_types: by item of the flow, the class of its state.
        functions: by name, the mapping functions of the flow.

    Raises:
        UnreadableSpec: what is stored cannot be read.
        ValidationError: what is stored is not what the field takes any more.
    """
    given = dict(given_to(item) or {})
    found: dict[str, object] = {}
    for key, value in given.items():
        field = field_of(type(item), key)
        if not isinstance(spec_of(value), StoredSpec) or field not in forms:
            continue
        if forms[field] is None and is_secret_type(declared_type(type(item), field)):
            continue
        spec = spec_from_stored(forms[field], state_types=state_types, functions=functions)
        if not isinstance(spec, StoredSpec):
            found[key] = spec.value if isinstance(spec, ValueSpec) else spec.template
    return type(item)(**{**given, **found}) if found else item
