"""Parameters: plain values, stored ones, and references to what other items will have produced."""

from peaceful.params._reference import (
    MappedReference,
    Reference,
    StateReference,
    mapped,
    reference_of,
    reference_to_state,
)
from peaceful.params._resolve import StateLookup, Unknown, filled, value_of
from peaceful.params._spec import (
    FieldSpec,
    ReferenceSpec,
    StoredSpec,
    ValueSpec,
    is_open,
    is_secret,
    items_referred_to,
    merged,
    plain_form,
    references_in,
    spec_of,
    stored,
    stored_form,
)
from peaceful.params._stored import UnreadableSpec, spec_from_stored
from peaceful.params._types import is_assignable, type_name

__all__ = [
    "FieldSpec",
    "MappedReference",
    "Reference",
    "ReferenceSpec",
    "StateLookup",
    "StateReference",
    "StoredSpec",
    "Unknown",
    "UnreadableSpec",
    "ValueSpec",
    "filled",
    "is_assignable",
    "is_open",
    "is_secret",
    "items_referred_to",
    "mapped",
    "merged",
    "plain_form",
    "reference_of",
    "reference_to_state",
    "references_in",
    "spec_from_stored",
    "spec_of",
    "stored",
    "stored_form",
    "type_name",
    "value_of",
]
