"""The register of executions in a file of SQLite."""

from __future__ import annotations

import enum
import errno
import os
import shutil
import sqlite3
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

import msgspec
from msgspec.structs import replace

from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ExecutionUnknown, FileDamaged, FileInaccessible, FormatTooNew
from peaceful._executions import records as change
from peaceful._executions.records import (
    CANDIDATES,
    KEPT,
    ExecutionFilter,
    ExecutionPage,
    ExecutionRecord,
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
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after

if TYPE_CHECKING:
    from sqlite3 import Connection


T = TypeVar("T")


VERSION: Final = 1
"""The version of the tables below, kept in the file's `user_version`."""

_APPLICATION_ID: Final = 0x70656163
"""Distinguishes the file from other programs' databases: the letters `peac`."""

_TABLES: Final = (
    """CREATE TABLE executions (
        id TEXT PRIMARY KEY NOT NULL,
        app TEXT NOT NULL,
        profile TEXT NOT NULL,
        flow TEXT NOT NULL,
        command TEXT NOT NULL,
        state TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        user TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        door TEXT NOT NULL,
        can_interrupt INTEGER NOT NULL,
        why_not_interruptible TEXT NOT NULL,
        dry_run INTEGER NOT NULL,
        only_items TEXT NOT NULL,
        interrupt TEXT,
        process TEXT,
        address TEXT,
        summary TEXT
    )""",
    # Apart, so that a page of the history does not read thousands of items.
    "CREATE TABLE outcomes (id TEXT PRIMARY KEY NOT NULL, document BLOB NOT NULL)",
    """CREATE UNIQUE INDEX one_at_a_time ON executions (app, profile)
        WHERE state IN ('queued', 'running', 'interrupting')""",
    "CREATE INDEX by_profile ON executions (app, profile, id)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
"""Another process is using it: worth another try."""

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})

_SHUT: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

_DISK: Final = frozenset({sqlite3.SQLITE_IOERR, *_SHUT})
"""Errors of SQLite on a disk that is full or read-only."""

_MOVE_AWAY: Final = (
    "move it away, together with the files whose names begin like its own, then run the command "
    "again: the history of executions starts anew, and no item's state is lost"
)

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

_ANY: Final = cast("type[JsonValue]", Any)

_JSON: Final = frozenset({"only_items", "interrupt", "process", "summary"})
"""Columns that contain JSON."""

_FORGOTTEN_AT_ONCE: Final = 100
"""How many old executions one insertion deletes at most, should fewer be kept than before."""

_UNENDED: Final = "state IN ('queued', 'running', 'interrupting')"
"""Exactly the condition of the index, or SQLite would not use it; nothing is ever queued."""

_NAMES: Final = ", ".join(COLUMNS)

_PLACES: Final = ", ".join("?" * len(COLUMNS))

# No query below is made of anything but this package's own words: values are passed apart from it.
_SELECT: Final = f"SELECT {_NAMES} FROM executions"  # noqa: S608 - see above

_INSERT: Final = f"INSERT INTO executions ({_NAMES}) VALUES ({_PLACES})"  # noqa: S608 - see above

_OLD: Final = (
    f"SELECT id FROM executions WHERE app = ? AND profile = ? AND NOT {_UNENDED} "  # noqa: S608 - see above
    "ORDER BY id DESC LIMIT ? OFFSET ?"
)


class Database:
    """One SQLite file that several processes write to; calls wait `patience` seconds for others."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path.absolute()
        self._patience = patience

    def write(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Run a transaction: all of it, or, if it raises, nothing. Raises `StorageError`."""
        with self._explained("written"):
            self._check_kind()
            return self._patiently(lambda: self._write_once(step))

    def read(self, step: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Run a transaction that only reads; return `nothing` if there is no file.

        Raises `StorageError`.
        """
        with self._explained("read"):
            self._check_kind()
            try:
                return self._patiently(lambda: self._read_once(step, nothing, "mode=rw"))
            except sqlite3.OperationalError as error:
                if not self._readable_alone(error):
                    raise
            # Where no file can be made beside it, SQLite wants to hear that nobody writes.
            return self._read_once(step, nothing, "mode=ro&immutable=1")

    def damaged(self, place: str, reason: str) -> FileDamaged:
        """Return the error for invalid content."""
        return FileDamaged(self._path, place, reason, help=_MOVE_AWAY)

    def _check_kind(self) -> None:
        """Refuse a named pipe: SQLite would wait for ever for its other end."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise self.damaged("", "it is no file")

    def _write_once(self, step: Callable[[sqlite3.Connection], T]) -> T:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(self._connect("mode=rwc")) as connection:
            # The default of some builds would lose what was written last when the power fails.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            if not self._prepared(connection):
                connection.execute("ROLLBACK")
                self._prepare(connection)
            answer = step(connection)
            # Without this, closing takes everything back.
            connection.execute("COMMIT")
            return answer

    def _read_once(self, step: Callable[[sqlite3.Connection], T], nothing: T, how: str) -> T:
        if not self._path.exists():
            return nothing
        with closing(self._connect(how)) as connection:
            connection.execute("BEGIN")
            return step(connection) if self._prepared(connection) else nothing

    def _connect(self, how: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.as_uri()}?{how}",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
        )

    def _prepared(self, connection: sqlite3.Connection) -> bool:
        """Return whether the tables exist. Called in a transaction, so that the answers agree."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION_ID:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version or tables:
                raise self.damaged("", "it is another program's database")
            return False
        if version > VERSION:
            raise FormatTooNew(self._path, version, VERSION)
        return True

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Create the tables, in the transaction that the caller continues."""
        self._path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if not self._prepared(connection):  # Another process may have been faster.
            for statement in _TABLES:
                connection.execute(statement)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Retry while others use the file; SQLite itself does not always wait."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                if _primary(error) not in _PASSING or time.monotonic() >= deadline:
                    raise
            time.sleep(0.005)  # Other processes tell nobody when they are done with the file.

    def _readable_alone(self, error: sqlite3.OperationalError) -> bool:
        """Return whether the error may come from files beside it, which hold nothing."""
        unmerged = Path(f"{self._path}-wal")
        return _primary(error) in _DISK and not (unmerged.exists() and unmerged.stat().st_size)

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explanation(error, doing) from error
        except OSError as error:
            raise FileInaccessible(self._path, doing, error) from error

    def _explanation(self, error: sqlite3.Error, doing: str) -> PeacefulError:
        code = _primary(error)
        if code in _DAMAGE:
            return self.damaged("", str(error))
        if code in _PASSING:
            busy = OSError(errno.EAGAIN, "other processes have been at it all the time")
            return FileInaccessible(self._path, doing, busy, help="run the command again")
        if code == sqlite3.SQLITE_FULL or (code in _DISK and self._full()):
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return FileInaccessible(self._path, doing, full)
        if code in _SHUT:
            return FileInaccessible(self._path, doing, self._refusal())
        if code in _DISK:
            return FileInaccessible(self._path, doing, OSError(errno.EIO, str(error)))
        return self.damaged("", str(error))

    def _full(self) -> bool:
        return shutil.disk_usage(self._path.parent).free == 0

    def _refusal(self) -> OSError:
        """Return why nothing could be opened for writing: the system tells, SQLite does not."""
        try:
            # Not the file itself: to close it here would end the locks of other threads on it.
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            return error
        if not os.access(self._path, os.W_OK):
            return OSError(errno.EACCES, os.strerror(errno.EACCES))
        return OSError(errno.EIO, "SQLite could not open it")


