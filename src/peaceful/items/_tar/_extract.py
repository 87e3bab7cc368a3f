"""Extraction of an archive, and the notes of what was extracted."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

import msgspec

from peaceful._item.ctx import ItemCtx
from peaceful._item.files import make_folder, sync_folder, write_atomically
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._disk import DiskFailed, PathTaken, disk_errors
from peaceful.items._tar._archive import Limits, opened, read_listing, source_of
from peaceful.items._tar._errors import ArchiveChanged
from peaceful.items._tar._names import (
    NOTES_END,
    TEMPORARY_END,
    Entry,
    FileEntry,
    FolderEntry,
    LinkEntry,
    Listing,
    NameRefused,
    Stamp,
    checked_name,
    is_other,
)
from peaceful.items._tar._selection import Selection
from peaceful.items._tar._tree import Tree, folders_above

_TOLD: Final = 256 * 1024
"""Bytes that are written between two reports: small files are too many to tell each."""
_INSTANT: Final = 10_000_000
"""Nanoseconds: no clock of a file system has longer ticks."""
_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR})
"""Errors of removing a destination that is not empty, is a mount point, or is a link."""


class Notes(msgspec.Struct, frozen=True, omit_defaults=True):
    """The names within the destination that an item has extracted, or was about to when it was cut.

    `made` has the folders that were not there before, the destination itself by an empty name; None
    if that is not known, as of notes of earlier versions. `entries`, `stamps` and `source` are
    those of the listing of what was extracted; the last is empty while that is not finished.

    They are kept as JSON in a hidden file in the destination, named after flow and item, so that
    items with the same destination leave each other's files alone. Since others may be able to
    write there, no link is followed, and names that lead elsewhere are refused; and only notes that
    nobody else could write are believed what files were like.
    """

    names: tuple[str, ...]
    unfinished: bool
    made: tuple[str, ...] | None = None
    entries: dict[str, Entry] = {}
    stamps: dict[str, Stamp] = {}
    source: str = ""

    @classmethod
    def load(cls, path: Path) -> Notes | None:
        """Return the notes, or None; raise `PathTaken` if something else is in their place."""
        with disk_errors(path, "read"):
            try:
                content, facts = _read(path)
            except FileNotFoundError:
                return None
            except NotADirectoryError as error:
                raise PathTaken(path.parent, "a file", "a folder") from error
        try:
            notes = msgspec.json.decode(content, type=cls)
            if not all(map(_is_within, (*notes.names, *filter(None, notes.made or ())))):
                raise ValueError("a name in it leads elsewhere")
        except (ValueError, msgspec.MsgspecError) as error:
            raise PathTaken(path, "something else", "the notes of what was extracted") from error
        if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            return msgspec.structs.replace(notes, entries={}, stamps={}, source="")
        # What changes in the instant of these notes, or later, may keep its stamp.
        latest = facts.st_mtime_ns - _INSTANT
        stamps = {name: each for name, each in notes.stamps.items() if max(each[1:]) < latest}
        return msgspec.structs.replace(notes, stamps=stamps)

    def save(self, path: Path) -> None:
        """Write them, not before a change of a known file would show in its stamp."""
        age = time.time_ns() - max((each[2] for each in self.stamps.values()), default=0)
        if 0 <= age < 2 * _INSTANT:
            time.sleep((2 * _INSTANT - age) / 1e9)
        with disk_errors(path, "written"):
            write_atomically(path, msgspec.json.encode(self) + b"\n", mode=0o644)

    def listing(self) -> Listing | None:
        """Return what was extracted, if all of it is known."""
        if not self.source or self.entries.keys() != set(self.names):
            return None
        return Listing(self.entries, self.stamps, source=self.source)


def _is_within(name: str) -> bool:
    try:
        return bool(name) and checked_name(name) == name
    except NameRefused:
        return False


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """Return the content of a file, and its facts; of anything else no content."""
    # A pipe is not waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return b"", path.lstat()
        raise
    with FileIO(descriptor) as file:
        facts = os.fstat(descriptor)
        return file.readall() if stat.S_ISREG(facts.st_mode) else b"", facts


def notes_name(name: str) -> str:
    """Return the name of an item's notes in its destination; several items have names there."""
    return f".{name}{NOTES_END}" if name else NOTES_END


