"""The disks that a loss of power may leave, rebuilt from the operations of a run.

What was synced is there: the data of a file since a sync of the file that began after it was
written, its name since a sync of its folder. Of all else, each name may be there or not, and each
page of a file may be of any age (Pillai et al., "All File Systems Are Not Created Equal", 2014).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from crashes.log import Kind, Operation

Disk: TypeAlias = Mapping[str, bytes | None]
"""What is in a folder: by name, the content of a file, or none for a folder."""

SECTOR: Final = 512
PAGE: Final = 4096


def disk_in(folder: Path) -> Disk:
    """Return what is in a folder: sockets and what SQLite shares in memory are left out."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_dir() or (path.is_file() and not path.name.endswith("-shm"))
    }


def write_disk(disk: Disk, folder: Path) -> None:
    """Make a folder that disk, for this user only."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(0o700, parents=True)
    for name, content in sorted(disk.items()):
        path = folder / name
        if content is None:
            path.mkdir(0o700)
        else:
            path.touch(0o600)
            path.write_bytes(content)


_Content: TypeAlias = Callable[[Sequence[bytes]], bytes]
"""What a disk has of a file, of its content at its last sync and after each change since."""


@dataclass(frozen=True, slots=True)
class _Renaming:
    """A change of names that is not synced.

    Attributes:
        operation: what was done.
        file: the file that got a name, or none.
    """

    operation: Operation
    file: int | None

    def do(self, names: dict[str, int | None]) -> None:
        """Do it, whether or not others before it were done."""
        operation = self.operation
        if operation.kind in {Kind.RENAME, Kind.UNLINK, Kind.RMDIR}:
            names.pop(operation.path, None)
        if operation.kind not in {Kind.UNLINK, Kind.RMDIR}:
            names[operation.target or operation.path] = self.file

    def is_in(self, folder: str) -> bool:
        """Return whether a sync of a folder is one of it."""
        return _folder_of(self.operation.target or self.operation.path) == folder


class Files:
    """Files as a kernel and its disk have them, while operations are done one after the other.

    Args:
        folder: what is there before the first, which is all synced.
    """

    def __init__(self, folder: Path) -> None:
        self._names: dict[str, int | None] = {}
        self._renamings: list[_Renaming] = []
        self._versions: list[list[bytes]] = []
        self._by_inode: dict[int, int] = {}
        self._folders = {""}
        self._syncing: dict[int, Callable[[], None]] = {}
        for name, content in disk_in(folder).items():
            self._names[name] = None
            if content is None:
                self._folders.add(name)
            else:
                self._names[name] = self._new_file((folder / name).stat().st_ino, content)

    def do(self, operation: Operation) -> None:
        """Do an operation."""
        match operation.kind:
            case Kind.WRITE:
                content, end = self._content(operation), operation.offset + len(operation.data)
                before = content[: operation.offset].ljust(operation.offset, b"\0")
                self._change(operation, before + operation.data + content[end:])
            case Kind.TRUNCATE:
                content, size = self._content(operation), operation.offset
                self._change(operation, content[:size].ljust(size, b"\0"))
            case Kind.CREATE:
                file = self._new_file(operation.inode, b"")
                self._renamings.append(_Renaming(operation, file))
            case Kind.RENAME | Kind.LINK:
                file = self._by_inode[operation.inode]
                self._renamings.append(_Renaming(operation, file))
            case Kind.MKDIR:
                self._folders.add(operation.path)
                self._renamings.append(_Renaming(operation, None))
            case Kind.UNLINK | Kind.RMDIR:
                self._folders.discard(operation.path)
                self._renamings.append(_Renaming(operation, None))
            case Kind.SYNC:
                self._syncing[operation.thread] = self._sync(operation)
            case Kind.SYNCED:
                self._syncing.pop(operation.thread)()
            case Kind.OPEN | Kind.CHMOD | Kind.SAY:
                pass

    def now(self) -> Disk:
        """Return what the kernel shows."""
        return self._disk(self._renamings, _newest)

    def synced(self) -> Disk:
        """Return the least that a loss of power may leave."""
        return self._disk((), _synced)

    def left(self, random: Random, more: int = 2) -> Iterator[Disk]:
        """Yield disks that a loss of power may leave now; many are often the same.

        Args:
            random: chooses what is there of what was not synced.
            more: how many where names are there and missing at random, too.
        """
        contents: Sequence[_Content] = (
            _synced,
            _newest,
            _zeroed,
            *(partial(_torn, random, unit) for unit in (SECTOR, PAGE)),
            *(partial(_reordered, random, unit) for unit in (SECTOR, PAGE)),
            *(partial(_with_a_hole, random, unit) for unit in (SECTOR, PAGE)),
        )

        def mixed(versions: Sequence[bytes]) -> bytes:
            return random.choice(contents)(versions)

        for content in contents:
            yield self._disk(self._renamings, content)
        yield self._disk((), _newest)
        for _ in range(more):
            some = [each for each in self._renamings if random.random() < 0.5]
            yield self._disk(some, mixed)

    def _disk(self, renamings: Sequence[_Renaming], content: _Content) -> Disk:
        names = dict(self._names)
        for renaming in renamings:
            renaming.do(names)
        # What is in a folder whose own name is missing is not found.
        return {
            name: None if file is None else content(self._versions[file])
            for name, file in names.items()
            if all(above in names for above in _folders_above(name))
        }

    def _new_file(self, inode: int, content: bytes) -> int:
        # An inode is used again once its file is gone.
        file = self._by_inode[inode] = len(self._versions)
        self._versions.append([content])
        return file

    def _content(self, operation: Operation) -> bytes:
        return self._versions[self._by_inode[operation.inode]][-1]

    def _change(self, operation: Operation, content: bytes) -> None:
        self._versions[self._by_inode[operation.inode]].append(content)

    def _sync(self, operation: Operation) -> Callable[[], None]:
        """Return what makes durable, once the sync has ended, what there is at its beginning."""
        # By its name: a folder may have the inode of a file that is gone.
        if operation.path in self._folders:
            renamings = [each for each in self._renamings if each.is_in(operation.path)]
            return partial(self._end_sync_of_names, renamings)
        file = self._by_inode[operation.inode]
        return partial(self._end_sync_of_content, file, self._versions[file][-1])

    def _end_sync_of_names(self, synced: Sequence[_Renaming]) -> None:
        for renaming in synced:
            # Two syncs may have begun with the same.
            if renaming in self._renamings:
                self._renamings.remove(renaming)
                renaming.do(self._names)

    def _end_sync_of_content(self, file: int, synced: bytes) -> None:
        versions = self._versions[file]
        for place, version in enumerate(versions):
            if version is synced:
                del versions[:place]
                return


def losses(
    files: Files, operations: Sequence[Operation], random: Random, places: Container[int]
) -> Iterator[tuple[int, Disk]]:
    """Yield different disks that a loss of power may leave.

    Args:
        files: what was there before the operations.
        operations: those of a run.
        random: chooses what is there of what was not synced.
        places: after how many operations the power may be lost.

    Yields:
        After how many operations, and a disk. After more was told, the same may come again.
    """
    known: set[frozenset[tuple[str, bytes | None]]] = set()
    for place, operation in enumerate(operations, 1):
        files.do(operation)
        if operation.kind is Kind.SAY:
            known.clear()
        for disk in files.left(random) if place in places else ():
            content = frozenset(disk.items())
            if content not in known:
                known.add(content)
                yield place, disk


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _folders_above(name: str) -> Iterator[str]:
    while name := _folder_of(name):
        yield name


def _newest(versions: Sequence[bytes]) -> bytes:
    return versions[-1]


def _synced(versions: Sequence[bytes]) -> bytes:
    return versions[0]


def _zeroed(versions: Sequence[bytes]) -> bytes:
    """Return the size of the newest version, and nothing else of it."""
    return versions[0].ljust(len(versions[-1]), b"\0")[: len(versions[-1])]


def _torn(random: Random, unit: int, versions: Sequence[bytes]) -> bytes:
    """Return a version up to some unit, and from there on what was synced."""
    old, new = versions[0], random.choice(versions)
    cut = random.randrange(0, len(new) + unit, unit)
    return new[:cut] + old[len(new[:cut]) :]


def _reordered(random: Random, unit: int, versions: Sequence[bytes]) -> bytes:
    """Return each unit as it was synced, or as it was made since."""
    new = random.choice(versions)
    old = versions[0].ljust(len(new), b"\0")
    units = (slice(place, place + unit) for place in range(0, len(new), unit))
    return b"".join(random.choice((old, new))[each] for each in units)


def _with_a_hole(random: Random, unit: int, versions: Sequence[bytes]) -> bytes:
    """Return the newest version, but for one unit that is not the last: it is as it was synced."""
    old, new = versions[0], versions[-1]
    changed = [
        place
        for place in range(0, len(new) - unit, unit)
        if new[place : place + unit] != old[place : place + unit]
    ]
    if not changed:
        return new
    place = random.choice(changed)
    hole = old[place : place + unit].ljust(unit, b"\0")
    return new[:place] + hole + new[place + unit :]
