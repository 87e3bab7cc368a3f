"""What is remembered in the destination: which names the item has brought there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful.item import ItemCtx, write_atomically
from peaceful.items._disk import PathTaken, disk_errors


class Notes(BaseModel):
    """The names that an item has brought, or was about to bring when it was cut.

    Kept as JSON in the destination, hidden, in a file that has the names of the flow and the item
    in its
    own: so items that extract into one folder leave each other's files alone.

    Attributes:
        names: within the destination.
        unfinished: whether extracting was cut.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    names: tuple[str, ...]
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
                return cls.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                return None
            except NotADirectoryError as error:
                raise PathTaken(path.parent, "a file", "a folder") from error
            except ValidationError as error:
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


def notes_name(ctx: ItemCtx) -> str:
    """What the notes of an item are called in its destination."""
    return f".{ctx.flow}.{ctx.item}.extracted.json"


def temporary_name(ctx: ItemCtx) -> str:
    """What a file is called while an item writes it."""
    return f".{ctx.flow}.{ctx.item}.extracting"


def all_names(*groups: Iterable[str]) -> tuple[str, ...]:
    """The names of all groups, each once, in order."""
    return tuple(sorted({name for group in groups for name in group}))
