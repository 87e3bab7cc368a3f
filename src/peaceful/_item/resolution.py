"""Resolving an item's parameters, and reading and writing them as stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from pydantic import ValidationError

from peaceful._annotations import is_secret_type
from peaceful._item.declared import (
    construct,
    declare,
    declared_arguments,
    declared_type,
    drop_unknown,
    field_of,
)
from peaceful._item.item import AnyItem
from peaceful._model.codec import ItemId, JsonValue
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.plain import plain_form
from peaceful._params.specs import STORED, StateLookup, Unknown, fill_references
from peaceful._params.stored_specs import stored_form, value_from_stored


class Unresolvable(Exception):
    """Some parameters of an item have no value, or an invalid one; `reasons` says why, by field."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name}: {reason}" for name, reason in reasons.items()))
        self.reasons = reasons


def specs_of(item: AnyItem) -> dict[str, JsonValue]:
    """Return the source of each parameter's value, as declared, in its stored form."""
    fields = {**_pending_fields(item), **item.__dict__}
    return {name: stored_form(fields[name]) for name in type(item).model_fields if name in fields}


def resolve(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """Return the item with the value of every parameter, validated; itself if it has no references.

    Raises `Unresolvable` if a value is not known, or invalid.
    """
    given = declared_arguments(item)
    if given is None:
        return item
    values, reasons = _fill_references(item, given, state_of)
    if reasons:
        raise Unresolvable(reasons)
    try:
        return type(item)(**values)
    except ValidationError as error:
        raise _unresolvable(item, error) from error


def resolve_partially(item: AnyItem, state_of: StateLookup) -> tuple[AnyItem, Mapping[str, str]]:
    """Return the item with the values that are known, and by field, why the others are not.

    Reading a field without a value raises `ValueUnresolved`. Raises `Unresolvable` if a known value
    is invalid.
    """
    given = declared_arguments(item)
    if given is None:
        return item, {}
    values, reasons = _fill_references(item, given, state_of)
    if not reasons:
        return resolve(item, state_of), {}
    partial = type(item).__new__(type(item))
    try:
        declare(partial, values)
    except ValidationError as error:
        raise _unresolvable(item, error) from error
    drop_unknown(partial, reasons)
    return partial, reasons


def example_of(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """Return the item with values from example states; not validated, for diagrams only.

    Reading a parameter whose example state is missing raises `ValueUnresolved`.
    """
    given = declared_arguments(item)
    if given is None:
        return item
    values, reasons = _fill_references(item, {**_pending_fields(item), **item.__dict__}, state_of)
    known = {name: value for name, value in values.items() if name not in reasons}
    return cast(AnyItem, construct(type(item), known))


def stored_params(item: AnyItem) -> dict[str, JsonValue]:
    """Return a resolved item's parameters as `plain_form` makes them; secrets become `None`."""
    return {name: plain_form(value) for name, value in item.__dict__.items()}


def check_state(item: AnyItem, state: object) -> State:
    """Return the state, if it has the type that the item declares; else raise `TypeError`."""
    state_type: type[State] = item.state_type()
    if not isinstance(state, state_type):
        raise TypeError(f"it returned {type(state).__name__}, not {state_type.__name__}")
    return state


def _fill_references(
    item: AnyItem, given: Mapping[str, object], state_of: StateLookup
) -> tuple[dict[str, object], dict[str, str]]:
    """Return what was given with references replaced; and by field, why a reference had to stay."""
    values: dict[str, object] = {}
    reasons: dict[str, str] = {}
    for key, value in given.items():
        field = field_of(type(item), key)
        try:
            values[key] = fill_references(value, state_of, declared_type(type(item), field))
        except Unknown as unknown:
            values[key] = value
            reasons[field] = unknown.reason
    return values, reasons


def _pending_fields(item: AnyItem) -> dict[str, object]:
    """Return, by field, what was given for fields that cannot be validated yet."""
    fields = {
        field_of(type(item), key): value for key, value in (declared_arguments(item) or {}).items()
    }
    return {name: value for name, value in fields.items() if name not in item.__dict__}


def _unresolvable(item: AnyItem, error: ValidationError) -> Unresolvable:
    return Unresolvable(
        {field or "its parameters": reason for field, reason in problems_in(error, type(item))}
    )


def fill_stored_values(
    item: AnyItem,
    forms: Mapping[str, JsonValue],
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
) -> AnyItem:
    """Return the item with the stored values of the parameters that are declared with `stored()`.

    A parameter that was never stored, or whose value is a secret, stays as declared. Raises
    `UnreadableSpec`, or `ValidationError` for a value that is no longer valid for its field.
    """
    given = dict(declared_arguments(item) or {})
    found: dict[str, object] = {}
    for key, value in given.items():
        field = field_of(type(item), key)
        if value is not STORED or field not in forms:
            continue
        if forms[field] is None and is_secret_type(declared_type(type(item), field)):
            continue
        known = value_from_stored(forms[field], state_types=state_types, functions=functions)
        if known is not STORED:
            found[key] = known
    return type(item)(**{**given, **found}) if found else item
