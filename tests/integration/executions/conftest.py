"""Registers, executions and other processes to try things with."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from memory_execution_store import MemoryExecutionStore

from peaceful._executions.records import ExecutionRecord, ExecutionStore, Machine, ProcessIdentity
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.codec import JsonValue
from peaceful._model.execution import StartedBy
from peaceful._model.names import execution_id
from peaceful.commands import ExecutionInfo

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return START

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return 0.0


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return FixedClock()


@pytest.fixture
def new_info() -> Callable[..., ExecutionInfo]:
    """Makes infos of executions, each with an ID above the last; keywords change fields."""
    numbers = itertools.count(1)

    def make(**changes: object) -> ExecutionInfo:
        fields: dict[str, object] = {
            "id": execution_id(next(numbers) << 20, 0),
            "app": "shop",
            "profile": "test",
            "flow": "deploy",
            "command": "ensure",
            "started_by": StartedBy("ann", "here", 4711, "terminal"),
            "started_at": START,
        }
        return ExecutionInfo(**{**fields, **changes})  # type: ignore[arg-type]  # a test names them

    return make


@pytest.fixture
def new_record(new_info: Callable[..., ExecutionInfo]) -> Callable[..., ExecutionRecord]:
    """Makes records of running executions; keywords change fields of their infos."""

    def make(**changes: object) -> ExecutionRecord:
        process = ProcessIdentity(4711, 5, Machine("here", None, "boot"))
        return ExecutionRecord(new_info(**changes), process=process)

    return make


@pytest.fixture
def register_file(tmp_path: Path) -> Path:
    """Where the register of a workspace is."""
    folder = tmp_path / ".peace/shop"
    folder.mkdir(parents=True)
    return folder / ".executions.sqlite3"


STORES = ("memory", "sqlite")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, register_file: Path) -> ExecutionStore:
    """Each store in turn, empty."""
    if request.param == "memory":
        return MemoryExecutionStore()
    return SqliteExecutionStore(register_file)


@pytest.fixture(params=STORES)
def forgetful_store(request: pytest.FixtureRequest, register_file: Path) -> ExecutionStore:
    """Each store in turn, empty; it keeps three endings."""
    if request.param == "memory":
        return MemoryExecutionStore(keep=3)
    return SqliteExecutionStore(register_file, keep=3)


@pytest.fixture
def executions(register_file: Path, clock: Clock) -> Executions:
    """The register of a workspace, as this process sees it."""
    store = SqliteExecutionStore(register_file)
    return Executions(store, register_file.parent / ".run", clock, timeout=5)


PRELUDE = """
import asyncio, json, sys
from pathlib import Path
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful.interrupt import interrupt_channel
from peaceful._model.document import KeptDocument
from peaceful._model.execution import ExecutionInfo, StartedBy
from peaceful._model.outcome import OutcomeKind
from peaceful._model.events import Snapshot
from datetime import UTC, datetime
import os, socket

class Clock:
    def now(self): return datetime.now(UTC)
    def monotonic(self): return 0.0

class Progress:
    def take_snapshot(self): return Snapshot(block=f"by {os.getpid()}")
    async def subscribe(self):
        await asyncio.Event().wait()
        yield

folder = Path(sys.argv[1])
store = SqliteExecutionStore(folder / ".executions.sqlite3")
executions = Executions(store, folder / ".run", Clock())

def info(id, profile="test", host=None):
    who = StartedBy("ann", host or socket.gethostname(), os.getpid(), "terminal")
    return ExecutionInfo(id, "shop", profile, "deploy", "ensure", who, datetime.now(UTC))

def ending(outcome, interrupt=None):
    now = datetime.now(UTC)
    return KeptDocument(
        execution_id="e1", app="shop", profile="test", flow="deploy", command="ensure",
        outcome=outcome, interrupt=interrupt, items={}, errors={}, started_at=now, ended_at=now,
    )

def tell(**facts):
    print(json.dumps(facts), flush=True)
"""


class Other:
    """Another process, which uses the same register."""

    def __init__(self, folder: Path, code: str, *arguments: str) -> None:
        program = [sys.executable, "-c", PRELUDE + code, str(folder), *arguments]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> dict[str, JsonValue]:
        """The next thing that it tells; waits for it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended with {self.process.wait()}"
        told: dict[str, JsonValue] = json.loads(line)
        return told

    def go(self) -> None:
        """Lets it go on from where it waits for a line."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Ends it at once, without a chance to clean up."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def other(register_file: Path) -> Iterator[Callable[..., Other]]:
    """Starts other processes that use the same register, and ends them with the test."""
    started: list[Other] = []

    def start(code: str, *arguments: str) -> Other:
        started.append(Other(register_file.parent, code, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.fixture
def running_elsewhere(other: Callable[..., Other]) -> Other:
    """Another process that runs execution e1 until it is interrupted, then tells by what."""
    process = other(
        """
async def main():
    sender, receiver = interrupt_channel()
    async with executions.start(info("e1"), progress=Progress(), sender=sender) as running:
        tell(started=running.id)
        signal = await receiver.wait()
        tell(level=str(signal.level), reason=signal.reason)
        await asyncio.to_thread(sys.stdin.readline)
        document = ending(OutcomeKind.EXECUTION_INTERRUPTED, interrupt=receiver.close())
        await running.finish(document)
asyncio.run(main())
"""
    )
    assert process.hear() == {"started": "e1"}
    return process
