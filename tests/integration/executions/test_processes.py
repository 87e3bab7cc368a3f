"""Executions of other processes: interrupted, watched, killed, and what they leave behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from ending_documents import ending_document

from peaceful._executions.liveness import surviving_children
from peaceful._executions.registry import Executions
from peaceful._model.codec import JsonValue
from peaceful._model.events import Snapshot, SnapshotTaken
from peaceful._model.execution import EXECUTION_VARIABLE
from peaceful.commands import Event, ExecutionEnded, ExecutionInfo, ExecutionState
from peaceful.errors import AlreadyEnded, ExecutorUnreachable, ProfileBusy
from peaceful.interrupt import InterruptLevel


class Other(Protocol):
    """Another process; see the fixture `other`."""

    process: subprocess.Popen[str]

    def hear(self) -> dict[str, JsonValue]:
        """What it tells next."""
        ...

    def go(self) -> None:
        """Lets it go on."""
        ...

    def kill(self) -> None:
        """Ends it at once."""
        ...


Start = Callable[..., Other]


class Nothing:
    """A source of progress in which nothing happens."""

    def take_snapshot(self) -> Snapshot:
        """How everything stands now."""
        return Snapshot()

    def subscribe(self) -> NothingMore:
        """The events from now on."""
        return NothingMore()


class NothingMore:
    """No events."""

    def __aiter__(self) -> NothingMore:
        return self

    async def __anext__(self) -> Event:
        raise StopAsyncIteration


def test_interrupt(executions: Executions, running_elsewhere: Other) -> None:
    """An execution of another process is interrupted, and says when it came too late."""
    (record,) = executions.running()
    assert record.info.started_by.pid == running_elsewhere.process.pid
    receipt = executions.interrupt("e", level=InterruptLevel.CANCEL, reason="lunch")
    assert (receipt.execution_id, receipt.level, receipt.changed) == (
        "e1",
        InterruptLevel.CANCEL,
        True,
    )
    assert running_elsewhere.hear() == {"level": "cancel", "reason": "lunch"}
    assert executions.get("e1").state is ExecutionState.INTERRUPTING
    assert not executions.interrupt("e1").changed
    running_elsewhere.go()
    assert running_elsewhere.process.wait() == 0
    with pytest.raises(AlreadyEnded, match="interrupted"):
        executions.interrupt("e1")
    ended = executions.get("e1")
    assert ended.state is ExecutionState.INTERRUPTED
    assert ended.info.interrupt is not None
    assert ended.info.interrupt.level is InterruptLevel.CANCEL


async def test_watch(executions: Executions, running_elsewhere: Other) -> None:
    """An execution of another process is watched, to its end."""
    theirs = Snapshot(block=f"by {running_elsewhere.process.pid}")
    assert await executions.snapshot("e1") == theirs
    events = executions.events("e1")
    assert await anext(events) == SnapshotTaken(theirs)
    await asyncio.to_thread(executions.interrupt, "e1")
    running_elsewhere.go()
    seen = [type(event) async for event in events]
    assert seen == [SnapshotTaken, ExecutionEnded]
    assert executions.get("e1").state is ExecutionState.INTERRUPTED


async def test_killed(
    executions: Executions, running_elsewhere: Other, new_info: Callable[..., ExecutionInfo]
) -> None:
    """After `kill -9` of its process an execution is lost, and the next one starts at once."""
    info = new_info(id="e2")
    with pytest.raises(ProfileBusy, match="e1"):
        async with executions.start(info, progress=Nothing()):
            pass
    running_elsewhere.kill()
    async with executions.start(info, progress=Nothing()) as running:
        assert executions.get("e1").state is ExecutionState.LOST
        assert [record.id for record in executions.running()] == ["e2"]
        await running.finish(ending_document())


@pytest.mark.parametrize("look", ["get", "list", "running", "interrupt"])
def test_killed_and_looked_at(executions: Executions, running_elsewhere: Other, look: str) -> None:
    """Whoever looks next finds that an execution is lost."""
    running_elsewhere.kill()
    match look:
        case "get":
            assert executions.get("e1").state is ExecutionState.LOST
        case "list":
            (record,) = executions.list(states=[ExecutionState.LOST]).records
            assert record.id == "e1"
        case "running":
            assert executions.running() == ()
        case _:
            with pytest.raises(AlreadyEnded, match="lost"):
                executions.interrupt("e1")


async def test_killed_while_watched(executions: Executions, running_elsewhere: Other) -> None:
    """When a watched process is killed, the events end without an ending."""
    events = executions.events("e1")
    assert isinstance(await anext(events), SnapshotTaken)
    running_elsewhere.kill()
    assert [event async for event in events] == []
    assert executions.get("e1").state is ExecutionState.LOST


def test_killed_while_asked(
    executions: Executions, running_elsewhere: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a process is killed just as it is asked, it is found lost then."""
    record = executions.get("e1")
    running_elsewhere.kill()
    monkeypatch.setattr(executions, "get", lambda _: record)
    with pytest.raises(AlreadyEnded, match="lost"):
        executions.interrupt("e1")


