"""From an item as declared to an item whose functions can be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, ValidationError

from peaceful.errors import ReferenceInvalid
from peaceful.item._declared import declare, forget_unknown, given_to, without_validation
from peaceful.item._item import Item
from peaceful.model import ItemId, JsonValue
from peaceful.model.state import State
from peaceful.params import (
    FieldSpec,
    MappedReference,
    Reference,
    StateLookup,
    StoredSpec,
    Unknown,
    ValueSpec,
    filled,
    is_assignable,
    is_secret_type,
    places,
    plain_form,
    problems_in,
    spec_from_stored,
    spec_of,
    structure_in,
    type_name,
)

AnyItem: TypeAlias = Item[Any]
"""An item of whatever state, which the framework treats as opaque. (Any: a class's variable.)"""


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
        field = _field_of(type(item), key)
        if not isinstance(spec_of(value), StoredSpec) or field not in forms:
            continue
        if forms[field] is None and is_secret_type(_declared_type(type(item), field)):
            continue
        spec = spec_from_stored(forms[field], state_types=state_types, functions=functions)
        if not isinstance(spec, StoredSpec):
            found[key] = spec.value if isinstance(spec, ValueSpec) else spec.template
    return type(item)(**{**given, **found}) if found else item


def checked_references(item: AnyItem) -> None:
    """Compares the type of each reference with what is due where it stands.

    Raises:
        ReferenceInvalid: a value of that type cannot go there.
    """
    if given_to(item) is None:
        return
    for name, value in item.__dict__.items():
        declared = _declared_type(type(item), name)
        for place, reference, wanted in places(value, declared, f"{type(item).__name__}.{name}"):
            if not is_assignable(reference.type, wanted):
                raise _misplaced(reference, place, wanted)


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
        field = _field_of(type(item), key)
        try:
            values[key] = filled(value, state_of, _declared_type(type(item), field))
        except Unknown as unknown:
            values[key] = value
            reasons[field] = unknown.reason
    return values, reasons


def _waiting(item: AnyItem) -> dict[str, object]:
    """By field, what was given of those that cannot be validated yet."""
    fields = {_field_of(type(item), key): value for key, value in (given_to(item) or {}).items()}
    return {name: value for name, value in fields.items() if name not in item.__dict__}


def _field_of(model: type[BaseModel], key: str) -> str:
    """The field that a value was given for, perhaps by the field's alias."""
    if key in model.model_fields:
        return key
    fields = model.model_fields.items()
    return next((name for name, one in fields if key in (one.alias, one.validation_alias)), key)


def _declared_type(model: type[BaseModel], name: str) -> object:
    field = model.model_fields.get(name)
    return object if field is None else field.annotation


def _misplaced(reference: Reference, place: str, wanted: object) -> ReferenceInvalid:
    computed = "returns" if isinstance(reference, MappedReference) else "is"
    return ReferenceInvalid(
        f"{reference} cannot be given for {place}: "
        f"it {computed} {type_name(reference.type)}, not {type_name(wanted)}.",
        help=_mend(reference, wanted),
    )


def _mend(reference: Reference, wanted: object) -> str:
    structure = structure_in(reference.type)
    if structure is not None and not isinstance(reference, MappedReference):
        _, fields = structure
        fitting = [name for name, kind in fields.items() if is_assignable(kind, wanted)]
        if fitting:
            return f"refer to a field of it: {', '.join(f'{reference}.{name}' for name in fitting)}"
    name = type_name(wanted)
    if name in _CONVERTERS:
        return f'convert it: mapped("{_CONVERTERS[name]}", {name}, {reference})'
    return f'refer to another field, or compute one: mapped("a_name", function, {reference})'


_CONVERTERS: Mapping[str, str] = {
    "str": "as_text",
    "Path": "as_path",
    "int": "as_int",
    "float": "as_float",
}
"""By the name of a class that can be called with a value, a name for that as a mapping function."""


def _explained(item: AnyItem, error: ValidationError) -> Unresolvable:
    return Unresolvable(
        {field or "its parameters": reason for field, reason in problems_in(error, type(item))}
    )
