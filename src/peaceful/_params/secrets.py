"""Secrets by where they are in a value, so that they can be put back where they are not stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from peaceful._model.codec import JsonValue
from peaceful._params.plain import (
    SCALARS,
    is_mapping,
    is_secret,
    is_sequence_or_set,
    key_text,
    named_parts,
)


def secrets_in(parts: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """Yield each secret in named values with its path, such as `server.password`.

    Those in sets, which have no places, are left out.
    """
    for name, value in parts:
        if type(value) in SCALARS:
            continue
        if is_secret(value):
            yield name, value
        else:
            yield from ((f"{name}.{path}", each) for path, each in secrets_in(_parts_of(value)))


def _parts_of(value: object) -> Iterable[tuple[str, object]]:
    if is_mapping(value):
        return [(key_text(key), part) for key, part in value.items()]
    if is_sequence_or_set(value):
        is_set = isinstance(value, (set, frozenset))
        return () if is_set else [(str(place), part) for place, part in enumerate(value)]
    return named_parts(value)


def with_secrets(
    plain: Mapping[str, JsonValue], secrets: Mapping[str, object]
) -> dict[str, object]:
    """Return stored values with secrets at their paths, where these are still there."""
    result: dict[str, object] = dict(plain)
    for path, secret in secrets.items():
        name, _, rest = path.partition(".")
        result[name] = _with(result.get(name), rest, secret)
    return result


def _with(value: object, path: str, secret: object) -> object:
    if not path:
        return secret
    unchanged = value
    name, _, rest = path.partition(".")
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        return {**entries, name: _with(entries.get(name), rest, secret)}
    if isinstance(value, list) and name.isdecimal():
        parts: list[object] = [*cast("list[object]", value)]
        if int(name) < len(parts):
            parts[int(name)] = _with(parts[int(name)], rest, secret)
        return parts
    return unchanged
