"""Rebuilt disks have what was synced, and any part of what was not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

from crashes.disks import PAGE, Disk, Files
from crashes.log import Kind, Operation


def operation(
    kind: Kind, path: str, *, inode: int = 1, thread: int = 1, target: str = "", **more: object
) -> Operation:
    """An operation; of a write, `offset` and `data`."""
    offset, data = more.get("offset", 0), more.get("data", b"")
    assert isinstance(offset, int)
    assert isinstance(data, bytes)
    return Operation(kind, thread, inode, offset, path, target, data)


CREATED = operation(Kind.CREATE, "f")
OLD = operation(Kind.WRITE, "f", data=b"a" * PAGE)
MORE = operation(Kind.WRITE, "f", offset=PAGE, data=b"b" * 3 * PAGE)
SYNC, SYNCED = (operation(kind, "f", thread=2) for kind in (Kind.SYNC, Kind.SYNCED))
SYNC_NAMES, SYNCED_NAMES = (
    operation(kind, "", inode=99, thread=3) for kind in (Kind.SYNC, Kind.SYNCED)
)
NAMED = (CREATED, SYNC_NAMES, SYNCED_NAMES)


def left(folder: Path, operations: Iterable[Operation]) -> list[Disk]:
    """Many disks that a loss of power may leave after operations in an empty folder."""
    files = Files(folder)
    for each in operations:
        files.do(each)
    return list(files.left(Random(8), more=100))


def test_what_was_synced(tmp_path: Path) -> None:
    """It is in every disk."""
    disks = left(tmp_path, [*NAMED, OLD, SYNC, SYNCED])
    assert all(disk == {"f": b"a" * PAGE} for disk in disks)


def test_what_is_written_while_a_sync_runs(tmp_path: Path) -> None:
    """It may be lost; what was written before the sync began may not, once it has ended."""
    found = {disk["f"] for disk in left(tmp_path, [*NAMED, OLD, SYNC, MORE, SYNCED])}
    assert {b"a" * PAGE, b"a" * PAGE + b"b" * 3 * PAGE} <= found
    assert all(content is not None and content.startswith(b"a" * PAGE) for content in found)


def test_a_sync_that_has_not_ended(tmp_path: Path) -> None:
    """It promises nothing."""
    assert {b"", b"a" * PAGE} <= {disk["f"] for disk in left(tmp_path, [*NAMED, OLD, SYNC])}


def test_pages_in_any_order(tmp_path: Path) -> None:
    """A later page may be there where an earlier one is not."""
    found = {disk["f"] or b"" for disk in left(tmp_path, [*NAMED, OLD, SYNC, SYNCED, MORE])}
    assert any(bytes(PAGE) + b"b" * PAGE in content for content in found)


def test_names(tmp_path: Path) -> None:
    """Until their folder is synced, a new one may be missing, and a file have its old one."""
    renamed = operation(Kind.RENAME, "f", target="g")
    disks = left(tmp_path, [*NAMED, renamed, operation(Kind.CREATE, "h", inode=2)])
    assert {frozenset(disk) for disk in disks} == {
        frozenset(names) for names in (("f",), ("g",), ("f", "h"), ("g", "h"))
    }
    disks = left(tmp_path, [*NAMED, renamed, SYNC_NAMES, SYNCED_NAMES])
    assert {frozenset(disk) for disk in disks} == {frozenset("g")}


def test_folders(tmp_path: Path) -> None:
    """What is in a folder is gone with the name of the folder."""
    made = operation(Kind.MKDIR, "d")
    synced = [operation(kind, "d", inode=98, thread=3) for kind in (Kind.SYNC, Kind.SYNCED)]
    disks = left(tmp_path, [made, operation(Kind.CREATE, "d/f"), *synced])
    assert {frozenset(disk) for disk in disks} == {frozenset(), frozenset(("d", "d/f"))}


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    """A sync of a folder is of its names, also if it has the inode of a file that is gone."""
    gone = [CREATED, operation(Kind.UNLINK, "f"), SYNC_NAMES, SYNCED_NAMES]
    made = [operation(Kind.MKDIR, "d"), SYNC_NAMES, SYNCED_NAMES]
    inside = operation(Kind.CREATE, "d/g", inode=2)
    synced = [operation(kind, "d", inode=CREATED.inode) for kind in (Kind.SYNC, Kind.SYNCED)]
    disks = left(tmp_path, [*gone, *made, inside, *synced])
    assert {frozenset(disk) for disk in disks} == {frozenset(("d", "d/g"))}
