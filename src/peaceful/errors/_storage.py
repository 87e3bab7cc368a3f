"""Errors of files: what cannot be read, written or understood. Exit code 1."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from peaceful.errors._base import PeacefulError


class StorageError(PeacefulError):
    """Something on disk is in the way. The file that was there is whole."""

    code: ClassVar[str] = "STORAGE"


class FileInaccessible(StorageError):
    """The operating system refused to read or write a file or folder.

    Attributes:
        path: the file or folder.
    """

    code: ClassVar[str] = "FILE-INACCESSIBLE"

    def __init__(self, path: Path, doing: str, error: OSError, *, help: str = "") -> None:
        super().__init__(
            f"{path} could not be {doing}: {error.strerror or error}.",
            help=help or _MENDS.get(error.errno or 0, "mend the cause, then run the command again"),
        )
        self.path = path


_MENDS = {
    1: "check who owns it and whether it may be changed, then run the command again",
    13: "give this user the right to do so, then run the command again",
    28: "free some disk space, then run the command again: it carries on from here",
    30: "make the file system writable, then run the command again",
    122: "free some of this user's disk quota, then run the command again",
}
"""By errno: EPERM, EACCES, ENOSPC, EROFS, EDQUOT."""


class FileDamaged(StorageError):
    """A file is not what it should be: half of it, other bytes, another format.

    Attributes:
        path: the file.
        place: where in it, such as `line 3, column 7` or `offset 4711`.
    """

    code: ClassVar[str] = "FILE-DAMAGED"

    def __init__(self, path: Path, place: str, reason: str, *, help: str) -> None:
        where = f" at {place}" if place else ""
        super().__init__(f"{path} is damaged{where}: {reason}.", help=help)
        self.path = path
        self.place = place


class FormatTooNew(StorageError):
    """A file was written by a later version of the framework than this one."""

    code: ClassVar[str] = "FORMAT-TOO-NEW"

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} has format version {found}; this version of peaceful knows up to {known}.",
            help="use the version of peaceful that wrote it, or a later one",
        )
        self.path = path
