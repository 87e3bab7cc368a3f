"""What the system tells of processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from peaceful._executions.liveness import (
    _owner,
    started_at,
    surviving_children,
    this_machine,
    this_process,
)

STAT = "4 2 0 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {started} 10 20"


def process(proc: Path, pid: int, *, state: str = "S", name: str = "sh", started: int = 9) -> Path:
    """A made-up process in a made-up /proc."""
    folder = proc / str(pid)
    folder.mkdir()
    fields = f"{pid} ({name}) {state} {STAT.format(started=started)}"
    (folder / "stat").write_text(fields)
    return folder


def test_started_at(tmp_path: Path) -> None:
    """When a process was started is read after its name, whatever is in the name."""
    process(tmp_path, 7, name="a) R 1 (b", started=4711)
    assert started_at(7, tmp_path) == 4711


@pytest.mark.parametrize("state", ["Z", "X"])
def test_dead_but_not_buried(tmp_path: Path, state: str) -> None:
    """A process that has ended and only waits for its parent to notice is gone."""
    process(tmp_path, 7, state=state)
    with pytest.raises(ProcessLookupError):
        started_at(7, tmp_path)


def test_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc, one can still tell that a process is not there."""
    assert started_at(os.getpid(), tmp_path) is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(ProcessLookupError):
        started_at(ended.pid, tmp_path)

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert started_at(1, tmp_path) is None


def test_no_signals_where_they_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the number 0 is a signal like others, no process is asked by it."""

    def refuse(pid: int, number: int) -> None:
        raise AssertionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr("peaceful._executions.liveness.os.name", "nt")
    seen = started_at(1, tmp_path)
    monkeypatch.undo()
    assert seen is None


def test_this_process() -> None:
    """A process finds itself as it describes itself."""
    process = this_process()
    assert process.pid == os.getpid()
    assert started_at(process.pid) == process.started
    assert process == this_process()
    assert process.machine == this_machine()


def test_machine_id(tmp_path: Path) -> None:
    """The machine's own ID is not written down, only something that stands for it."""
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef\n")
    machine = this_machine(tmp_path, machine_id)
    assert machine.machine_id is not None
    assert "0123456789abcdef" not in machine.machine_id
    assert machine.machine_id == this_machine(tmp_path, machine_id).machine_id
    assert (machine.boot_id, machine.pid_namespace) == (None, None)
    assert this_machine(tmp_path, tmp_path / "none").machine_id is None


def test_process_without_proc(tmp_path: Path) -> None:
    """Where the system tells nothing, a process knows its number."""
    process = this_process(tmp_path)
    assert (process.pid, process.started) == (os.getpid(), None)


def children(proc: Path) -> None:
    """Some processes, of which two belong to execution e1."""
    (proc / "stat").write_text("cpu 1 2 3\nbtime 1000\n")
    (proc / "self").mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    for pid, entry in ((7, b"e1"), (8, b"e2"), (9, b"e1"), (10, b"e11")):
        folder = process(proc, pid, started=(20 - pid) * ticks)
        environment = b"HOME=/\0PEACEFUL_EXECUTION_ID=" + entry + b"\0X=1\0"
        (folder / "environ").write_bytes(environment)
        (folder / "cmdline").write_bytes(b"sh\0-c\0sleep 9\0")


def test_survivors(tmp_path: Path) -> None:
    """The children of an execution are known by the environment they were started with."""
    children(tmp_path)
    found = surviving_children("e1", proc=tmp_path)
    assert [child.pid for child in found] == [9, 7]
    assert [child.since.timestamp() for child in found] == [1011, 1013]
    assert found[0].command == "sh -c 'sleep 9'"
    assert str(found[0]) == "9 (sh -c 'sleep 9') since 1970-01-01 00:16:51 UTC"
    assert {child.execution_id for child in surviving_children("e1", "e2", proc=tmp_path)} == {
        "e1",
        "e2",
    }
    assert surviving_children(proc=tmp_path) == []


def test_long_commands(tmp_path: Path) -> None:
    """Of a long command line, the beginning is shown, whatever bytes it has."""
    children(tmp_path)
    (tmp_path / "8/cmdline").write_bytes(b"\xff" + b"x" * 5000 + b"\0")
    (child,) = surviving_children("e2", proc=tmp_path)
    assert len(child.command) == 501
    assert child.command.isprintable()


def test_vanishing_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that end while they are looked at are left out."""
    children(tmp_path)
    (tmp_path / "7/environ").unlink()
    process(tmp_path, 11)
    (tmp_path / "9/stat").write_text(f"9 (sh) Z {STAT.format(started=1)}")
    assert surviving_children("e1", proc=tmp_path) == []


def test_vanishing_folders(tmp_path: Path) -> None:
    """A process that ends before its folder is looked at belongs to nobody."""
    process(tmp_path, 7)
    with os.scandir(tmp_path) as entries:
        (entry,) = entries
        shutil.rmtree(tmp_path / "7")
        assert _owner(entry) is None


def test_survivors_without_proc(tmp_path: Path) -> None:
    """Where the system tells nothing of processes, no survivor is found."""
    assert surviving_children("e1", proc=tmp_path) == []
