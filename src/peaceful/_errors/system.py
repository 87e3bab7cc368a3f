"""What the operating system refuses to items: told as what it is, and not as a crash."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from typing import ClassVar, Final

from peaceful._errors.base import raised_at
from peaceful._errors.running import MENDS, ItemFailure

_SILENT: Final = "it took too long, or was refused"


class SystemRefused(ItemFailure, code="ITEM-SYSTEM"):
    """The operating system refused something to an item, for a reason without a code of its own.

    The `OSError` is the error's `__cause__`.
    """

    mend: ClassVar[str] = "mend the cause"

    def __init__(self, item: str, function: str, error: OSError) -> None:
        files = [os.fsdecode(file) for file in (error.filename, error.filename2) if _names(file)]
        said = " ".join((error.strerror or str(error) or _SILENT).split())
        at = raised_at(error)
        parts = (f"{item} failed in {function}", " → ".join(files), said)
        super().__init__(
            ": ".join(part for part in parts if part),
            details=(("at", at),) if at else (),
            help=MENDS.get(error.errno or 0, f"{self.mend}, then run the command again"),
        )
        self.item = item
        self.function = function


class PermissionMissing(SystemRefused, code="ITEM-PERMISSION"):
    """The user that runs the command may not do something that an item does."""


class SpaceMissing(SystemRefused, code="ITEM-NO-SPACE"):
    """The disk, or the user's share of it, is full."""


class FileSystemReadOnly(SystemRefused, code="ITEM-READ-ONLY"):
    """The file system can only be read."""


class FileMissing(SystemRefused, code="ITEM-NOT-FOUND"):
    """A file, folder or program that an item needs is not there."""

    mend: ClassVar[str] = "check the path, and what should have made it"


class PlaceTaken(SystemRefused, code="ITEM-PATH-TAKEN"):
    """Something else is where an item needs a file, a folder, or nothing."""

    mend: ClassVar[str] = "move away what is there, or choose another place"


class FilesExhausted(SystemRefused, code="ITEM-TOO-MANY-FILES"):
    """The process, or the machine, has as many files and sockets open as it may."""

    mend: ClassVar[str] = (
        "allow more (ulimit -n), or work on fewer items at once (--max-concurrency)"
    )


class PeerUnreachable(SystemRefused, code="ITEM-UNREACHABLE"):
    """Another machine or program does not answer, hung up, or is not known by that name."""

    mend: ClassVar[str] = "check its address, that it runs, and the network"


class TookTooLong(SystemRefused, code="ITEM-TIMEOUT"):
    """Something took longer than the item or the operating system waits."""

    mend: ClassVar[str] = "find out what is slow"


_CAUSES: Final[Mapping[type[SystemRefused], tuple[type[OSError] | int, ...]]] = {
    PermissionMissing: (PermissionError,),
    SpaceMissing: (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    FileSystemReadOnly: (errno.EROFS,),
    FileMissing: (FileNotFoundError,),
    PlaceTaken: (FileExistsError, NotADirectoryError, IsADirectoryError, errno.ENOTEMPTY),
    FilesExhausted: (errno.EMFILE, errno.ENFILE),
    PeerUnreachable: (
        *(ConnectionError, socket.gaierror, socket.herror),
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    ),
    TookTooLong: (TimeoutError,),
}
"""By class; or by number, where Python has no class."""


def refusal(item: str, function: str, error: BaseException) -> SystemRefused | None:
    """Return the failure of an item that raised an error of the operating system, else None.

    Classes of libraries that are derived from `OSError` use its numbers for something else.
    """
    if not isinstance(error, OSError) or type(error).__module__ not in {"builtins", "socket"}:
        return None
    for kind, causes in _CAUSES.items():
        classes = tuple(cause for cause in causes if not isinstance(cause, int))
        if isinstance(error, classes) or error.errno in causes:
            return kind(item, function, error)
    return None if error.errno is None else SystemRefused(item, function, error)


def _names(file: object) -> bool:
    return isinstance(file, (str, bytes, os.PathLike))
