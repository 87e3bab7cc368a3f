"""What is said of the end, whatever cannot be written: what was done, and the same for all."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from in_process import Ran, Run

from peaceful._executions.database import Database

NAMES = ("a", "b")
ALONE = ("--max-concurrency", "1", "--progress", "json", "--format", "json")
FAST = ("--progress", "none", "--format", "json")


class FailingDisk:
    """Counts what is written to the workspace's folder, and refuses some of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Refuses nothing."""
        self._writes = 0
        self._refused = range(0)
        self._lock = threading.Lock()
        monkeypatch.setattr(os, "fsync", _nothing)
        monkeypatch.setattr(os, "fdatasync", _nothing)
        for name in ("write", "fsync", "fdatasync", "replace", "mkdir", "ftruncate"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))
        # SQLite's own writes do not come by here.
        write: Callable[..., object] = Database._write_once

        def written(database: Database, step: Callable[..., object], how: str) -> object:
            self._count()
            return write(database, step, how)

        monkeypatch.setattr(Database, "_write_once", written)
        connect = partial(sqlite3.connect, factory=_Hasty)
        monkeypatch.setattr("peaceful._executions.database.sqlite3.connect", connect)

    def refuse(self, numbers: range) -> None:
        """From now on, those of the writes that follow are refused; the first is 1."""
        self._writes, self._refused = 0, numbers

    def stop(self) -> bool:
        """Refuses nothing any more, and says whether anything was refused."""
        struck = self._writes >= self._refused.start
        self._refused = range(0)
        return struck

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(target: Any, *arguments: Any, **options: Any) -> Any:
            is_open = isinstance(target, int)
            path = Path(f"/proc/self/fd/{target}").readlink() if is_open else target
            if "/.peace/" in f"{path}":
                self._count()
            return function(target, *arguments, **options)

        return called

    def _count(self) -> None:
        with self._lock:
            self._writes += 1
            refused = self._writes in self._refused
        if refused:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Hasty(sqlite3.Connection):
    """A connection that does not wait for a real disk either."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous = FULL", "synchronous = OFF"), *arguments)


def _nothing(_descriptor: int) -> None:
    """A real disk takes its time, which does not matter here."""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    """A disk that can refuse to be written to."""
    return FailingDisk(monkeypatch)


def _events(ran: Ran) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in ran.err.splitlines() if line.startswith("{"))


def _as_told(ran: Ran, command: str, folder: Path, before: set[str]) -> None:
    """What is said of items is so."""
    there = {path.name for path in folder.glob("*")}
    if not ran.json["items"]:
        assert there == before
    for name, item in ran.json["items"].items():
        is_there, was_there = (f"nobody-{name}.txt" in files for files in (there, before))
        match item["status"]:
            case "done" if command != "discover":
                assert is_there == (command == "write")
            case "failed":
                pass  # It was changed or not: either way, that could not be remembered.
            case _:
                assert is_there == was_there


def _as_streamed(ran: Ran) -> None:
    """The last event says the same as the document."""
    last = None
    for event in _events(ran):
        if event["event"] == "execution_ended":
            last = event
    document = ran.json
    assert (last is None) == (document["execution_id"] is None)
    if last is not None:
        assert last["execution_id"] == document["execution_id"]
        assert last["outcome"] == document["outcome"]
        assert last["error"] == document["errors"].get("")
        assert last["counts"] == Counter(each["status"] for each in document["items"].values())


def _as_stored(ran: Ran, texts: Run) -> None:
    """What could be stored is what was printed; a state that is done can be resumed from."""
    document = ran.json
    if document["execution_id"] is None:
        return
    stored = texts("executions", "show", document["execution_id"], *FAST).json
    assert stored["state"] in {"complete", "failed", "lost"}
    if stored["outcome"] is not None:
        assert stored["outcome"] == document
    states = texts("status", *FAST).json["states"]
    for name, item in document["items"].items():
        if item["status"] == "done":
            assert states[name] == item["state"]


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("command", ["write", "clean", "discover"])
def test_whatever_cannot_be_written(
    texts: Run, disk: FailingDisk, tmp_path: Path, command: str, lasts: bool
) -> None:
    """Each write to the workspace fails in turn: the printed document says what was done.

    The last event and what the register has say the same, and the exit code agrees.
    """
    names = [word for name in NAMES for word in ("--names", name)]
    folder = tmp_path / "files"
    assert texts("init", "--folder", "files", *names, "--flow", "some").code == 0
    outcomes: Counter[str] = Counter()
    number, struck = 0, True
    while struck:
        number += 1
        assert texts("write" if command == "clean" else "clean", *FAST).code == 0
        before = {path.name for path in folder.glob("*")}
        disk.refuse(range(number, 10**6 if lasts else number + 1))
        ran = texts(command, *ALONE)
        struck = disk.stop()
        outcomes[ran.json["outcome"]] += 1
        assert (ran.code == 0) == (ran.json["outcome"] == "complete")
        _as_told(ran, command, folder, before)
        _as_streamed(ran)
        _as_stored(ran, texts)
    assert outcomes["error"] > 5


def test_code_that_ends_the_program(texts: Run, tmp_path: Path) -> None:
    """An item that raises `KeyboardInterrupt` has failed, and the others go on."""
    names = ("--names", "a", "--names", "b", "--trouble", "leaves")
    assert texts("init", "--folder", "files", *names, "--flow", "some").code == 0
    ran = texts("write", *ALONE)
    assert ran.code == 1
    assert {name: item["status"] for name, item in ran.json["items"].items()} == {
        "a": "failed",
        "b": "done",
    }
    assert [path.name for path in (tmp_path / "files").glob("*")] == ["nobody-b.txt"]
    assert ran.json["outcome"] == "item_error"
    assert "KeyboardInterrupt (at: " in ran.json["errors"]["a"]["message"]
    _as_streamed(ran)
    _as_stored(ran, texts)
