"""The state of an extracted archive, and the diff of two states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from peaceful._item.diff import Change, StateDiff
from peaceful._model.state import State
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._tar._names import Entry, FileEntry, describe_entry


class TarExtractState(State):
    """The state of an extracted archive.

    Attributes:
        path: the destination folder.
        present: whether the item has ever extracted anything there.
        files: the archive's files, links and empty folders by their names within the destination;
            other files there are not listed.
        unfinished: whether the extraction was cut, and is to be resumed.
    """

    path: Path
    present: bool
    files: Mapping[str, Entry] = {}
    unfinished: bool = False

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        total = sum(entry.size for entry in self.files.values() if isinstance(entry, FileEntry))
        end = ", not finished" if self.unfinished else ""
        return f"{count(len(self.files), 'file')}, {size(total)}{end}"


def tar_diff(current: TarExtractState, goal: TarExtractState) -> StateDiff | None:
    """Compare two states file by file."""
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
                "" if before is None else describe_entry(before, after),
                "" if after is None else describe_entry(after, before),
            )