def temporary_name(name: str) -> str:
    """Return the name that files have while an item writes them."""
    return f".{name}{TEMPORARY_END}" if name else TEMPORARY_END


@dataclass(frozen=True, slots=True)
class Source:
    """An archive, its limits, and what is extracted of it."""

    path: Path
    limits: Limits
    selection: Selection

    def is_of(self, notes: Notes) -> bool:
        """Return whether the archive is the one that all was extracted from."""
        try:
            return source_of(self.path.stat(), self.limits, self.selection) == notes.source
        except OSError:
            return False

    def read(
        self,
        ctx: ItemCtx,
        is_needed: Callable[[str, FileEntry], bool] = lambda _name, _entry: False,
    ) -> Listing:
        """Read what the archive has, with the checksums that are needed."""
        total: int | None = None

        def on_read(read: int, packed: int) -> None:
            nonlocal total
            if total != packed:
                total = packed
                ctx.progress.bytes(packed)
            ctx.progress.done(read)
            _ = ctx.safe_point(where=f"while reading {self.path.name}")

        ctx.progress.message(f"reading {self.path.name}")
        ctx.progress.bytes(None, done=0)
        return read_listing(self.path, self.limits, on_read, self.selection, is_needed)


class Extraction:
    """One change of a destination to its goal. Its methods block, so call them in a thread."""

    def __init__(
        self, ctx: ItemCtx, source: Source, dest: Path, name: str, current: Listing
    ) -> None:
        self._ctx = ctx
        self._name = name
        self._source = source
        self._current = current.entries
        self._stamps = current.stamps
        self._dest = dest
        self._notes_path = dest / notes_name(name)
        self._untold = 0

    def run(self, goal: Listing) -> Listing:
        """Extract the files that differ from the goal, and return all with their checksums.

        Whole files stay if it is cut. Raises `ArchiveChanged` if the archive changed meanwhile,
        `PathTaken` if something else is in the way.
        """
        with disk_errors(self._dest, "made"):
            is_new = not self._dest.exists()
            make_folder(self._dest)
        none = Notes(names=(), unfinished=False, made=("",) if is_new else ())
        before = Notes.load(self._notes_path) or none
        entries = goal.entries
        now = self._current
        changed = {name: each for name, each in entries.items() if is_other(now.get(name), each)}
        # What is there already, and what will have been written.
        made_of = Listing(
            {name: now[name] for name in entries if name not in changed},
            {name: each for name, each in self._stamps.items() if name not in changed},
            source=goal.source,
        )
        with Tree(self._dest, temporary_name(self._name)) as tree:
            self._check_room(tree, changed)
            # What is about to come is noted first: whenever this is cut, `clean` knows all of it.
            names = tuple(sorted({*before.names, *entries}))
            made = self._will_make(tree, changed, before.made)
            known = made_of.entries, made_of.stamps
            Notes(names, True, made, *known).save(self._notes_path)
            if before.unfinished:
                tree.sweep((*before.names, ""))
            gone = [name for name in before.names if name not in entries]
            removed = self._remove(tree, gone, made)
            self._make_way(tree, changed)
            self._write(tree, changed, goal, made_of)
            # What was cut may have written files that were not synced.
            written = entries if before.unfinished else changed
            files = [name for name, each in written.items() if isinstance(each, FileEntry)]
            folders = {name for name, each in written.items() if isinstance(each, FolderEntry)}
            tree.sync(files, folders | folders_above((*written, *gone)) | {""})
            names = tuple(sorted(entries))
            Notes(names, False, made, *known, goal.source).save(self._notes_path)
        self._ctx.progress.message(_summary(len(changed), removed))
        return made_of

    def undo(self) -> None:
        """Remove what was extracted, the folders that are then empty, and the notes at last."""
        before = Notes.load(self._notes_path)
        names, made = ((), None) if before is None else (before.names, before.made)
        with Tree(self._dest, temporary_name(self._name)) as tree:
            tree.sweep((*names, ""))
            removed = self._remove(tree, names, made)
        with disk_errors(self._dest, "removed"):
            self._notes_path.unlink(missing_ok=True)
            try:
                if made is None or "" in made:
                    self._dest.rmdir()
            except OSError as error:
                if error.errno not in _STAYS:
                    raise
                sync_folder(self._dest)
            else:
                sync_folder(self._dest.parent)
        self._ctx.progress.message(_summary(0, removed))

    def _check_room(self, tree: Tree, changed: dict[str, Entry]) -> None:
        need = sum(entry.size for entry in changed.values() if isinstance(entry, FileEntry))
        have = tree.free()
        if need > have:
            reason = f"{os.strerror(errno.ENOSPC)}: {size(need)} are needed, {size(have)} are free"
            raise DiskFailed(self._dest, "written", OSError(errno.ENOSPC, reason))

    def _will_make(
        self, tree: Tree, changed: Mapping[str, Entry], made: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """Return the folders that were made before, and those that will be."""
        if made is None:
            return None
        folders = {name for name, entry in changed.items() if isinstance(entry, FolderEntry)}
        new = folders_above(changed) | folders
        missing = {name for name in sorted(new) if not tree.has_folder(name)}
        return tuple(sorted(missing.union(made)))

    def _remove(self, tree: Tree, names: Sequence[str], made: Collection[str] | None) -> int:
        """Remove what was extracted, and the folders above that were made and are empty then."""
        for name in names:
            _ = self._ctx.safe_point(where=f"before removing {name}")
            is_folder = isinstance(self._current.get(name), FolderEntry)
            if not is_folder or made is None or name in made:
                tree.remove(name, folder=is_folder)
        tree.prune(folders_above(names) if made is None else folders_above(names) & set(made))
        return sum(name in self._current for name in names)

    def _make_way(self, tree: Tree, changed: dict[str, Entry]) -> None:
        """Remove a folder where a file or link is to be, and the other way round."""
        for name, entry in changed.items():
            there = self._current.get(name)
            is_folder = isinstance(there, FolderEntry)
            if there is not None and is_folder != isinstance(entry, FolderEntry):
                tree.remove(name, folder=is_folder)

    def _write(
        self, tree: Tree, changed: dict[str, Entry], goal: Listing, written: Listing
    ) -> None:
        ctx = self._ctx
        files = {name: entry for name, entry in changed.items() if isinstance(entry, FileEntry)}
        ctx.progress.message(f"writing {count(len(changed), 'file')}")
        ctx.progress.bytes(sum(entry.size for entry in files.values()), done=0)
        if files:
            self._write_files(tree, files, goal, written)
        for name, entry in changed.items():
            if not isinstance(entry, FileEntry):
                _ = ctx.safe_point(where=f"before {name}")
                if isinstance(entry, LinkEntry):
                    tree.write_link(name, entry.target)
                else:
                    tree.make_folder(name)
                written.entries[name] = entry

    def _write_files(
        self, tree: Tree, files: Mapping[str, FileEntry], goal: Listing, written: Listing
    ) -> None:
        """Write files in the archive's order; several may have one content, by hard links."""
        # Notes do not tell where in the archive something is.
        listing = goal if goal.places else self._source.read(self._ctx)
        places, source = listing.places, listing.source
        path, total = self._source.path, count(len(files), "file")
        first, place_before = "", None
        with opened(path, self._source.limits) as archive:
            # Of an archive that is another one than before, nothing is known.
            if not goal.source == source == archive.source(self._source.selection):
                raise ArchiveChanged(path)
            for done, name in enumerate(sorted(files, key=lambda name: places[name][0].offset)):
                _ = self._ctx.safe_point(where=f"after {done:,} of {total}")
                place, modified = places[name]
                is_twin = place == place_before
                content = tree.content(first) if is_twin else archive.content(place)
                if not is_twin:
                    first, place_before = name, place
                known = tree.write(name, self._counted(content), files[name], modified)
                if known is None:
                    raise ArchiveChanged(path)
                written.entries[name], written.stamps[name] = known
            self._tell()
            if archive.source(self._source.selection) != source:
                raise ArchiveChanged(path)

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._ctx.interrupted:
                # Asked to end, and not only to stop: the file that is being written is given up.
                _ = self._ctx.safe_point(where="in the middle of a file, which was left as it was")
            yield chunk
            self._untold += len(chunk)
            if self._untold >= _TOLD:
                self._tell()

    def _tell(self) -> None:
        self._ctx.progress.advance(self._untold)
        self._untold = 0


def _summary(written: int, removed: int) -> str:
    parts = [f"{count(written, 'file')} written"] if written else []
    parts += [f"{count(removed, 'file')} removed"] if removed else []
    return ", ".join(parts)
