"""Atomic writing of files."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from peaceful._atomic import remove_left_behind, replace_file, write_all

_CANNOT_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOENT})


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
            intact.
    """
    if content is None:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        return
    before = _status(path)
    # A link that leads round in a circle has no status, and is refused by then.
    target = Path(os.path.realpath(path))
    folder = target.parent
    make_folder(folder)
    _tidy_once(str(folder))
    data = content.encode() if isinstance(content, str) else content
    rights = stat.S_IMODE(before.st_mode) if mode is None and before is not None else mode

    def write(descriptor: int) -> None:
        write_all(descriptor, data)
        if sys.platform != "win32":
            if before is not None:
                _keep_owner(descriptor, before)
            if rights is not None:
                os.fchmod(descriptor, rights)
        os.fsync(descriptor)

    # While it is written, nobody else may read what may turn out to be for few. Where the umask is
    # to decide, the file is created with every right: what the umask is cannot be asked without
    # changing it for every thread.
    replace_file(target, write, 0o666 if rights is None else 0o600)
    sync_folder(folder)


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
