"""Endings that the register does not take are kept beside it, and entered later."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from ending_documents import ending_document

from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.execution import ExecutionState
from peaceful._runtime.hub import ProgressHub
from peaceful.commands import ExecutionInfo

NewInfo = Callable[..., ExecutionInfo]

DOCUMENT = ending_document()
FILES = ("", "-wal", "-shm")


@contextmanager
def _busy(register: Path) -> Iterator[None]:
    """Another process does not let go of it."""
    with closing(sqlite3.connect(register, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _gone(register: Path) -> Iterator[None]:
    """Somebody deletes it."""
    for end in FILES:
        Path(f"{register}{end}").unlink(missing_ok=True)
    yield


@contextmanager
def _damaged(register: Path) -> Iterator[None]:
    """Something spoils it."""
    register.write_bytes(b"no database at all, but long enough" * 100)
    yield


WAYS = [_busy, _gone, _damaged]


@pytest.fixture
def opened(register_file: Path, clock: Clock) -> Callable[[], Executions]:
    """Opens the register, as each process does."""

    def open_it() -> Executions:
        store = SqliteExecutionStore(register_file, patience=0.05)
        return Executions(store, register_file.parent / ".run", clock)

    return open_it


def _kept(register: Path) -> list[Path]:
    return list((register.parent / ".run").glob("*.ending"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("asked", ["get", "list", "next"])
async def test_the_ending_stays_true(
    opened: Callable[[], Executions],
    register_file: Path,
    new_info: NewInfo,
    way: Callable[[Path], AbstractContextManager[None]],
    asked: str,
) -> None:
    """Whatever the register is like at the end, the next who opens it knows how it ended."""
    info = new_info()
    async with opened().start(info, progress=ProgressHub()) as running:
        with way(register_file):
            await running.finish(DOCUMENT)
            assert running.stored
    assert len(_kept(register_file)) == 1
    following = opened()
    match asked:
        case "get" if way is _busy:
            assert following.get(info.id).outcome == DOCUMENT
        case "next":
            async with following.start(new_info(), progress=ProgressHub()) as running:
                await running.finish(ending_document())
        case _:
            states = {record.id: record.state for record in following.list().records}
            assert states == {info.id: ExecutionState.COMPLETE}
    assert _kept(register_file) == []
    assert opened().get(info.id).outcome == DOCUMENT


async def test_while_it_is_still_busy(
    opened: Callable[[], Executions], register_file: Path, new_info: NewInfo
) -> None:
    """As long as the ending cannot be entered, it is shown as it is, and not as lost."""
    info = new_info()
    async with opened().start(info, progress=ProgressHub()) as running:
        with _busy(register_file):
            await running.finish(DOCUMENT)
    with _busy(register_file):
        assert opened().get(info.id).outcome == DOCUMENT
        (record,) = opened().list().records
        assert record.state is ExecutionState.COMPLETE
        assert opened().running() == ()
        assert opened().survivors() == ()
    assert len(_kept(register_file)) == 1


async def test_only_beside_its_own_register(
    opened: Callable[[], Executions], register_file: Path, new_info: NewInfo
) -> None:
    """Where another workspace has taken the place, nothing is kept in it."""
    async with opened().start(new_info(), progress=ProgressHub()) as running:
        shutil.rmtree(register_file.parent)
        (register_file.parent / ".run").mkdir(parents=True)
        await running.finish(DOCUMENT)
    assert list(register_file.parent.rglob("*")) == [register_file.parent / ".run"]


async def test_an_ending_that_cannot_be_read(
    opened: Callable[[], Executions],
    register_file: Path,
    new_info: NewInfo,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a damaged file tells is not believed: the execution is lost, and all else goes on."""
    info = new_info()
    async with opened().start(info, progress=ProgressHub()) as running:
        with _busy(register_file):
            await running.finish(DOCUMENT)
    (kept,) = _kept(register_file)
    kept.write_bytes(kept.read_bytes()[:-9])
    assert opened().get(info.id).state is ExecutionState.LOST
    assert f"the ending in {kept} cannot be read" in caplog.text
