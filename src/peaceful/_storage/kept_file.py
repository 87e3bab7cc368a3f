"""Files that people keep, and give back later: JSON with the version of its form, and a digest."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from peaceful._errors.running import FileDamaged, FormatTooNew
from peaceful._model.codec import JsonObject, from_json, to_json
from peaceful._storage.files import read_file, refusals

T = TypeVar("T", bound=msgspec.Struct)


def kept_bytes(kind: str, form: int, value: msgspec.Struct) -> bytes:
    """Return the content of a file with a value, such as a `backup`, of a version of its form."""
    facts: JsonObject = to_json(value)
    stamped = {"peaceful": kind, "form": form, **facts, "digest": _digest(kind, facts)}
    # Not as UTF-8: what is no text comes back as well.
    return (json.dumps(stamped, indent=2) + "\n").encode("ascii")


def read_kept(path: Path, help: str) -> bytes:
    """Return the content of a file. Raises `StorageError`, also if it is not there."""
    data = read_file(path, help=help)
    if data is None:
        with refusals(path, "read"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return data


def kept_value(data: bytes, path: Path, kind: str, form: int, of: type[T], help: str) -> T:
    """Return the value in a file. Raises `StorageError` unless it is whole, and of the kind."""
    try:
        stamped = json.loads(data)
        if stamped["peaceful"] != kind:
            raise ValueError
        version = stamped["form"]
        if isinstance(version, int) and version > form:
            raise FormatTooNew(path, version, form)
        facts = {name: stamped[name] for name in of.__struct_fields__}
        value = from_json(facts, of)
        if version != form or stamped["digest"] != _digest(kind, facts):
            reason = "it was changed, or cut, since it was written"
            raise FileDamaged(path, "", reason, help=help)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileDamaged(path, "", f"it is not a {kind}, or cut", help=help) from None
    return value


def _digest(kind: str, facts: JsonObject) -> str:
    text = json.dumps(facts, sort_keys=True).encode("ascii")
    return hashlib.blake2b(text, digest_size=32, person=kind.encode()).hexdigest()
