"""Records as rows of the SQLite register, and back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

import msgspec

from peaceful.executions._record import ExecutionRecord
from peaceful.model import JsonValue, KeptDocument, decode_json, encode_json, to_json

Cell: TypeAlias = str | int | None
Row: TypeAlias = tuple[Cell, ...]

COLUMNS: Final[tuple[str, ...]] = (
    "id",
    "app",
    "profile",
    "flow",
    "command",
    "state",
    "started_at",
    "ended_at",
    "user",
    "host",
    "pid",
    "door",
    "can_interrupt",
    "why_not_interruptible",
    "dry_run",
    "only_items",
    "interrupt",
    "process",
    "address",
    "summary",
)
"""The columns of a row, in order."""

_ANY: Final = cast("type[JsonValue]", Any)

_JSON: Final = frozenset({"only_items", "interrupt", "process", "summary"})
"""The columns whose cells are JSON documents."""


def row_of(record: ExecutionRecord) -> Row:
    """Return the row of a record. The outcome document is not part of it."""
    info = record.info
    fields = {
        **to_json(msgspec.structs.replace(record, outcome=None)),
        **to_json(info),
        **to_json(info.started_by),
        "only_items": record.only,
    }
    return tuple(_cell(column, fields[column]) for column in COLUMNS)


def record_of(row: Row) -> ExecutionRecord:
    """Return the record of a row, without its outcome document.

    Raises:
        ValueError: the row does not describe one.
    """
    cells: Mapping[str, JsonValue] = {
        column: decode_json(cell, _ANY) if column in _JSON and isinstance(cell, str) else cell
        for column, cell in zip(COLUMNS, row, strict=True)
    }
    # Each part takes what it knows.
    parts = {
        **cells,
        "only": cells["only_items"],
        "info": {**cells, "started_by": cells},
    }
    try:
        # Not strictly: for SQLite, false and true are 0 and 1.
        return msgspec.convert(parts, ExecutionRecord, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def packed(document: KeptDocument) -> bytes:
    """Return a document in few bytes: thousands of items say nearly the same."""
    return zlib.compress(encode_json(document), level=1)


def unpacked(data: bytes) -> KeptDocument:
    """Return the document that was packed.

    Raises:
        ValueError: it is not one.
    """
    try:
        return decode_json(zlib.decompress(data), KeptDocument)
    except (TypeError, zlib.error) as error:
        raise ValueError(str(error)) from error


def _cell(column: str, value: object) -> Cell:
    if column in _JSON and value is not None:
        return encode_json(value).decode()
    assert value is None or isinstance(value, str | int)
    return value
