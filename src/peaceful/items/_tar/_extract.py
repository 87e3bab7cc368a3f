"""Extraction of an archive, and the notes of what was extracted."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from peaceful._item.ctx import ItemCtx
from peaceful._item.files import sync_folder, write_atomically
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._disk import DiskFailed, PathTaken, disk_errors
from peaceful.items._tar._archive import Limits, Member, opened
from peaceful.items._tar._errors import ArchiveChanged
from peaceful.items._tar._names import (
    NOTES_END,
    TEMPORARY_END,
    Entry,
    FileEntry,
    FolderEntry,
    Kind,
    LinkEntry,
    NameRefused,
    checked_name,
    usual_name,
)
from peaceful.items._tar._selection import Selection
from peaceful.items._tar._tree import Tree, folders_above

_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR})
"""Errors of removing a destination that is not empty, is a mount point, or is a link."""


def _is_within(name: str) -> str:
    if not name or checked_name(name) != name:
        raise ValueError("it is no name of what was extracted")
    return name


def _is_folder(name: str) -> str:
    return name and _is_within(name)


class Notes(BaseModel):
    """The names within the destination that an item has extracted, or was about to when it was cut.

    `made` has the folders that were not there before, the destination itself by an empty name; None
    if that is not known, as of notes of earlier versions.

    They are kept as JSON in a hidden file in the destination, named after flow and item, so that
    items with the same destination leave each other's files alone. Since others may be able to
    write there, no link is followed, and names that lead elsewhere are refused.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    names: tuple[Annotated[str, AfterValidator(_is_within)], ...]
    unfinished: bool
    made: tuple[Annotated[str, AfterValidator(_is_folder)], ...] | None = None

    @classmethod
    def load(cls, path: Path) -> Notes | None:
        """Return the notes, or None; raise `PathTaken` if something else is in their place."""
        with disk_errors(path, "read"):
            try:
                return cls.model_validate_json(_read(path))
            except FileNotFoundError:
                return None
            except NotADirectoryError as error:
                raise PathTaken(path.parent, "a file", "a folder") from error
            except ValidationError as error:
                raise PathTaken(
                    path, "something else", "the notes of what was extracted"
                ) from error

    def save(self, path: Path) -> None:
        with disk_errors(path, "written"):
            write_atomically(path, self.model_dump_json() + "\n")


def _read(path: Path) -> bytes:
    """Return the content of a file; of anything else nothing, which is no valid JSON."""
    # A pipe is not waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return b""
        raise
    with FileIO(descriptor) as file:
        return file.readall() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""


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

    @contextmanager
    def members(self) -> Generator[Iterator[Member]]:
        """Open the archive, and yield its entries as `opened` does."""
        with opened(self.path, self.limits) as (members, _):
            yield members

    def name_of(self, raw: str) -> str:
        """Return the name that an entry is extracted as; empty for none."""
        try:
            return checked_name(self.selection.name_of(raw) or "")
        except NameRefused:
            return ""  # The archive has changed: it had no such name before.


