"""Reading files whole, writing them so that there is always the old or the new one; held folders.

The order of steps (write beside, sync, rename, sync the folder) is the one of Pillai et al., "All
File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from peaceful._atomic import remove_left_behind, replace_file, write_all
from peaceful._errors.running import FileDamaged, FileInaccessible, WorkspaceGone

_FILE_RIGHTS: Final = 0o600
_FOLDER_RIGHTS: Final = 0o700

_BINARY: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Without it, opening a named pipe waits for somebody who writes to it.
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)

_HOLD: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})

_OPEN_FILES: Final = Path("/proc/self/fd")
"""The folder in which Linux names what this process has open, as it is called now."""

_KINDS: Final = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a named pipe"}


def read_file(path: Path, *, help: str = "", size: int = -1) -> bytes | None:
    """Return the content of a file, or its first bytes; None if there is none.

    Raises `FileDamaged` if it is no file.
    """
    with refusals(path, "read"):
        try:
            descriptor = os.open(path, os.O_RDONLY | _BINARY | _NO_WAIT)
        except FileNotFoundError:
            return None
        try:
            _refuse_other_mode(path, os.fstat(descriptor).st_mode, help)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(size)
        finally:
            os.close(descriptor)


def write_file_atomically(path: Path, data: bytes | Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file. At every instant, power loss included, it is the old one or the new one.

    Its folder must exist; its data may come in parts. A symbolic link stays; its target is
    replaced. Temporary files that killed processes left in the folder are removed. Without `sync`,
    the kernel writes it later. After `FileInaccessible`, the old file is whole.
    """

    def write(descriptor: int) -> None:
        _for_this_user_only(descriptor)
        for part in [data] if isinstance(data, bytes) else data:
            write_all(descriptor, part)
        if sync:
            os.fsync(descriptor)

    with refusals(path, "written"):
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        remove_left_behind(target.parent)
        replace_file(target, write, _FILE_RIGHTS)
        if sync:
            sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Create a folder, and missing ones above it, for this user only.

    Called where a profile is set up and where an execution begins. Later, a missing folder means
    that the workspace is gone, and whoever made it anew would hide that.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    try:
        folder.mkdir(_FOLDER_RIGHTS)
    except FileExistsError:
        if not folder.is_dir():
            code = errno.ENOTDIR
            raise NotADirectoryError(code, os.strerror(code), str(folder)) from None
        return
    # An odd umask takes rights away from the user as well.
    folder.chmod(_FOLDER_RIGHTS)
    sync_folder(folder.parent)


def moved_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file, so that it is in nobody's way, and return its new path."""
    name = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    aside, number = path.with_name(name), 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{name}-{number}")
    with refusals(path, "moved aside"):
        path.rename(aside)
        sync_folder(path.parent)
    return aside


def taken_over(earlier: Path, folder: Path) -> None:
    """Give a folder its present name, in one step that a loss of power cannot cut."""
    with refusals(earlier, "renamed"):
        earlier.rename(folder)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on disk."""
    if os.name != "posix":
        # Windows opens no folders; its file systems write names in order.
        return
    descriptor = os.open(folder, os.O_RDONLY | _BINARY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and user-space file systems know no sync of folders, and need none.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def open_new(path: Path, flags: int) -> int:
    """Open a file, created if missing, with access for this user only, whatever the umask."""
    descriptor = os.open(path, flags | os.O_CREAT | _BINARY, _FILE_RIGHTS)
    try:
        _for_this_user_only(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _for_this_user_only(descriptor: int) -> None:
    # An odd umask takes rights away from the user as well.
    if os.name == "posix":
        os.fchmod(descriptor, _FILE_RIGHTS)


def refuse_other_than_file(path: Path) -> None:
    """Raise `FileDamaged` if a path is a link, a folder, a named pipe or a device."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    _refuse_other_mode(path, mode)


@contextmanager
def refusals(path: Path, doing: str) -> Generator[None]:
    """Turn an `OSError` into `FileInaccessible`; `doing` is a participle such as `written`."""
    try:
        yield
    except OSError as error:
        raise FileInaccessible(path, doing, error) from error


def _refuse_other_mode(path: Path, mode: int, help: str = "") -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a device or a socket")
        reason = f"it is {kind}, where a file belongs"
        raise FileDamaged(path, "", reason, help=help or "move it elsewhere")


class HeldFolder:
    """A folder that one execution writes to, from its beginning to its end.

    It is known by its device and inode, as the kernel sees them while it is open: held open, its
    number cannot become another folder's. Nothing in it identifies it, which a copy would share.

    Raises `FileInaccessible` if it cannot be opened. Used as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._name: Final = str(path)
        self._descriptor: int | None = None
        with refusals(path, "opened"):
            if os.name == "posix":
                self._descriptor = os.open(path, _HOLD)
                found = os.fstat(self._descriptor)
            else:
                # Windows opens no folders, and gives none of their numbers to another soon.
                found = path.stat()
        self._id = found.st_dev, found.st_ino

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def check(self) -> None:
        """Raise `WorkspaceGone` unless the folder is still at its path."""
        if not self._is(self._name):
            raise WorkspaceGone(self.path, self._elsewhere())

    def place(self) -> Path | None:
        """Return where the folder is now; None if it is nowhere, as far as can be known."""
        with suppress(FileInaccessible):
            if self._is(self.path):
                return self.path
        return self._elsewhere()

    def _elsewhere(self) -> Path | None:
        if self._descriptor is None:
            return None
        try:
            path = (_OPEN_FILES / str(self._descriptor)).readlink()
            return path if self._is(path) else None
        except (OSError, FileInaccessible):
            # Not Linux, or moved to where this process may not look.
            return None

    def _is(self, path: Path | str) -> bool:
        try:
            # Not by the path's own method, which takes twice as long: it is asked for each item.
            found = os.stat(path)  # noqa: PTH116
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise FileInaccessible(self.path, "read", error) from error
        return (found.st_dev, found.st_ino) == self._id
