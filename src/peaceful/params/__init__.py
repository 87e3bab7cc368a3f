"""Parameters: plain values, stored ones, and references to what other items will have produced."""

from peaceful.params._mapped import mapped
from peaceful.params._masking import secret_texts, without_texts
from peaceful.params._plain import holds_secret, is_secret, is_secret_type, plain_form
from peaceful.params._problems import problems_in, without_secrets
from peaceful.params._reference import (
    Elsewhere,
    MappedReference,
    Reference,
    StateReference,
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
    merged,
    spec_of,
    stored_form,
)
from peaceful.params._stored import UnreadableSpec, spec_from_stored
from peaceful.params._stored_word import stored
from peaceful.params._template import is_open, places, references_in
from peaceful.params._types import (
    fields_of,
    is_assignable,
    structure_in,
    type_alternatives,
    type_name,
)

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
    "fields_of",
    "filled",
    "holds_secret",
    "is_assignable",
    "is_open",
    "is_secret",
    "is_secret_type",
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
    "structure_in",
    "type_alternatives",
    "type_name",
    "value_of",
    "without_secrets",
    "without_texts",
]
