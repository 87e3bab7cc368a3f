"""Where executions listen."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from peaceful._executions.liveness import Liveness
from peaceful._executions.process_files import ControlSockets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The workspace's folder for sockets, not made yet."""
    return tmp_path / ".run"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test only."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def exchange(sockets: ControlSockets, listening: socket.socket, address: str) -> bytes:
    """A word that went from a client to whoever listens."""
    listening.setblocking(True)
    with sockets.connect(address, 5) as client:
        client.sendall(b"word")
        server, _ = listening.accept()
        with server:
            return server.recv(4)


def test_private(folder: Path) -> None:
    """Only the user may connect, even where the folder was open to others before."""
    folder.mkdir(mode=0o755)
    listening, address = ControlSockets(folder).listen("e1")
    with listening:
        assert address == "unix:e1.sock"
        assert mode(folder) == 0o700
        assert mode(folder / "e1.sock") == 0o600
        assert [path.name for path in folder.iterdir()] == ["e1.sock"]
        assert exchange(ControlSockets(folder), listening, address) == b"word"


@pytest.mark.parametrize("length", [60, 200, 250])
def test_long_paths(tmp_path: Path, length: int) -> None:
    """The path to the workspace may be longer than the system allows for sockets."""
    folder = tmp_path / ("y" * length) / ("z" * length) / ".run"
    folder.parent.mkdir(parents=True)
    sockets = ControlSockets(folder)
    before = open_files()
    listening, address = sockets.listen("e1")
    with listening:
        assert address == "unix:e1.sock"
        assert exchange(sockets, listening, address) == b"word"
    assert sockets.answer(address) is Liveness.GONE
    sockets.remove(address)
    assert list(folder.iterdir()) == []
    assert open_files() == before


def test_no_short_names(tmp_path: Path, temporary: Path) -> None:
    """Where long paths cannot be shortened, the socket is in a private temporary folder."""
    sockets = ControlSockets(tmp_path / ("y" * 150) / ".run", proc=tmp_path / "none")
    if len(os.fsencode(temporary)) > 80:
        pytest.skip("the folder for temporary files has itself too long a path")
    listening, address = sockets.listen("e1")
    with listening:
        (private,) = temporary.iterdir()
        assert address == f"unix:{private}/s"
        assert mode(private) == 0o700
        assert mode(private / "s") == 0o600
        assert exchange(sockets, listening, address) == b"word"
    sockets.remove(address)
    assert list(temporary.iterdir()) == []


def test_nowhere(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no socket can be made at all, that is said, and nothing is left."""
    monkeypatch.delattr(socket, "AF_UNIX")
    sockets = ControlSockets(tmp_path / ".run")
    with pytest.raises(OSError, match="no Unix sockets"):
        sockets.listen("e1")
    assert sockets.answer("unix:e1.sock") is Liveness.UNKNOWN
    assert list(temporary.iterdir()) == []


def test_one_listener(folder: Path, temporary: Path) -> None:
    """A listener that fails half way leaves nothing behind where it failed."""
    folder.mkdir()
    (folder / "e1.sock").mkdir()
    listening, address = ControlSockets(folder).listen("e1")
    listening.close()
    assert str(temporary) in address
    assert [path.name for path in folder.iterdir()] == ["e1.sock"]


def test_answers(folder: Path) -> None:
    """Who asks learns whether somebody listens, did once, or never did."""
    sockets = ControlSockets(folder)
    assert sockets.answer("unix:e1.sock") is Liveness.UNKNOWN
    listening, address = sockets.listen("e1")
    assert sockets.answer(address) is Liveness.ALIVE
    listening.close()
    assert sockets.answer(address) is Liveness.GONE


def test_busy_listener(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that has not yet accepted those before is there nevertheless."""
    monkeypatch.setattr("peaceful._executions.process_files._BACKLOG", 0)
    sockets = ControlSockets(folder)
    listening, address = sockets.listen("e1")
    with listening, sockets.connect(address, 5):
        assert sockets.answer(address) is Liveness.ALIVE
        assert sockets.answer(address) is Liveness.ALIVE


def test_sweep(folder: Path) -> None:
    """Sockets of dead processes are removed, those of living ones are not, nor anything else."""
    sockets = ControlSockets(folder)
    assert sockets.names() == []
    dead, _ = sockets.listen("dead")
    dead.close()
    alive, _ = sockets.listen("alive")
    (folder / "notes.txt").touch()
    (folder / "file.sock").touch()
    with alive:
        assert sorted(sockets.names()) == ["alive", "dead", "file"]
        sockets.sweep(["alive", "dead", "never"])
        assert sorted(sockets.names()) == ["alive", "file"]
    assert (folder / "notes.txt").exists()


def test_removed_twice(folder: Path) -> None:
    """What is gone need not be removed."""
    sockets = ControlSockets(folder)
    sockets.remove("unix:e1.sock")
    sockets.remove(f"unix:{folder}/peaceful-x/s")
