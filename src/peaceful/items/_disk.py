"""What items on the shelf share about files: how the system's refusals are told, and durability."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator

from peaceful._errors.running import FileInaccessible, ItemFailure


class DiskFailed(ItemFailure):
    """The operating system refused to read or write a file or folder that an item works on.

    Attributes:
        path: the file or folder.
    """

    code: ClassVar[str] = "DISK-FAILED"

    def __init__(self, path: Path, doing: str, error: OSError) -> None:
        told = FileInaccessible(path, doing, error)
        super().__init__(told.message, help=told.help)
        self.path = path


class PathTaken(ItemFailure):
    """Where an item would put something, there is something else.

    Attributes:
        path: the place.
    """

    code: ClassVar[str] = "PATH-TAKEN"

    def __init__(self, path: Path, found: str, wanted: str) -> None:
        super().__init__(
            f"{path} is {found}, where {wanted} is to be.",
            help="move it away, or choose another place",
        )
        self.path = path


class PathBusy(ItemFailure):
    """Something else writes what an item would write.

    Attributes:
        path: the file.
    """

    code: ClassVar[str] = "PATH-BUSY"

    def __init__(self, path: Path, by: str) -> None:
        super().__init__(
            f"{path} is being written by {by}.",
            help="wait until that has ended, or choose another place",
        )
        self.path = path


def _storable(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no path has a NUL in it")
    return path


UsablePath: TypeAlias = Annotated[Path, AfterValidator(_storable)]
"""A path that can be asked for: every call of the system refuses a NUL in its own way."""


@contextmanager
def disk_errors(path: Path, doing: str) -> Generator[None]:
    """Tells what the operating system refuses as the failure of an item.

    Args:
        path: what is worked on.
        doing: what is done with it, as in "could not be written".

    Raises:
        DiskFailed: the operating system refused.
    """
    try:
        yield
    except OSError as error:
        raise DiskFailed(path, doing, error) from error


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable: new ones, renamed ones, removed ones.

    Raises:
        OSError: the operating system refused.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(descriptor: int) -> None:
    """Makes durable what was written to the file system of an open file or folder.

    One wait for many files: to wait for each of ten thousand takes minutes on a disk that turns.

    Raises:
        OSError: the disk refused.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
    elif libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
