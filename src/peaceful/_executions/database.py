"""The SQLite file of the register: opened for one transaction at a time, and its errors.

No connection outlives its transaction. So there is nothing to close, to share between threads or
to carry across a fork, and a workspace that was deleted or moved meanwhile is seen as it is now.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from peaceful._errors.base import PeacefulError
from peaceful._errors.running import FileDamaged, FileInaccessible, FormatTooNew
from peaceful._model.clock import SystemClock
from peaceful._storage.files import moved_aside
from peaceful._storage.lock import FileLock, LockHolder

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.executions")

VERSION: Final = 1
"""The version of the tables, kept in the file's `user_version`."""

_APPLICATION_ID: Final = 0x70656163
"""Distinguishes the file from other programs' databases: the letters `peac`."""

_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
"""Another process is using it: worth another try."""

_DAMAGE: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
"""Among them the error that a table or a column is missing."""

_SHUT: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

_DISK: Final = frozenset({sqlite3.SQLITE_IOERR, *_SHUT})
"""Errors of SQLite on a disk that is full or read-only."""

_MOVE_AWAY: Final = (
    "move it away, together with the files whose names begin like its own, then run the command "
    "again: the history of executions starts anew, and no item's state is lost"
)


class RegisterDamaged(FileDamaged):
    """The register is damaged so that a new one has to take its place."""


_MOVING: Final = 0.2
"""Seconds in which another process has set a damaged file aside."""


class Database:
    """One SQLite file that several processes write to; calls wait `patience` seconds for others.

    It is created by the statements for its tables.
    """

    def __init__(self, path: Path, tables: Sequence[str], patience: float) -> None:
        self._path = path.absolute()
        self._tables = tables
        self._patience = patience

    def write(self, step: Callable[[sqlite3.Connection], T], *, create: bool = False) -> T:
        """Run a transaction: all of it, or, if it raises, nothing. Raises `StorageError`.

        Only if told to `create` the file, it may be missing; its folder may not.
        """
        once = partial(self._write_once, step, "mode=rwc" if create else "mode=rw")
        return self._mended("written", lambda: self._patiently(once))

    def read(self, step: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        """Run a transaction that only reads; return nothing if there is no file.

        Raises `StorageError`.
        """
        return self._mended("read", lambda: self._read(step))

    def damaged(self, place: str, reason: str) -> RegisterDamaged:
        """Return the error for invalid content."""
        return RegisterDamaged(self._path, place, reason, help=_MOVE_AWAY)

    def _mended(self, doing: str, attempt: Callable[[], T]) -> T:
        """Attempt something; if the file is damaged, set it aside, and attempt it with a new one.

        Nobody is asked who else uses it: executions of one profile are kept apart by its lock, and
        the endings of others are kept beside the register until they are in the new one.
        """
        try:
            return self._attempted(doing, attempt)
        except RegisterDamaged as damage:
            # Only one at a time sets it aside.
            lock = FileLock(self._path.with_name(f"{self._path.name}.lock"))
            try:
                other = lock.acquire(LockHolder(), patience=self._patience)
            except FileInaccessible:
                raise damage from None
            if other is not None:
                raise
            try:
                # Another process may have been faster.
                return self._attempted(doing, attempt)
            except RegisterDamaged:
                self._set_aside(damage)
                return self._attempted(doing, attempt)
            finally:
                lock.release()

    def _set_aside(self, damage: RegisterDamaged) -> None:
        # First those beside it, which SQLite would take for the new one's.
        try:
            for end in ("-wal", "-shm"):
                path = Path(f"{self._path}{end}")
                if path.exists():
                    moved_aside(path, SystemClock.now())
            aside = moved_aside(self._path, SystemClock.now())
        except FileInaccessible:
            raise damage from None
        _LOG.warning(
            "%s It is set aside as %s. The history of executions starts anew; no item's state is "
            "lost.",
            damage.message,
            aside.name,
        )

    def _attempted(self, doing: str, attempt: Callable[[], T]) -> T:
        try:
            # SQLite would wait for ever for the other end of a named pipe.
            with suppress(FileNotFoundError, NotADirectoryError):
                if not stat.S_ISREG(self._path.stat().st_mode):
                    raise FileDamaged(self._path, "", "it is no file", help=_MOVE_AWAY)
            return attempt()
        except sqlite3.Error as error:
            raise self._explanation(error, doing) from error
        except (UnicodeDecodeError, OverflowError) as error:
            # Python's part of the layer, such as for the name of a table.
            raise self.damaged("", str(error)) from error
        except OSError as error:
            raise FileInaccessible(self._path, doing, error) from error

    def _read(self, step: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        try:
            return self._patiently(lambda: self._read_once(step, "mode=rw"))
        except sqlite3.OperationalError as error:
            if not self._readable_alone(error):
                raise
        # Where no file can be made beside it, SQLite wants to hear that nobody writes.
        return self._read_once(step, "mode=ro&immutable=1")

    def _write_once(self, step: Callable[[sqlite3.Connection], T], how: str) -> T:
        with closing(self._connect(how)) as connection:
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

    def _read_once(self, step: Callable[[sqlite3.Connection], list[T]], how: str) -> list[T]:
        if not self._path.exists():
            return []
        with closing(self._connect(how)) as connection:
            connection.execute("BEGIN")
            return step(connection) if self._prepared(connection) else []

    def _connect(self, how: str) -> sqlite3.Connection:
        address = f"{self._path.as_uri()}?{how}"
        return sqlite3.connect(address, uri=True, timeout=self._patience, isolation_level=None)

    def _prepared(self, connection: sqlite3.Connection) -> bool:
        """Return whether the tables exist. Called in a transaction, so that the answers agree."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION_ID:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version or tables:
                reason = "it is another program's database"
                raise FileDamaged(self._path, "", reason, help=_MOVE_AWAY)
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
            for statement in self._tables:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Retry while others use the file, or set it aside; SQLite itself does not always wait."""
        began = 0.0
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                code = _primary(error)
                # Of a file that is moved away under it, SQLite says that the disk has failed.
                aside = _MOVING if code == sqlite3.SQLITE_IOERR else 0.0
                patience = self._patience if code in _PASSING else min(aside, self._patience)
                # From the first refusal: what is passing is tried again, however slow the disk is.
                now = time.monotonic()
                began = began or now
                if now >= began + patience:
                    raise
            time.sleep(0.005)  # Other processes tell nobody when they are done with the file.

    def _readable_alone(self, error: sqlite3.OperationalError) -> bool:
        """Return whether the error may come from files beside it, which hold nothing."""
        unmerged = Path(f"{self._path}-wal")
        return _primary(error) in _DISK and not (unmerged.exists() and unmerged.stat().st_size)

    def _explanation(self, error: sqlite3.Error, doing: str) -> PeacefulError:
        code = _primary(error)
        if code in _DAMAGE or (not code and isinstance(error, sqlite3.OperationalError)):
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
        return FileDamaged(self._path, "", str(error), help=_MOVE_AWAY)

    def _full(self) -> bool:
        try:
            return shutil.disk_usage(self._path.parent).free == 0
        except OSError:
            return False

    def _refusal(self) -> OSError:
        """Return why nothing could be opened for writing: the system tells, SQLite does not."""
        try:
            # Not the file itself: to close it here would end the locks of other threads on it.
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            return error
        if not self._path.exists():
            return OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(self._path, os.W_OK):
            return OSError(errno.EACCES, os.strerror(errno.EACCES))
        return OSError(errno.EIO, "SQLite could not open it")


def _primary(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if the error is Python's own."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
