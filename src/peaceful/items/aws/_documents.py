"""Policy documents: read, and compared by what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final, cast
from urllib.parse import unquote

from pydantic import BeforeValidator
from pydantic import JsonValue as Json

Document = Mapping[str, Json]
"""A policy document, as JSON."""

_ORDERLESS: Final = frozenset(
    {"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated", "Statement"}
)
"""Where a document may have one entry or a list of them, in any order."""


def read_document(value: object) -> object:
    """A document from its text, for validation; anything else is left for others to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"a policy document is JSON: {error}") from None


DocumentParam = Annotated[Document, BeforeValidator(read_document)]
"""A policy document as a parameter: a mapping, or its JSON text."""


def from_aws(value: object) -> Document:
    """A document as AWS answers it: parsed already, or URL-encoded text."""
    return cast(
        "Document", value if isinstance(value, Mapping) else json.loads(unquote(str(value)))
    )


def to_aws(document: Document) -> str:
    """A document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def same_meaning(one: Document | None, other: Document | None) -> bool:
    """Whether two documents say the same: AWS gives some back in another form than it took them."""
    if one is None or other is None:
        return one is other
    return _canonical(dict(one), "") == _canonical(dict(other), "")


def _canonical(value: Json, name: str) -> Json:
    if isinstance(value, dict):
        return {key: _canonical(inner, key) for key, inner in value.items()}
    entries = value if isinstance(value, list) else [value]
    if name in _ORDERLESS:
        inner = [_canonical(entry, "") for entry in entries]
        return sorted(inner, key=lambda entry: json.dumps(entry, sort_keys=True))
    if isinstance(value, list):
        return [_canonical(entry, "") for entry in value]
    return value
