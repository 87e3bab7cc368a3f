"""Parameters: plain values, stored ones, and references to what other items will have produced."""

from peaceful.params._masking import problems_in, secret_texts, without_secrets, without_texts
from peaceful.params._plain import holds_secret, is_secret, plain_form
from peaceful.params._reference import (
    Elsewhere,
    MappedReference,
    Reference,
    StateReference,
    mapped,
    reference_elsewhere,
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
    merged,
    places,
    references_in,
    spec_of,
    stored,
    stored_form,
)
from peaceful.params._stored import UnreadableSpec, spec_from_stored

__all__ = [
    "Elsewhere",
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
    "holds_secret",
    "is_open",
    "is_secret",
    "mapped",
    "merged",
    "places",
    "plain_form",
    "problems_in",
    "reference_elsewhere",
    "reference_of",
    "reference_to_state",
    "references_in",
    "secret_texts",
    "spec_from_stored",
    "spec_of",
    "stored",
    "stored_form",
    "value_of",
    "without_secrets",
    "without_texts",
]