class Extraction:
    """One change of a destination to its goal. Its methods block, so call them in a thread."""

    def __init__(
        self, ctx: ItemCtx, source: Source, dest: Path, name: str, current: Mapping[str, Entry]
    ) -> None:
        self._ctx = ctx
        self._name = name
        self._source = source
        self._current = current
        self._dest = dest
        self._notes_path = dest / notes_name(name)

    def run(self, goal: Mapping[str, Entry]) -> None:
        """Extract the files that differ from the goal; whole files stay if it is cut.

        Raises `ArchiveChanged` if the archive changed meanwhile, `PathTaken` if something else is
        in the way.
        """
        with disk_errors(self._dest, "made"):
            is_new = not self._dest.exists()
            self._dest.mkdir(parents=True, exist_ok=True)
        none = Notes(names=(), unfinished=False, made=("",) if is_new else ())
        before = Notes.load(self._notes_path) or none
        changed = {name: entry for name, entry in goal.items() if self._current.get(name) != entry}
        with Tree(self._dest, temporary_name(self._name)) as tree:
            self._check_room(tree, changed)
            # What is about to come is noted first: whenever this is cut, `clean` knows all of it.
            names = tuple(sorted({*before.names, *goal}))
            made = self._will_make(tree, goal, before.made)
            Notes(names=names, unfinished=True, made=made).save(self._notes_path)
            if before.unfinished:
                tree.sweep((*before.names, ""))
            removed = self._remove(tree, [name for name in before.names if name not in goal], made)
            self._make_way(tree, changed)
            self._write(tree, changed, goal)
            tree.sync()
            names = tuple(sorted(goal))
            Notes(names=names, unfinished=False, made=made).save(self._notes_path)
        self._ctx.progress.message(_summary(len(changed), removed))

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
        self, tree: Tree, goal: Mapping[str, Entry], made: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """Return the folders that were made before, and those that will be."""
        if made is None:
            return None
        folders = {name for name, entry in goal.items() if isinstance(entry, FolderEntry)}
        new = folders_above(goal) | folders
        missing = {name for name in sorted(new) if tree.look(name, lambda: None) != FolderEntry()}
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

    def _write(self, tree: Tree, changed: dict[str, Entry], goal: Mapping[str, Entry]) -> None:
        ctx = self._ctx
        files = {name: entry for name, entry in changed.items() if isinstance(entry, FileEntry)}
        ctx.progress.message(f"writing {count(len(changed), 'file')}")
        ctx.progress.bytes(sum(entry.size for entry in files.values()), done=0)
        if files:
            _Files(tree, files, goal, self._source, self._next).write()
        for name, entry in changed.items():
            if not isinstance(entry, FileEntry):
                _ = ctx.safe_point(where=f"before {name}")
                if isinstance(entry, LinkEntry):
                    tree.write_link(name, entry.target)
                else:
                    tree.make_folder(name)

    def _next(self, chunks: Iterator[bytes], done: str) -> Iterator[bytes]:
        """Return the parts of the next file after `done`, unless the execution was interrupted."""
        _ = self._ctx.safe_point(where=f"after {done}")
        return self._counted(chunks)

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._ctx.interrupted:
                # Asked to end, and not only to stop: the file that is being written is given up.
                _ = self._ctx.safe_point(where="in the middle of a file, which was left as it was")
            yield chunk
            self._ctx.progress.advance(len(chunk))


class _Files:
    """The files of an archive that are to be written; `reads` gets each one's parts."""

    def __init__(
        self,
        tree: Tree,
        files: Mapping[str, FileEntry],
        goal: Mapping[str, Entry],
        source: Source,
        reads: Callable[[Iterator[bytes], str], Iterator[bytes]],
    ) -> None:
        self._tree = tree
        self._total = count(len(files), "file")
        self._missing = dict(files)
        self._written = 0
        self._goal = goal
        self._source = source
        self._reads = reads

    def write(self) -> None:
        """Write them all; raise `ArchiveChanged` if some are not there as they were."""
        left_out: dict[str, list[str]] = {}
        twins = self._write_members()
        for name, (twin, origin) in twins.items():
            target = self._source.name_of(twin.target)
            if target not in self._missing and self._goal.get(target) == self._missing[name]:
                self._write(name, self._tree.content(target), twin)
            else:
                left_out.setdefault(origin, []).append(name)
        if left_out:
            self._write_left_out(left_out)
        for first, *others in left_out.values():
            for name in others if first not in self._missing else ():
                self._write(name, self._tree.content(first), twins[name][0])
        if self._missing:
            raise ArchiveChanged(self._source.path, min(self._missing))

    def _write_members(self) -> Mapping[str, tuple[Member, str]]:
        """Write the files, and return the hard links, each with its file's name in the archive."""
        twins: dict[str, tuple[Member, str]] = {}
        links: dict[str, str] = {}
        with self._source.members() as members:
            for member in members:
                name, raw = self._source.name_of(member.raw_name), usual_name(member.raw_name)
                if member.kind is Kind.HARD_LINK:
                    target = usual_name(member.target)
                    links[raw] = links.get(target, target)
                if name not in self._missing:
                    continue
                if member.kind is Kind.FILE:
                    self._write(name, member.content(), member)
                elif member.kind is Kind.HARD_LINK:
                    twins[name] = member, links[raw]
                if len(self._missing) == len(twins):
                    break
        return twins

    def _write_left_out(self, names: Mapping[str, Sequence[str]]) -> None:
        """Write the first hard link of each file that itself is left out."""
        with self._source.members() as members:
            for member in members:
                first = names.get(usual_name(member.raw_name), ("",))[0]
                if member.kind is Kind.FILE and first in self._missing:
                    self._write(first, member.content(), member)

    def _write(self, name: str, content: Iterator[bytes], member: Member) -> None:
        parts = self._reads(content, f"{self._written:,} of {self._total}")
        # An earlier file of the same name has another content, and is passed over.
        if self._tree.write(name, parts, self._missing[name], member.modified):
            del self._missing[name]
            self._written += 1


def _summary(written: int, removed: int) -> str:
    parts = [f"{count(written, 'file')} written"] if written else []
    parts += [f"{count(removed, 'file')} removed"] if removed else []
    return ", ".join(parts)
