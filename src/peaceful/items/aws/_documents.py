"""What policy documents mean: AWS gives them back in other forms than it took them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import JsonValue as Json

_FIRST_VERSION: Final = "2008-10-17"
"""The version of the language that a document without one is in."""

_ROOT: Final = re.compile(r"arn:[\w-]+:iam::(\d{12}):root", re.ASCII)

_ACTIONS: Final = frozenset({"Action", "NotAction"})
_RESOURCES: Final = frozenset({"Resource", "NotResource"})
_PRINCIPALS: Final = frozenset({"Principal", "NotPrincipal"})


def same_meaning(one: Mapping[str, Json] | None, other: Mapping[str, Json] | None) -> bool:
    """Return whether two policy documents are equivalent.

    Not told apart are: one entry and a list of it; the order of statements, actions, resources,
    principals and values of conditions, and how often each is there; capital letters in actions and
    in keys of conditions; an account and its root user; everybody in both of its forms; numbers and
    booleans, and their texts; what is left out, and what is empty or the default.
    """
    if one is None or other is None:
        return one is other
    return _text(_document(one)) == _text(_document(other))


def _document(document: Mapping[str, Json]) -> Json:
    statements = _entries(document.get("Statement", []))
    return {
        **document,
        "Version": document.get("Version", _FIRST_VERSION),
        "Statement": _set(_statement(each) for each in statements),
    }


def _statement(statement: Json) -> Json:
    if not isinstance(statement, dict):
        return statement
    parts = {name: _part(name, value) for name, value in statement.items()}
    return {name: part for name, part in parts.items() if name not in _OPTIONAL or part}


_OPTIONAL: Final = frozenset({"Sid", "Condition"})
"""Parts of a statement that mean nothing when they are empty."""


def _part(name: str, value: Json) -> Json:
    if name in _ACTIONS:
        return _set(_lower(each) for each in _entries(value))
    if name in _RESOURCES:
        return _set(_entries(value))
    if name in _PRINCIPALS:
        of_kind = value if isinstance(value, dict) else {"AWS": value}
        return {kind: _set(map(_principal, _entries(who))) for kind, who in of_kind.items()}
    if name == "Condition" and isinstance(value, dict):
        return {test: _condition(keys) for test, keys in value.items() if keys != {}}
    return value


def _condition(keys: Json) -> Json:
    if not isinstance(keys, dict):
        return keys
    values = [(key.lower(), _set(map(_plain, _entries(value)))) for key, value in keys.items()]
    # A key that is there twice, in other letters, is kept as it is.
    return dict(values) if len(dict(values)) == len(values) else keys


def _principal(who: Json) -> Json:
    root = _ROOT.fullmatch(who) if isinstance(who, str) else None
    return root[1] if root else who


def _lower(value: Json) -> Json:
    return value.lower() if isinstance(value, str) else value


def _plain(value: Json) -> Json:
    return value if isinstance(value, str) else _text(value)


def _entries(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _set(values: Iterable[Json]) -> Json:
    """Return each of the values once, in an order that depends on nothing else."""
    by_text = {_text(value): value for value in values}
    return [by_text[text] for text in sorted(by_text)]


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