def test_stopped(executions: Executions, running_elsewhere: Other) -> None:
    """A process that was stopped (`kill -STOP`) is not lost, and named as not answering."""
    executions._client._timeout = 0.1
    running_elsewhere.process.send_signal(signal.SIGSTOP)
    with pytest.raises(ExecutorUnreachable, match="kill -CONT"):
        executions.interrupt("e1")
    assert executions.get("e1").state is ExecutionState.RUNNING
    running_elsewhere.process.send_signal(signal.SIGCONT)
    executions._client._timeout = 5
    # What was sent while it was stopped has arrived as well, before or after this.
    assert executions.interrupt("e1").level is InterruptLevel.STOP
    assert running_elsewhere.hear()["level"] == "stop"


RACE = """
async def main():
    sender, receiver = interrupt_channel()
    sys.stdin.readline()
    try:
        async with executions.start(info(sys.argv[2]), progress=Progress(), sender=sender) as run:
            tell(started=run.id)
            await asyncio.to_thread(sys.stdin.readline)
            await run.finish(ending(OutcomeKind.COMPLETE))
    except Exception as error:
        tell(refused=error.execution_id)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""


def test_one_of_eight(executions: Executions, other: Start) -> None:
    """Of eight processes that start on one profile at once, one runs, and the others name it."""
    processes = [other(RACE, f"e{number}") for number in range(8)]
    for process in processes:
        process.go()
    told = [process.hear() for process in processes]
    started = [each["started"] for each in told if "started" in each]
    assert len(started) == 1
    assert [each["refused"] for each in told if "refused" in each] == started * 7
    assert [record.id for record in executions.running()] == started
    for process in processes:
        process.go()
    assert [process.process.wait() for process in processes] == [0] * 8
    assert executions.running() == ()


PARENT = """
import subprocess

async def main():
    sender, receiver = interrupt_channel()
    async with executions.start(info("e1"), progress=Progress(), sender=sender) as running:
        environment = {**os.environ, "PEACEFUL_EXECUTION_ID": running.id}
        code = "import time; time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code, "of e1"], env=environment)
        other = subprocess.Popen([sys.executable, "-c", code, "of nobody"])
        tell(child=child.pid, other=other.pid)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def orphans(other: Start) -> Iterator[dict[str, JsonValue]]:
    """Two children of execution e1's process, which was killed; only one belongs to e1."""
    parent = other(PARENT)
    told = parent.hear()
    parent.kill()
    yield told
    for pid in told.values():
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)


def test_surviving_children(executions: Executions, orphans: dict[str, JsonValue]) -> None:
    """Children that survived the kill of their execution's process are found and described."""
    (survivor,) = executions.survivors("test")
    assert survivor.pid == orphans["child"]
    assert survivor.execution_id == "e1"
    assert "of e1" in survivor.command
    assert str(orphans["child"]) in str(survivor)
    assert executions.survivors("other") == ()
    assert executions.survivors() == (survivor,)
    assert surviving_children("e1") == [survivor]


def test_not_its_own_survivor() -> None:
    """A process that was itself started by an item is not among the survivors that it finds."""
    code = (
        "import json, os; from peaceful._executions.liveness import surviving_children as s;"
        "print(json.dumps([child.pid for child in s('e7')]))"
    )
    environment = {**os.environ, EXECUTION_VARIABLE: "e7"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert json.loads(answer.stdout) == []
