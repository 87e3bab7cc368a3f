"""A folder that is held open, so that it is told apart from another one at its path."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from peaceful._errors.running import FileInaccessible, WorkspaceGone
from peaceful._storage.files import refusals

_HOLD: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})

_OPEN_FILES: Final = Path("/proc/self/fd")
"""The folder in which Linux names what this process has open, as it is called now."""


class HeldFolder:
    """A folder that one execution writes to, from its beginning to its end.

    It is known by its device and inode, as the kernel sees them while it is open: held open, its
    number cannot become another folder's. Nothing in it identifies it, which a copy would share.

    Raises `FileInaccessible` if it cannot be opened. Used as a context manager, or closed by hand.
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
        self.close()

    def close(self) -> None:
        """Hold the folder no longer."""
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
