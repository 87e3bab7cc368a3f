"""The store of executions in SQLite."""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import msgspec
from msgspec.structs import replace

from peaceful._errors.running import ExecutionUnknown, FileDamaged
from peaceful._executions.records import (
    CANDIDATES,
    KEPT,
    ExecutionFilter,
    ExecutionRecord,
    RecordPage,
    mark_approved,
    mark_finished,
    mark_interrupted,
    mark_lost,
    normalize_id,
)
from peaceful._model.codec import (
    ExecutionId,
    JsonObject,
    JsonValue,
    decode_json,
    encode_json,
    from_json,
    to_json,
)
from peaceful._model.document import KeptDocument
from peaceful._model.execution import Approval, Asked, ExecutionState
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after
from peaceful._present.text import SHORT_ID

if TYPE_CHECKING:
    from sqlite3 import Connection

    from peaceful._executions.database import Database


Cell: TypeAlias = str | int | None
Row: TypeAlias = tuple[Cell, ...]

_COLUMNS: Final = {
    "id": "TEXT PRIMARY KEY NOT NULL",
    "app": "TEXT NOT NULL",
    "profile": "TEXT NOT NULL",
    "flow": "TEXT NOT NULL",
    "command": "TEXT NOT NULL",
    "state": "TEXT NOT NULL",
    "started_at": "TEXT NOT NULL",
    "ended_at": "TEXT",
    "user": "TEXT NOT NULL",
    "host": "TEXT NOT NULL",
    "pid": "INTEGER NOT NULL",
    "door": "TEXT NOT NULL",
    "can_interrupt": "INTEGER NOT NULL",
    "why_not_interruptible": "TEXT NOT NULL",
    "dry_run": "INTEGER NOT NULL",
    "only_items": "TEXT NOT NULL",
    "interrupt": "TEXT",
    "process": "TEXT",
    "address": "TEXT",
    "summary": "TEXT",
}

COLUMNS: Final = tuple(_COLUMNS)

_ANY: Final = cast("type[JsonValue]", Any)

_JSON: Final = frozenset({"only_items", "interrupt", "process", "summary"})
"""Columns that contain JSON."""

_ENDING_PATIENCE: Final = 1.0
"""Seconds that an ending waits for other processes: everybody waits for it, and it can be kept."""

_FORGOTTEN_AT_ONCE: Final = 100
"""How many old executions one insertion deletes at most, should fewer be kept than before."""

_UNENDED: Final = "state IN ('queued', 'running', 'interrupting')"
"""Exactly the condition of the index, or SQLite would not use it; nothing is ever queued."""

_TABLES: Final = (
    f"CREATE TABLE executions ({', '.join(map(' '.join, _COLUMNS.items()))})",
    # Apart, so that a page of the history does not read thousands of items.
    "CREATE TABLE outcomes (id TEXT PRIMARY KEY NOT NULL, document BLOB NOT NULL)",
    f"CREATE UNIQUE INDEX one_at_a_time ON executions (app, profile) WHERE {_UNENDED}",
    "CREATE INDEX by_profile ON executions (app, profile, id)",
)

_NAMES: Final = ", ".join(COLUMNS)
_PLACES: Final = ", ".join("?" * len(COLUMNS))

# No query below is made of anything but this package's own words: values are passed apart from it.
_SELECT: Final = f"SELECT {_NAMES} FROM executions"  # noqa: S608 - own words only
_INSERT: Final = f"INSERT INTO executions ({_NAMES}) VALUES ({_PLACES})"  # noqa: S608 - own words only
_OLD: Final = (
    f"SELECT id FROM executions WHERE app = ? AND profile = ? AND NOT {_UNENDED} "  # noqa: S608 - own words only
    "ORDER BY rowid DESC LIMIT ? OFFSET ?"
)


def row_of(record: ExecutionRecord) -> Row:
    """Return the row of a record. The outcome document is not part of it."""
    info = record.info
    fields = {
        **to_json(msgspec.structs.replace(record, outcome=None)),
        **to_json(info),
        **to_json(info.started_by),
        "only_items": record.only,
        "process": _process(record),
        "why_not_interruptible": "",  # Earlier versions kept a reason in it; it may not be null.
    }
    return tuple(_cell(column, fields[column]) for column in COLUMNS)


def _process(record: ExecutionRecord) -> JsonValue:
    """Return the process, and beside it what it was asked for: earlier versions pass over that."""
    asked = {} if record.asked == Asked() else {"asked": to_json(record.asked)}
    return {**to_json(record.process), **asked}


def record_of(row: Row) -> ExecutionRecord:
    """Return the record of a row, without words of later versions, or raise `ValueError`."""
    cells: Mapping[str, JsonValue] = {
        column: decode_json(cell, _ANY) if column in _JSON and isinstance(cell, str) else cell
        for column, cell in zip(COLUMNS, row, strict=True)
    }
    try:
        return _converted(cells)
    except ValueError:
        return _converted(_known_cells(cells))


