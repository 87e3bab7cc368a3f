"""What an archive has brought, and what differs from what it should bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from peaceful._item.diff import Change, StateDiff
from peaceful._model.state import State
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._tar._names import Entry, FileEntry, shown


class TarExtractState(State):
    """What an archive has brought, or should bring.

    Attributes:
        path: the folder that it is extracted into.
        present: whether anything was ever extracted there by the item.
        files: by name within the folder, what the archive brings: a file's rights, size and
            SHA-256, a link's target, or an empty folder. What else is in the folder is not listed.
        unfinished: whether extracting was cut, and is to be carried on with.
    """

    path: Path
    present: bool
    files: Mapping[str, Entry] = {}
    unfinished: bool = False

    def __str__(self) -> str:
        """How much it is: `312 files, 4.5 MB`."""
        if not self.present:
            return "absent"
        total = sum(entry.size for entry in self.files.values() if isinstance(entry, FileEntry))
        end = ", not finished" if self.unfinished else ""
        return f"{count(len(self.files), 'file')}, {size(total)}{end}"


def tar_diff(current: TarExtractState, goal: TarExtractState) -> StateDiff | None:
    """What differs: files added, changed and removed, by name."""
    changes = tuple(_changes(current, goal))
    if not changes and current.present != goal.present:
        changes = (Change("present", current.present, goal.present),)
    if not changes and current.unfinished:
        changes = (Change("unfinished", True, False, "extracting was cut", "finished"),)
    return StateDiff(changes) if changes else None


def _changes(current: TarExtractState, goal: TarExtractState) -> Iterator[Change]:
    if current.path != goal.path:
        yield Change("path", str(current.path), str(goal.path))
    for name in sorted(current.files.keys() | goal.files.keys()):
        before, after = current.files.get(name), goal.files.get(name)
        if before != after:
            yield Change(
                name,
                None if before is None else str(before),
                None if after is None else str(after),
                "" if before is None else shown(before, after),
                "" if after is None else shown(after, before),
            )
