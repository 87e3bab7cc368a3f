"""Extraction, and the note of what was extracted."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from peaceful._item.ctx import ItemCtx
from peaceful._item.files import write_atomically
from peaceful._present.numbers import size
from peaceful._present.text import count
from peaceful.items._disk import DiskFailed, PathTaken, disk_errors, sync_folder
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
)
from peaceful.items._tar._state import TarExtractState
from peaceful.items._tar._tree import Tree


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


_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR})
"""What the system says where the destination has more in it, is mounted there, or a link."""


class Extraction:
    """One run from what is there to what should be there. Its functions wait for the disk."""

    def __init__(
        self, ctx: ItemCtx, archive: Path, limits: Limits, current: TarExtractState
    ) -> None:
        self._ctx = ctx
        self._archive = archive
        self._limits = limits
        self._current = current
        self._dest = current.path
        self._notes_path = current.path / notes_name(ctx)
        self._written = 0

    def run(self, goal: TarExtractState) -> TarExtractState:
        """Extracts.

        Raises:
            ArchiveFailed: the archive cannot be read, or changed meanwhile.
            PathTaken: something else is in the way.
            DiskFailed: the system refused.
            StoppedAtSafePoint: the item is to end here; whole files stay.
        """
        with disk_errors(self._dest, "made"):
            self._dest.mkdir(parents=True, exist_ok=True)
        before = Notes.load(self._notes_path)
        known = () if before is None else before.names
        changed = {
            name: entry
            for name, entry in goal.files.items()
            if self._current.files.get(name) != entry
        }
        with Tree(self._dest, temporary_name(self._ctx)) as tree:
            self._check_room(tree, changed)
            # What is about to come is noted first: whenever this is cut, `clean` knows all of it.
            Notes(names=all_names(known, goal.files), unfinished=True).save(self._notes_path)
            if before is not None and before.unfinished:
                tree.sweep((*known, ""))
            removed = self._remove(tree, [name for name in known if name not in goal.files])
            self._make_way(tree, changed)
            self._write(tree, changed)
            tree.sync()
            Notes(names=all_names(goal.files), unfinished=False).save(self._notes_path)
        self._ctx.progress.message(_told(len(changed), removed))
        return goal

    def undo(self) -> None:
        """Removes what was brought, the folders that are then empty, and the notes.

        Raises:
            DiskFailed: the system refused.
            StoppedAtSafePoint: the item is to end here; what is left is still known.
        """
        before = Notes.load(self._notes_path)
        known = () if before is None else before.names
        with Tree(self._dest, temporary_name(self._ctx)) as tree:
            tree.sweep((*known, ""))
            removed = self._remove(tree, known)
        with disk_errors(self._dest, "removed"):
            self._notes_path.unlink(missing_ok=True)
            try:
                self._dest.rmdir()
            except OSError as error:
                if error.errno not in _STAYS:
                    raise
                sync_folder(self._dest)
            else:
                sync_folder(self._dest.parent)
        self._ctx.progress.message(_told(0, removed))

    def _check_room(self, tree: Tree, changed: dict[str, Entry]) -> None:
        need = sum(entry.size for entry in changed.values() if isinstance(entry, FileEntry))
        have = tree.free()
        if need > have:
            told = f"{os.strerror(errno.ENOSPC)}: {size(need)} are needed, {size(have)} are free"
            raise DiskFailed(self._dest, "written", OSError(errno.ENOSPC, told))

    def _remove(self, tree: Tree, names: Sequence[str]) -> int:
        there = self._current.files
        for name in names:
            _ = self._ctx.safe_point(where=f"before removing {name}")
            tree.remove(name, folder=isinstance(there.get(name), FolderEntry))
        tree.prune(names)
        return sum(name in there for name in names)

    def _make_way(self, tree: Tree, changed: dict[str, Entry]) -> None:
        """Removes what is of another kind than what comes to its place."""
        for name, entry in changed.items():
            there = self._current.files.get(name)
            if (
                isinstance(there, FolderEntry) != isinstance(entry, FolderEntry)
                and there is not None
            ):
                tree.remove(name, folder=isinstance(there, FolderEntry))

    def _write(self, tree: Tree, changed: dict[str, Entry]) -> None:
        ctx = self._ctx
        files = {name: entry for name, entry in changed.items() if isinstance(entry, FileEntry)}
        total = sum(entry.size for entry in files.values())
        ctx.progress.message(f"writing {count(len(changed), 'file')}")
        ctx.progress.bytes(total, done=0)
        if files:
            self._write_files(tree, files)
        for name, entry in changed.items():
            if not isinstance(entry, FileEntry):
                _ = ctx.safe_point(where=f"before {name}")
                if isinstance(entry, LinkEntry):
                    tree.write_link(name, entry.target)
                else:
                    tree.make_folder(name)

    def _write_files(self, tree: Tree, files: dict[str, FileEntry]) -> None:
        missing = dict(files)
        twins: dict[str, Member] = {}
        with opened(self._archive, self._limits) as (members, _):
            for member in members:
                name = _name_of(member)
                if name not in missing:
                    continue
                if member.kind is Kind.HARD_LINK:
                    twins[name] = member
                elif member.kind is Kind.FILE:
                    self._write_file(tree, files, missing, name, member)
                if len(missing) == len(twins):
                    break
        for name in [name for name in twins if name in missing]:
            self._write_file(tree, files, missing, name, twins[name])
        if missing:
            raise ArchiveChanged(self._archive, min(missing))

    def _write_file(
        self,
        tree: Tree,
        files: dict[str, FileEntry],
        missing: dict[str, FileEntry],
        name: str,
        member: Member,
    ) -> None:
        done = len(files) - len(missing)
        _ = self._ctx.safe_point(where=f"after {done:,} of {count(len(files), 'file')}")
        twin = checked_name(member.target) if member.kind is Kind.HARD_LINK else None
        content = member.content() if twin is None else tree.content(twin)
        # An earlier file of the same name has another content, and is passed over.
        if tree.write(name, self._counted(content), missing[name], member.modified):
            del missing[name]

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._ctx.interrupted:
                # Asked to end, and not only to stop: the file that is being written is given up.
                _ = self._ctx.safe_point(where="in the middle of a file, which was left as it was")
            yield chunk
            self._ctx.progress.advance(len(chunk))


def _name_of(member: Member) -> str:
    try:
        return checked_name(member.raw_name)
    except NameRefused:
        return ""  # The archive has changed: it had no such name before.


def _told(written: int, removed: int) -> str:
    parts = [f"{count(written, 'file')} written"] if written else []
    parts += [f"{count(removed, 'file')} removed"] if removed else []
    return ", ".join(parts)
