"""Giving a declared item what was stored of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from peaceful._annotations import is_secret_type
from peaceful.item._declared import given_to
from peaceful.item._fields import declared_type, field_of
from peaceful.item._item import AnyItem
from peaceful.model import ItemId, JsonValue
from peaceful.params import (
    StoredSpec,
    ValueSpec,
    spec_from_stored,
    spec_of,
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
