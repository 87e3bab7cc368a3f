"""Extraction of an archive, and the notes of what was extracted."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
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
)
from peaceful.items._tar._tree import Tree

_STAYS: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR})
"""Errors of removing a destination that is not empty, is a mount point, or is a link."""


def _is_within(name: str) -> str:
    if not name or checked_name(name) != name:
        raise ValueError("it is no name of what was extracted")
    return name


class Notes(BaseModel):
    """The names within the destination that an item has extracted, or was about to when it was cut.

    They are kept as JSON in a hidden file in the destination, named after flow and item, so that
    items with the same destination leave each other's files alone. Since others may be able to
    write there, no link is followed, and names that lead elsewhere are refused.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    names: tuple[Annotated[str, AfterValidator(_is_within)], ...]
    unfinished: bool

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


def notes_name(ctx: ItemCtx) -> str:
    """Return the name of an item's notes in its destination."""
    return f".{ctx.flow}.{ctx.item}{NOTES_END}"


def temporary_name(ctx: ItemCtx) -> str:
    """Return the name that files have while an item writes them."""
    return f".{ctx.flow}.{ctx.item}{TEMPORARY_END}"


class Extraction:
    """One change of a destination to its goal. Its methods block, so call them in a thread."""

    def __init__(
        self, ctx: ItemCtx, archive: Path, limits: Limits, dest: Path, current: Mapping[str, Entry]
    ) -> None:
        self._ctx = ctx
        self._archive = archive
        self._limits = limits
        self._current = current
        self._dest = dest
        self._notes_path = dest / notes_name(ctx)

    def run(self, goal: Mapping[str, Entry]) -> None:
        """Extract the files that differ from the goal; whole files stay if it is cut.

        Raises `ArchiveChanged` if the archive changed meanwhile, `PathTaken` if something else is
        in the way.
        """
        with disk_errors(self._dest, "made"):
            self._dest.mkdir(parents=True, exist_ok=True)
        before = Notes.load(self._notes_path) or Notes(names=(), unfinished=False)
        changed = {name: entry for name, entry in goal.items() if self._current.get(name) != entry}
        with Tree(self._dest, temporary_name(self._ctx)) as tree:
            self._check_room(tree, changed)
            # What is about to come is noted first: whenever this is cut, `clean` knows all of it.
            names = tuple(sorted({*before.names, *goal}))
            Notes(names=names, unfinished=True).save(self._notes_path)
            if before.unfinished:
                tree.sweep((*before.names, ""))
            removed = self._remove(tree, [name for name in before.names if name not in goal])
            self._make_way(tree, changed)
            self._write(tree, changed)
            tree.sync()
            Notes(names=tuple(sorted(goal)), unfinished=False).save(self._notes_path)
        self._ctx.progress.message(_summary(len(changed), removed))

    def undo(self) -> None:
        """Remove what was extracted, the folders that are then empty, and the notes at last."""
        before = Notes.load(self._notes_path)
        names = () if before is None else before.names
        with Tree(self._dest, temporary_name(self._ctx)) as tree:
            tree.sweep((*names, ""))
            removed = self._remove(tree, names)
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
        self._ctx.progress.message(_summary(0, removed))

    def _check_room(self, tree: Tree, changed: dict[str, Entry]) -> None:
        need = sum(entry.size for entry in changed.values() if isinstance(entry, FileEntry))
        have = tree.free()
        if need > have:
            reason = f"{os.strerror(errno.ENOSPC)}: {size(need)} are needed, {size(have)} are free"
            raise DiskFailed(self._dest, "written", OSError(errno.ENOSPC, reason))

    def _remove(self, tree: Tree, names: Sequence[str]) -> int:
        for name in names:
            _ = self._ctx.safe_point(where=f"before removing {name}")
            tree.remove(name, folder=isinstance(self._current.get(name), FolderEntry))
        tree.prune(names)
        return sum(name in self._current for name in names)

    def _make_way(self, tree: Tree, changed: dict[str, Entry]) -> None:
        """Remove a folder where a file or link is to be, and the other way round."""
        for name, entry in changed.items():
            there = self._current.get(name)
            is_folder = isinstance(there, FolderEntry)
            if there is not None and is_folder != isinstance(entry, FolderEntry):
                tree.remove(name, folder=is_folder)

    def _write(self, tree: Tree, changed: dict[str, Entry]) -> None:
        ctx = self._ctx
        files = {name: entry for name, entry in changed.items() if isinstance(entry, FileEntry)}
        ctx.progress.message(f"writing {count(len(changed), 'file')}")
        ctx.progress.bytes(sum(entry.size for entry in files.values()), done=0)
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

        def write(name: str, member: Member) -> None:
            if name not in missing:
                return
            done = len(files) - len(missing)
            _ = self._ctx.safe_point(where=f"after {done:,} of {count(len(files), 'file')}")
            is_twin = member.kind is Kind.HARD_LINK
            content = tree.content(checked_name(member.target)) if is_twin else member.content()
            # An earlier file of the same name has another content, and is passed over.
            if tree.write(name, self._counted(content), missing[name], member.modified):
                del missing[name]

        with opened(self._archive, self._limits) as (members, _):
            for member in members:
                name = _name_of(member)
                if member.kind is Kind.FILE:
                    write(name, member)
                elif member.kind is Kind.HARD_LINK and name in missing:
                    twins[name] = member
                if len(missing) == len(twins):
                    break
        for name, twin in twins.items():
            write(name, twin)
        if missing:
            raise ArchiveChanged(self._archive, min(missing))

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


def _summary(written: int, removed: int) -> str:
    parts = [f"{count(written, 'file')} written"] if written else []
    parts += [f"{count(removed, 'file')} removed"] if removed else []
    return ", ".join(parts)
