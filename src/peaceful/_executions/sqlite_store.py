"""The register of executions in SQLite."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import msgspec
from msgspec.structs import replace

from peaceful._errors.running import ExecutionUnknown
from peaceful._executions import records as change
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.store import CANDIDATES, KEPT, ExecutionFilter, ExecutionPage, sought
from peaceful._model.codec import JsonValue, decode_json, encode_json, to_json
from peaceful._model.document import KeptDocument
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptSignal

if TYPE_CHECKING:
    from sqlite3 import Connection

    from peaceful._executions.database import Database


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


_FORGOTTEN_AT_ONCE: Final = 100
"""How many old endings one insertion removes at most, should fewer be kept than before."""

_UNENDED: Final = "state IN ('queued', 'running', 'interrupting')"
"""Word for word the condition of the index, or SQLite would not use it; nothing is ever queued."""

_NAMES: Final = ", ".join(COLUMNS)
_PLACES: Final = ", ".join("?" * len(COLUMNS))

# No query below is made of anything but this package's own words: values are passed apart from it.
_SELECT: Final = f"SELECT {_NAMES} FROM executions"  # noqa: S608 - see above
_INSERT: Final = f"INSERT INTO executions ({_NAMES}) VALUES ({_PLACES})"  # noqa: S608 - see above
_UPDATE: Final = f"UPDATE executions SET ({_NAMES}) = ({_PLACES}) WHERE id = ?"  # noqa: S608 - see above
_OLD: Final = (
    f"SELECT id FROM executions WHERE app = ? AND profile = ? AND NOT {_UNENDED} "  # noqa: S608 - see above
    "ORDER BY id DESC LIMIT ? OFFSET ?"
)


class SqliteExecutionStore:
    """An `ExecutionStore` in a SQLite file (write-ahead log, mode 0600).

    The file is opened when needed, and sqlite3 imported then. In a workspace that may only be read,
    the history can still be read, unless a process was killed while it wrote to it.

    Args:
        path: the file. It is made when the first execution is inserted.
        keep: how many endings of each profile are kept.
        patience: for how many seconds a call waits for other processes.
    """

    def __init__(self, path: Path, *, keep: int = KEPT, patience: float = 10.0) -> None:
        self._path = path
        self._keep = keep
        self._patience = patience

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """See `ExecutionStore.insert`."""
        return self._database.write(partial(self._insert, record))

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        """See `ExecutionStore.interrupting`."""
        return self._changed(execution_id, partial(change.interrupted, signal=signal))

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        """See `ExecutionStore.finish`."""
        return self._changed(execution_id, partial(change.finished, document=document))

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        """See `ExecutionStore.mark_lost`."""
        return self._changed(execution_id, partial(change.lost, at=at))

    def get(self, execution_id: str) -> ExecutionRecord:
        """See `ExecutionStore.get`."""
        wanted = sought(execution_id)
        nothing: list[ExecutionRecord] = []
        found = self._database.read(partial(self._get, wanted), nothing)
        if len(found) != 1:
            raise ExecutionUnknown(execution_id, [record.id for record in found])
        return found[0]

    def page(
        self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None
    ) -> ExecutionPage:
        """See `ExecutionStore.page`."""
        conditions: dict[str, list[str]] = {}
        if wanted.profile is not None:
            conditions["profile = ?"] = [wanted.profile]
        if wanted.flow is not None:
            conditions["flow = ?"] = [wanted.flow]
        if wanted.states:
            places = ", ".join("?" * len(wanted.states))
            conditions[f"state IN ({places})"] = [state.value for state in wanted.states]
        if cursor is not None:
            conditions["id < ?"] = [cursor]
        query = f"{_SELECT} WHERE {' AND '.join(conditions) or 'true'} ORDER BY id DESC LIMIT ?"
        values = [value for group in conditions.values() for value in group]
        records = self._read(query, *values, limit + 1)
        more = len(records) > limit
        return ExecutionPage(tuple(records[:limit]), records[limit - 1].id if more else None)

    def unended(self) -> tuple[ExecutionRecord, ...]:
        """See `ExecutionStore.unended`."""
        return tuple(self._read(f"{_SELECT} WHERE {_UNENDED} ORDER BY id DESC"))

    @cached_property
    def _database(self) -> Database:
        from peaceful._executions.database import Database  # it loads sqlite3

        return Database(self._path, self._patience)

    def _read(self, query: str, *values: Cell) -> list[ExecutionRecord]:
        nothing: list[ExecutionRecord] = []
        return self._database.read(
            lambda connection: self._records(connection, query, *values), nothing
        )

    def _insert(self, record: ExecutionRecord, connection: Connection) -> ExecutionRecord:
        if connection.execute("SELECT 1 FROM executions WHERE id = ?", (record.id,)).fetchone():
            raise ValueError(f"there is an execution {record.id}")
        profile = (record.info.app, record.info.profile)
        query = f"{_SELECT} WHERE app = ? AND profile = ? AND {_UNENDED}"
        running = self._records(connection, query, *profile)
        if running:
            return running[0]
        connection.execute(_INSERT, row_of(record))
        _write_outcome(connection, record)
        old = connection.execute(_OLD, (*profile, _FORGOTTEN_AT_ONCE, self._keep)).fetchall()
        connection.executemany("DELETE FROM executions WHERE id = ?", old)
        connection.executemany("DELETE FROM outcomes WHERE id = ?", old)
        return record

    def _changed(
        self, execution_id: ExecutionId, changing: Callable[[ExecutionRecord], ExecutionRecord]
    ) -> ExecutionRecord:
        def step(connection: Connection) -> ExecutionRecord:
            found = self._records(connection, f"{_SELECT} WHERE id = ?", execution_id)
            if not found:
                raise ExecutionUnknown(execution_id)
            before = self._whole(connection, found[0])
            after = changing(before)
            if after != before:
                connection.execute(_UPDATE, (*row_of(after), execution_id))
            if after.outcome is not before.outcome:
                _write_outcome(connection, after)
            return after

        return self._database.write(step)

    def _get(self, wanted: str, connection: Connection) -> list[ExecutionRecord]:
        found = self._records(connection, f"{_SELECT} WHERE id = ?", wanted)
        if not found:
            query = f"{_SELECT} WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?"
            found = self._records(connection, query, wanted, f"{wanted}\x7f", CANDIDATES)
        return [self._whole(connection, found[0])] if len(found) == 1 else found

    def _whole(self, connection: Connection, record: ExecutionRecord) -> ExecutionRecord:
        """The record with its outcome document."""
        query = "SELECT document FROM outcomes WHERE id = ?"
        row = connection.execute(query, (record.id,)).fetchone()
        if row is None:
            return record
        try:
            return replace(record, outcome=unpacked(row[0]))
        except ValueError as error:
            raise self._database.damaged(f"outcome {record.id}", str(error)) from error

    def _records(self, connection: Connection, query: str, *values: Cell) -> list[ExecutionRecord]:
        rows: list[Row] = connection.execute(query, values).fetchall()
        records: list[ExecutionRecord] = []
        for row in rows:
            try:
                records.append(record_of(row))
            except ValueError as error:
                raise self._database.damaged(f"execution {row[0]}", str(error)) from error
        return records


def _write_outcome(connection: Connection, record: ExecutionRecord) -> None:
    if record.outcome is not None:
        row = (record.id, packed(record.outcome))
        connection.execute("INSERT INTO outcomes VALUES (?, ?)", row)
