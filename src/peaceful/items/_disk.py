"""Errors of the file system as failures of items, and durability of what items write."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from peaceful._errors.running import FileInaccessible, ItemFailure


class DiskFailed(ItemFailure, code="DISK-FAILED"):
    """The operating system refused to read or write `path`, a file or folder of an item."""

    def __init__(self, path: Path, doing: str, error: OSError) -> None:
        cause = FileInaccessible(path, doing, error)
        super().__init__(cause.message, help=cause.help)
        self.path = path


class PathTaken(ItemFailure, code="PATH-TAKEN"):
    """Something else is at `path`, where an item would put its own."""

    def __init__(self, path: Path, found: str, wanted: str) -> None:
        super().__init__(
            f"{path} is {found}, where {wanted} is to be.",
            help="move it away, or choose another place",
        )
        self.path = path


class PathBusy(ItemFailure, code="PATH-BUSY"):
    """Another process or item is writing the file `path`."""

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
"""A path without NUL, which each system call would refuse in its own way."""


@contextmanager
def disk_errors(path: Path, doing: str) -> Generator[None]:
    """Raise any `OSError` of the body as `DiskFailed`; `doing` is a participle like `written`."""
    try:
        yield
    except OSError as error:
        raise DiskFailed(path, doing, error) from error


def sync_filesystem(descriptor: int) -> None:
    """Make everything durable that was written to the file system of an open file or folder.

    One wait serves many files: on a rotating disk, syncing ten thousand one by one takes minutes.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
    elif libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
