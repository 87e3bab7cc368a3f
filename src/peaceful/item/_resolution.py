"""From an item as declared to an item whose functions can be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from peaceful.errors import ReferenceInvalid
from peaceful.item._item import Item
from peaceful.model import JsonValue
from peaceful.model.state import State
from peaceful.params import (
    FieldSpec,
    MappedReference,
    StateLookup,
    Unknown,
    ValueSpec,
    is_assignable,
    is_open,
    plain_form,
    reference_of,
    spec_of,
    type_name,
    value_of,
)

AnyItem: TypeAlias = Item[Any]
"""An item of whatever state: the framework treats states as opaque. (Any: a type variable of the class.)"""


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
    return {name: spec_of(value) for name, value in item.__dict__.items()}


def resolved(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """The item with every parameter's value.

    Args:
        item: as declared.
        state_of: which states are known.

    Raises:
        Unresolvable: a value is not known, or has the wrong type.
    """
    values, reasons = _values(item, state_of)
    if reasons:
        raise Unresolvable(reasons)
    if values is None:
        return item
    try:
        return type(item)(**values)
    except ValidationError as error:
        raise Unresolvable(dict(_reason(problem) for problem in error.errors())) from error


def partially_resolved(item: AnyItem, state_of: StateLookup) -> tuple[AnyItem, Mapping[str, str]]:
    """The item with the values that are known, and by field, why the others are not.

    Reading a field without a value raises `ValueUnresolved`.

    Raises:
        Unresolvable: a known value has the wrong type.
    """
    values, reasons = _values(item, state_of)
    if not reasons:
        return resolved(item, state_of), {}
    known = {name: value for name, value in (values or {}).items() if name not in reasons}
    partial = type(item).model_construct()
    object.__setattr__(partial, "__dict__", known)
    return partial, reasons


def example_of(item: AnyItem, state_of: StateLookup) -> AnyItem:
    """The item with example states behind its references; not validated, for diagrams only."""
    values, reasons = _values(item, state_of)
    known: dict[str, Any] = {  # Any: values of whatever types the fields have
        name: value for name, value in (values or {}).items() if name not in reasons
    }
    return item if values is None else type(item).model_construct(**known)


def checked_references(item: AnyItem) -> None:
    """Compares the type of each reference with the field that it is given for.

    Raises:
        ReferenceInvalid: a value of that type cannot go there.
    """
    for name, value in item.__dict__.items():
        reference = reference_of(value)
        if reference is None:
            continue
        wanted = type(item).model_fields[name].annotation
        if not is_assignable(reference.type, wanted):
            computed = " returns" if isinstance(reference, MappedReference) else " is"
            raise ReferenceInvalid(
                f"{reference} cannot be given for {type(item).__name__}.{name}: "
                f"it{computed} {type_name(reference.type)}, not {type_name(wanted)}.",
                help='refer to another field, or compute one with mapped("a_name", function, ...)',
            )


def stored_params(item: AnyItem) -> dict[str, JsonValue]:
    """The values of a resolved item's parameters as they are stored; secrets become none."""
    return {name: plain_form(value) for name, value in item.__dict__.items()}


def _values(
    item: AnyItem, state_of: StateLookup
) -> tuple[dict[str, object] | None, dict[str, str]]:
    """Every value, or none where the item is declared with values only; and by field, what is unknown."""
    fields = item.__dict__
    if not any(is_open(value) for value in fields.values()):
        return None, {}
    values: dict[str, object] = {}
    reasons: dict[str, str] = {}
    for name, value in fields.items():
        try:
            spec = spec_of(value)
            values[name] = spec.value if isinstance(spec, ValueSpec) else value_of(spec, state_of)
        except Unknown as unknown:
            reasons[name] = unknown.reason
    return values, reasons


def _reason(problem: ErrorDetails) -> tuple[str, str]:
    field = ".".join(str(part) for part in problem["loc"]) or "its parameters"
    return field, f"{problem['msg']}, not {cast(object, problem['input'])!r}"


def checked_state(item: AnyItem, state: object) -> State:
    """The state, if it has the type that the item declares.

    Raises:
        TypeError: it has another.
    """
    state_type: type[State] = item.state_type()
    if not isinstance(state, state_type):
        raise TypeError(f"it returned {type(state).__name__}, not {state_type.__name__}")
    return state
