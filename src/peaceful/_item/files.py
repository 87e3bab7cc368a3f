"""Atomic writing of files: of one, and of many at once."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from peaceful._aio import run_shielded, start_in_thread
from peaceful._atomic import TEMPORARY_SUFFIX, Replacement, remove_left_behind, write_all

_CANNOT_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOENT})

_GROUP: Final = 64
"""Files that are written at once: each is open meanwhile."""


def write_atomically(path: Path, content: str | bytes | None, *, mode: int | None = None) -> None:
    """Write a file whole, or remove it: at every instant it is either the old one or the new one.

    The content goes to a temporary file beside it, which is synced and then renamed, so that
    neither an interrupt nor a loss of power leaves half a file. Only a process that is killed
    leaves the temporary file behind: its name begins with a dot and ends with `.peaceful.tmp`, and
    it goes when another process next writes into the folder.

    If the path is a symbolic link, its target is written and the link stays; removing removes the
    link. An existing file keeps its permissions, and its owner if this process may set it.

    Args:
        path: the file; missing parent folders are made.
        content: the content, text as UTF-8; `None` removes the file.
        mode: the file's permissions; by default, those of the old file or of the process's umask.

    Raises:
        OSError: the operating system refused, or the path is not a regular file; the old file is
            intact, unless only its folder could not be synced.
    """
    write = FileWrite(path, content, mode)
    _write_group([write])
    if write.error is not None:
        raise write.error


class FileWrite:
    """One file to be written or removed, in steps that it takes together with others.

    Attributes:
        folder: the folder whose entry changes.
        error: the error that a step ended with; no further step is taken then.
    """

    __slots__ = ("_data", "_mode", "_new", "_path", "error", "folder")

    def __init__(self, path: Path, content: str | bytes | None, mode: int | None) -> None:
        self._path = path
        self._data = content.encode() if isinstance(content, str) else content
        self._mode = mode
        self._new: Replacement | None = None
        self.folder: Path = path.parent
        self.error: OSError | None = None

    def take(self, step: Callable[[FileWrite], None]) -> None:
        """Take a step, unless there was an error."""
        if self.error is not None:
            return
        try:
            step(self)
        except OSError as error:
            if error.filename is None or str(error.filename).endswith(TEMPORARY_SUFFIX):
                # Rather than a descriptor or the temporary file.
                error.filename, error.filename2 = str(self._path), None
            self.error = error

    def prepare(self) -> None:
        """Write the temporary file."""
        if self._data is None:
            return
        before = _status(self._path)
        # A link that leads round in a circle has no status, and is refused by then.
        target = Path(os.path.realpath(self._path))
        self.folder = target.parent
        make_folder(self.folder)
        _tidy_once(str(self.folder))
        rights = self._mode
        if rights is None and before is not None:
            rights = stat.S_IMODE(before.st_mode)
        # While it is written, nobody else may read what may turn out to be for few. Where the umask
        # is to decide, the file is created with every right: what the umask is cannot be asked
        # without changing it for every thread.
        self._new = Replacement(target, 0o666 if rights is None else 0o600)
        descriptor = self._new.descriptor
        write_all(descriptor, self._data)
        if sys.platform != "win32":
            if before is not None:
                _keep_owner(descriptor, before)
            if rights is not None:
                os.fchmod(descriptor, rights)

    def start_sync(self) -> None:
        """Let the system begin to write to the disk, where it can, without waiting for it."""
        if self._new is not None and hasattr(os, "posix_fadvise"):
            # Linux begins at once with what it is to drop. Only speed depends on it.
            with suppress(OSError):
                os.posix_fadvise(self._new.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Wait until the temporary file is durable."""
        if self._new is not None:
            os.fsync(self._new.descriptor)

    def put_in_place(self) -> None:
        """Rename the temporary file, or remove the file."""
        if self._new is None:
            self._path.unlink(missing_ok=True)
        else:
            self._new.replace()
            self._new = None

    def discard(self) -> None:
        """Remove the temporary file, if it is not in place."""
        if self._new is not None:
            self._new.discard()
            self._new = None


def _write_group(writes: Sequence[FileWrite]) -> None:
    """Write files, each of which keeps its own error.

    The first sync of a file lets the file system commit what it knows of all of them, if their
    bytes are on their way by then; so those that follow cost little.
    """
    steps = (FileWrite.prepare, FileWrite.start_sync, FileWrite.sync, FileWrite.put_in_place)
    try:
        for step in steps:
            for write in writes:
                write.take(step)
    finally:
        for write in writes:
            write.discard()
    for folder in dict.fromkeys(write.folder for write in writes if write.error is None):
        try:
            sync_folder(folder)
        except OSError as error:
            for write in writes:
                if write.folder == folder and write.error is None:
                    write.error = OSError(error.errno, error.strerror, str(folder))


class FileGroups:
    """Writes the files of many items in groups that share their syncs.

    Used from one event loop's thread, which it never blocks: while one group is written in a
    thread, the next one gathers.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[FileWrite, asyncio.Future[None]]] = []
        self._writing = False

    async def write(self, write: FileWrite) -> None:
        """Write a file, to its end even if this is cancelled. Raises `OSError`, as it does."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, future))
        if not self._writing:
            self._writing = True
            # What else is written in this turn of the loop belongs to the group.
            future.get_loop().call_soon(self._start)
        await run_shielded(future)

    def _start(self) -> None:
        group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
        if not group:
            self._writing = False
            return
        written = start_in_thread(_write_group, [write for write, _ in group])
        written.add_done_callback(lambda done: self._written(group, done))

    def _written(
        self, group: Sequence[tuple[FileWrite, asyncio.Future[None]]], done: asyncio.Future[None]
    ) -> None:
        for write, future in group:
            error = done.exception() or write.error
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        self._start()


_unsynced: Final[set[Path]] = set()
"""Folders that are being made. Another thread that finds one does not wait: it syncs it, too."""

_tidy_once = lru_cache(maxsize=1000)(remove_left_behind)
"""Removes what killed processes left; once, because an item's folder may have very many files."""


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and missing ones above it, each of which is found after a loss of power.

    Raises `OSError`.
    """
    if folder.is_dir():
        if folder in _unsynced:
            sync_folder(folder.parent)
        return
    make_folder(folder.parent, mode)
    _unsynced.add(folder)
    folder.mkdir(mode, exist_ok=True)
    sync_folder(folder.parent)
    _unsynced.discard(folder)


def _status(path: Path) -> os.stat_result | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "It is not a file", str(path))
    return status


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        # Only some may give files away; for the others it is theirs from now on.
        with suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that a renaming lasts, if the system and its permissions allow it."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
