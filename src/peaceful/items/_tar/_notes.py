"""What is remembered in the destination: which names the item has brought there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from peaceful.item import ItemCtx, write_atomically
from peaceful.items._disk import PathTaken, disk_errors
from peaceful.items._tar._names import NOTES_END, TEMPORARY_END, checked_name


def _within(name: str) -> str:
    if not name or checked_name(name) != name:
        raise ValueError("it is no name of what was extracted")
    return name


class Notes(BaseModel):
    """The names that an item has brought, or was about to bring when it was cut.

    Kept as JSON in the destination, hidden, in a file that has the names of the flow and the item
    in its own: so items that extract into one folder leave each other's files alone.

    Others may be able to write there. So it is neither read nor written through a link, and holds
    no name that leads elsewhere.

    Attributes:
        names: within the destination.
        unfinished: whether extracting was cut.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    names: tuple[Annotated[str, AfterValidator(_within)], ...]
    unfinished: bool

    @classmethod
    def load(cls, path: Path) -> Notes | None:
        """The notes that there are, or none.

        Raises:
            PathTaken: the destination is no folder, or the notes are something else.
            DiskFailed: they cannot be read.
        """
        with disk_errors(path, "read"):
            try:
                return cls.model_validate_json(_read(path))
            except FileNotFoundError:
                return None
            except NotADirectoryError as error:
                raise PathTaken(path.parent, "a file", "a folder") from error
            except (ValidationError, _NoFile) as error:
                raise PathTaken(
                    path, "something else", "the notes of what was extracted"
                ) from error

    def save(self, path: Path) -> None:
        """Writes them down.

        Raises:
            DiskFailed: they cannot be written.
        """
        with disk_errors(path, "written"):
            write_atomically(path, self.model_dump_json() + "\n")


class _NoFile(Exception):
    """There is a link, or whatever else is no file."""


def _read(path: Path) -> bytes:
    # A pipe is not waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _NoFile from error
        raise
    with FileIO(descriptor) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _NoFile
        return file.readall()


def notes_name(ctx: ItemCtx) -> str:
    """What the notes of an item are called in its destination."""
    return f".{ctx.flow}.{ctx.item}{NOTES_END}"


def temporary_name(ctx: ItemCtx) -> str:
    """What a file is called while an item writes it."""
    return f".{ctx.flow}.{ctx.item}{TEMPORARY_END}"


def all_names(*groups: Iterable[str]) -> tuple[str, ...]:
    """The names of all groups, each once, in order."""
    return tuple(sorted({name for group in groups for name in group}))
