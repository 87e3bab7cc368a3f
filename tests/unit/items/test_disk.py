"""What the shelf asks of the disk: one wait for many files, ways that no link leads away from."""

from __future__ import annotations

import ctypes
import errno
import io
import os
import types
from pathlib import Path

import pytest

from peaceful.items import DiskFailed
from peaceful.items._disk import PathTaken, sync_filesystem
from peaceful.items._tar import _tree
from peaceful.items._tar import _tree as _walk
from peaceful.items._tar._archive import Forward, StreamInvalid, StreamTooLong
from peaceful.items._tar._tree import Tree, Walk


def test_one_wait_makes_many_files_durable(tmp_path: Path) -> None:
    """The file system of a folder is synced."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    sync_filesystem(descriptor)
    os.close(descriptor)

    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_filesystem(descriptor)


def test_where_one_file_system_cannot_be_synced_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every system has `syncfs`."""
    synced: list[str] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: types.SimpleNamespace())
    monkeypatch.setattr(os, "sync", lambda: synced.append("all"))

    sync_filesystem(0)

    assert synced == ["all"]


def test_a_stream_goes_forward_only() -> None:
    """It can be read and skipped, and not gone back in."""
    stream = Forward(io.BytesIO(bytes(range(100))), most=100)

    assert stream.read(2) == b"\0\1"
    assert stream.seek(50) == 50
    assert stream.read(1) == b"\x32"
    assert stream.tell() == 51
    assert stream.seek(1000) == 100
    for refused in (lambda: stream.seek(50), stream.read, lambda: stream.read(1 << 40)):
        with pytest.raises(StreamInvalid):
            refused()


def test_a_stream_has_no_more_than_is_allowed() -> None:
    """What is skipped counts too."""
    stream = Forward(io.BytesIO(bytes(100)), most=99)

    with pytest.raises(StreamTooLong):
        stream.seek(100)


def test_a_walk_opens_no_folder_twice_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What two ways have in common stays open."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    opened: list[str] = []
    real = os.open

    def counting(path: str, flags: int, **more: int) -> int:
        opened.append(path)
        return real(path, flags, **more)

    walk = Walk(tmp_path)
    monkeypatch.setattr(_walk, "os", types.SimpleNamespace(**{**vars(os), "open": counting}))
    for folder in ("a/b", "a/b/c", "a", "a/b", ""):
        assert walk.to(folder) is not None
    assert walk.make("a/d") is not None
    walk.close()

    assert opened == ["a", "b", "c", "b", "a", "d"]


def test_a_walk_goes_through_no_link(tmp_path: Path) -> None:
    """Neither to look nor to make something."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").touch()
    walk = Walk(tmp_path)

    for name in ("link", "file", "none", "real/none"):
        assert walk.to(name) is None
    for name in ("link", "file"):
        with pytest.raises(PathTaken, match=name):
            walk.make(f"{name}/new")
    assert list((tmp_path / "real").iterdir()) == []
    walk.close()


def test_refusals_of_the_system_are_told_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was to be done."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "f").write_text("x")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with Tree(tmp_path, ".temporary") as tree:
        content = tree.content("f")
        with pytest.raises(DiskFailed, match=r"none/f could not be read: No such file"):
            tree.content("none/f")
        refusing = dict.fromkeys(("open", "rmdir", "stat", "fstatvfs"), refuse)
        monkeypatch.setattr(_walk, "os", types.SimpleNamespace(**{**vars(os), **refusing}))
        monkeypatch.setattr(_tree, "os", types.SimpleNamespace(**{**vars(os), **refusing}))
        for name, work in {
            "a": lambda: tree.look("a/b", lambda: None),
            "f": lambda: tree.look("f", lambda: None),
            "g": lambda: tree.remove("g", folder=True),
            str(tmp_path): tree.free,
        }.items():
            with pytest.raises(DiskFailed, match=f"{name} could not be"):
                work()
        monkeypatch.undo()
        assert b"".join(content) == b"x"