def _converted(cells: Mapping[str, JsonValue]) -> ExecutionRecord:
    # Each part takes what it knows.
    process = cells["process"]
    parts = {
        **cells,
        "only": cells["only_items"],
        "asked": process.get("asked", {}) if isinstance(process, dict) else {},
        "info": {**cells, "started_by": cells},
    }
    try:
        # Not strictly: for SQLite, false and true are 0 and 1.
        return msgspec.convert(parts, ExecutionRecord, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def pack(document: KeptDocument) -> bytes:
    """Return a compressed document: thousands of items say nearly the same."""
    return zlib.compress(encode_json(document), level=1)


def unpack(data: bytes) -> KeptDocument:
    """Return a packed document, without words of later versions, or raise `ValueError`."""
    try:
        document = zlib.decompress(data)
    except (TypeError, zlib.error) as error:
        raise ValueError(str(error)) from error
    try:
        return decode_json(document, KeptDocument)
    except ValueError:
        return from_json(_known_document(decode_json(document, _ANY)), KeptDocument)


# A later version may add words without another version of the tables. A history that this version
# cannot read whole is better than none, so what such a word says is left out, and nothing else.


# A state that has not ended and is new needs another version: `_UNENDED` and its index name them.
def _is_new(word: JsonValue, words: type[enum.Enum]) -> bool:
    """Return whether a word may be one of a later version; what is not a word is damage."""
    return isinstance(word, str) and word not in {each.value for each in words}


def _known_cells(cells: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    state, summary = cells["state"], cells["summary"]
    outcome: JsonValue = None
    match summary:
        case {"outcome": outcome, "counts": Mapping() as counts}:
            outcome = None if _is_new(outcome, OutcomeKind) else outcome
            known = {word: n for word, n in counts.items() if not _is_new(word, ItemStatus)}
            summary = {"outcome": outcome, "counts": known}
        case _:
            pass
    if _is_new(state, ExecutionState):
        # It is shown as the nearest state that is known: running, or ended as the outcome says.
        kind = OutcomeKind(outcome) if isinstance(outcome, str) else OutcomeKind.ERROR
        state = "running" if cells["ended_at"] is None else state_after(kind).value
    interrupt = _known_interrupt(cells["interrupt"])
    return {**cells, "state": state, "summary": summary, "interrupt": interrupt}


def _known_document(document: JsonValue) -> JsonValue:
    match document:
        case {"outcome": outcome, "interrupt": interrupt, "items": Mapping() as items}:
            known: dict[str, JsonValue] = {
                "outcome": "error" if _is_new(outcome, OutcomeKind) else outcome,
                "interrupt": _known_interrupt(interrupt),
                "items": {name: item for name, item in items.items() if not _has_new_status(item)},
            }
            return {**cast("JsonObject", document), **known}
        case _:
            return document


def _has_new_status(item: JsonValue) -> bool:
    return isinstance(item, Mapping) and _is_new(item.get("status"), ItemStatus)


def _known_interrupt(interrupt: JsonValue) -> JsonValue:
    match interrupt:
        case {"level": level, "source": source}:
            is_new = _is_new(level, InterruptLevel) or _is_new(source, InterruptSource)
            return None if is_new else interrupt
        case _:
            return interrupt


def _cell(column: str, value: object) -> Cell:
    if column in _JSON and value is not None:
        return encode_json(value).decode()
    assert value is None or isinstance(value, str | int)
    return value


class SqliteExecutionStore:
    """An `ExecutionStore` in a SQLite file (write-ahead log, mode 0600) that `insert` creates.

    The file is opened when needed, and sqlite3 imported then. A read-only history can still be
    read, unless a process was killed while it wrote to it. Of each profile, `keep` ended executions
    are kept; a call waits `patience` seconds for other processes.
    """

    def __init__(self, path: Path, *, keep: int = KEPT, patience: float = 10.0) -> None:
        self._path = path
        self._keep = keep
        self._patience = patience

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        tries = count(1)

        def step(connection: Connection) -> ExecutionRecord:
            return self._insert(record, connection, again=next(tries) > 1)

        return self._database().write(step, create=True)

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        return self._changed(execution_id, partial(mark_interrupted, signal=signal))

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        changing = partial(mark_finished, document=document)
        patience = min(self._patience, _ENDING_PATIENCE)
        return self._changed(execution_id, changing, patience, lambda now: now.outcome == document)

    def approve(self, execution_id: ExecutionId, approval: Approval) -> ExecutionRecord:
        return self._changed(execution_id, partial(mark_approved, approval=approval))

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        return self._changed(execution_id, partial(mark_lost, at=at))

    def get(self, execution_id: str) -> ExecutionRecord:
        wanted = normalize_id(execution_id)
        found = self._database().read(partial(self._get, wanted))
        if len(found) != 1:
            raise ExecutionUnknown(execution_id, [record.id for record in found])
        return found[0]

    def page(self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None) -> RecordPage:
        conditions: dict[str, list[str]] = {}
        if wanted.profile is not None:
            conditions["profile = ?"] = [wanted.profile]
        if wanted.flow is not None:
            conditions["flow = ?"] = [wanted.flow]
        if wanted.states:
            places = ", ".join("?" * len(wanted.states))
            conditions[f"state IN ({places})"] = [state.value for state in wanted.states]
        if cursor is not None:
            conditions["rowid < (SELECT rowid FROM executions WHERE id = ?)"] = [cursor]
        query = f"{_SELECT} WHERE {' AND '.join(conditions) or 'true'} ORDER BY rowid DESC LIMIT ?"
        values = [value for group in conditions.values() for value in group]
        records = self._read(query, *values, limit + 1)
        more = len(records) > limit
        return RecordPage(tuple(records[:limit]), records[limit - 1].id if more else None)

    def unended(self) -> tuple[ExecutionRecord, ...]:
        return tuple(self._read(f"{_SELECT} WHERE {_UNENDED} ORDER BY rowid DESC"))

    def _database(self, patience: float | None = None) -> Database:
        from peaceful._executions.database import Database  # it loads sqlite3

        return Database(self._path, _TABLES, self._patience if patience is None else patience)

    def _read(self, query: str, *values: Cell) -> list[ExecutionRecord]:
        return self._database().read(lambda connection: self._records(connection, query, *values))

    def _insert(
        self, record: ExecutionRecord, connection: Connection, *, again: bool
    ) -> ExecutionRecord:
        present = self._records(connection, f"{_SELECT} WHERE id = ?", record.id)
        if again and present == [replace(record, outcome=None)]:
            # What the disk refused had taken effect.
            return record
        if present:
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
        self,
        execution_id: ExecutionId,
        changing: Callable[[ExecutionRecord], ExecutionRecord],
        patience: float | None = None,
        is_done: Callable[[ExecutionRecord], bool] = lambda _: False,
    ) -> ExecutionRecord:
        """Change a record; it `is_done` where the disk refuses that, and it has taken effect."""
        if not self._path.exists():
            raise ExecutionUnknown(execution_id)
        tries = count(1)

        def step(connection: Connection) -> ExecutionRecord:
            found = self._records(connection, f"{_SELECT} WHERE id = ?", execution_id)
            if not found:
                raise ExecutionUnknown(execution_id)
            before = self._whole(connection, found[0])
            if next(tries) > 1 and is_done(before):
                return before
            after = changing(before)
            # Only cells that change: the others may say more than this version knows.
            cells = zip(COLUMNS, row_of(before), row_of(after), strict=True)
            changed = {column: new for column, old, new in cells if new != old}
            if changed:
                update = f"UPDATE executions SET {' = ?, '.join(changed)} = ? WHERE id = ?"  # noqa: S608 - own words only
                connection.execute(update, (*changed.values(), execution_id))
            if after.outcome is not before.outcome:
                _write_outcome(connection, after)
            return after

        return self._database(patience).write(step)

    def _get(self, wanted: str, connection: Connection) -> list[ExecutionRecord]:
        found = self._records(connection, f"{_SELECT} WHERE id = ?", wanted)
        if not found:
            alike = "(id >= ? AND id < ?) OR (substr(id, ?) = ?)"
            query = f"{_SELECT} WHERE {alike} ORDER BY rowid DESC LIMIT ?"
            end = (-SHORT_ID, wanted)
            found = self._records(connection, query, wanted, f"{wanted}\x7f", *end, CANDIDATES)
        return [self._whole(connection, found[0])] if len(found) == 1 else found

    def _whole(self, connection: Connection, record: ExecutionRecord) -> ExecutionRecord:
        """Return the record with its outcome document."""
        query = "SELECT document FROM outcomes WHERE id = ?"
        row = connection.execute(query, (record.id,)).fetchone()
        if row is None:
            return record
        try:
            return replace(record, outcome=unpack(row[0]))
        except ValueError as error:
            # Not worth a new register: only who asks for this outcome needs it.
            place, mend = f"outcome {record.id}", "the other executions can be shown"
            raise FileDamaged(self._path, place, str(error), help=mend) from error

    def _records(self, connection: Connection, query: str, *values: Cell) -> list[ExecutionRecord]:
        rows: list[Row] = connection.execute(query, values).fetchall()
        records: list[ExecutionRecord] = []
        for row in rows:
            try:
                records.append(record_of(row))
            except ValueError as error:
                raise self._database().damaged(f"execution {row[0]}", str(error)) from error
        return records


def _write_outcome(connection: Connection, record: ExecutionRecord) -> None:
    if record.outcome is not None:
        row = (record.id, pack(record.outcome))
        connection.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?)", row)