def _primary(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if the error is Python's own."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


Cell: TypeAlias = str | int | None

Row: TypeAlias = tuple[Cell, ...]


def row_of(record: ExecutionRecord) -> Row:
    """Return the row of a record. The outcome document is not part of it."""
    info = record.info
    fields = {
        **to_json(msgspec.structs.replace(record, outcome=None)),
        **to_json(info),
        **to_json(info.started_by),
        "only_items": record.only,
        "why_not_interruptible": "",
    }
    return tuple(_cell(column, fields[column]) for column in COLUMNS)


def record_of(row: Row) -> ExecutionRecord:
    """Return the record of a row, without words of later versions, or raise `ValueError`."""
    cells: Mapping[str, JsonValue] = {
        column: decode_json(cell, _ANY) if column in _JSON and isinstance(cell, str) else cell
        for column, cell in zip(COLUMNS, row, strict=True)
    }
    try:
        try:
            return _converted(cells)
        except msgspec.ValidationError:
            return _converted(_known_cells(cells))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _converted(cells: Mapping[str, JsonValue]) -> ExecutionRecord:
    # Each part takes what it knows.
    parts = {
        **cells,
        "only": cells["only_items"],
        "info": {**cells, "started_by": cells},
    }
    # Not strictly: for SQLite, false and true are 0 and 1.
    return msgspec.convert(parts, ExecutionRecord, strict=False)


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
    read, unless a process was killed while it wrote to it.

    Args:
        path: the file.
        keep: how many ended executions of each profile are kept.
        patience: seconds that a call waits for other processes.
    """

    def __init__(self, path: Path, *, keep: int = KEPT, patience: float = 10.0) -> None:
        self._path = path
        self._keep = keep
        self._patience = patience

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        return self._database.write(partial(self._insert, record))

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        return self._changed(execution_id, partial(change.mark_interrupted, signal=signal))

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        return self._changed(execution_id, partial(change.mark_finished, document=document))

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        return self._changed(execution_id, partial(change.mark_lost, at=at))

    def get(self, execution_id: str) -> ExecutionRecord:
        wanted = normalize_id(execution_id)
        nothing: list[ExecutionRecord] = []
        found = self._database.read(partial(self._get, wanted), nothing)
        if len(found) != 1:
            raise ExecutionUnknown(execution_id, [record.id for record in found])
        return found[0]

    def page(
        self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None
    ) -> ExecutionPage:
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
        return tuple(self._read(f"{_SELECT} WHERE {_UNENDED} ORDER BY id DESC"))

    @cached_property
    def _database(self) -> Database:
        from peaceful._executions.sqlite_store import Database  # it loads sqlite3

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
            # Only cells that change: the others may say more than this version knows.
            cells = zip(COLUMNS, row_of(before), row_of(after), strict=True)
            changed = {column: new for column, old, new in cells if new != old}
            if changed:
                update = f"UPDATE executions SET {' = ?, '.join(changed)} = ? WHERE id = ?"  # noqa: S608 - see above
                connection.execute(update, (*changed.values(), execution_id))
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
        """Return the record with its outcome document."""
        query = "SELECT document FROM outcomes WHERE id = ?"
        row = connection.execute(query, (record.id,)).fetchone()
        if row is None:
            return record
        try:
            return replace(record, outcome=unpack(row[0]))
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
        row = (record.id, pack(record.outcome))
        connection.execute("INSERT INTO outcomes VALUES (?, ?)", row)
