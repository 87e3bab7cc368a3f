"""The register as doors use it, within one process."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ending_documents import ending_document
from memory_execution_store import MemoryExecutionStore
from msgspec.structs import replace
from waiting import PATIENCE, until

from peaceful import ItemStatus
from peaceful._executions.liveness import this_process
from peaceful._executions.process_files import ControlSockets, LockHolders
from peaceful._executions.records import (
    ExecutionRecord,
    ExecutionStore,
    InterruptReceipt,
    ProcessIdentity,
)
from peaceful._executions.registry import Executions
from peaceful._executions.running import RunningExecution
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.events import Snapshot, SnapshotTaken
from peaceful.commands import Event, ExecutionInfo, ExecutionState, ItemEnded
from peaceful.errors import (
    AlreadyEnded,
    ExecutionUnknown,
    ExecutorUnreachable,
    FileInaccessible,
    NotInterruptible,
    ProfileBusy,
)
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource, interrupt_channel

NewInfo = Callable[..., ExecutionInfo]
NewRecord = Callable[..., ExecutionRecord]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END = START + timedelta(minutes=5)
DOCUMENT = ending_document(statuses={"a": ItemStatus.DONE}, ended_at=END)
HOW = Snapshot(block="all is well")
ENDED = ItemEnded(END, "a", ItemStatus.DONE, "", "", None, 1.0)


class Progress:
    """A source of progress in which one thing happens."""

    def take_snapshot(self) -> Snapshot:
        """How everything stands now."""
        return HOW

    async def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on."""
        yield ENDED


async def finish(running: RunningExecution) -> None:
    """Stores an ending."""
    await running.finish(DOCUMENT)


def signal(level: InterruptLevel = InterruptLevel.STOP) -> InterruptSignal:
    """A signal such as Ctrl-C sends."""
    return InterruptSignal(level, InterruptSource.SIGINT, START)


async def test_from_start_to_end(executions: Executions, new_info: NewInfo) -> None:
    """An execution is found, and can be interrupted, from its start until its stored ending."""
    sender, _ = interrupt_channel()
    info = replace(new_info(), dry_run=True)
    start = executions.start(info, progress=Progress(), sender=sender, only=("a", "b"))
    async with start as running:
        assert executions.senders.get(info.id) is sender
        (record,) = executions.running()
        assert record == executions.get(info.id) == running.record
        assert record.info == info
        assert record.only == ("a", "b")
        assert record.process == this_process()
        assert record.address == f"unix:{info.id}.sock"
        assert executions.list().records == (record,)
        await finish(running)
        assert executions.senders.get(info.id) is None
        assert running.record == executions.get(info.id)
    ended = executions.get(info.id[:20])
    assert (ended.state, ended.info.ended_at) == (ExecutionState.COMPLETE, END)
    assert ended.outcome == DOCUMENT
    assert executions.running() == ()
    assert len(executions.senders) == 0


async def test_nothing_left(executions: Executions, new_info: NewInfo, register_file: Path) -> None:
    """After the end, no socket is left."""
    async with executions.start(new_info(), progress=Progress()) as running:
        await finish(running)
    assert list((register_file.parent / ".run").iterdir()) == []


async def test_one_at_a_time(executions: Executions, new_info: NewInfo) -> None:
    """A second execution of the profile is refused, and told who, what, since when and how."""
    first = new_info()
    async with executions.start(first, progress=Progress()) as running:
        with pytest.raises(ProfileBusy) as caught:
            async with executions.start(new_info(flow="other"), progress=Progress()):
                pass
        assert caught.value.execution_id == first.id
        assert dict(caught.value.details) == {
            "flow": first.flow,
            "machine": first.started_by.host,
            "to interrupt it": f"shop interrupt {first.id}",
        }
        text = str(caught.value)
        for fact in ("ensure", "ann", "4711", "2026-03-01 12:00", first.id, "shop interrupt"):
            assert fact in text
        async with executions.start(new_info(profile="live"), progress=Progress()) as other:
            assert len(executions.running()) == 2
            await finish(other)
        await finish(running)
    async with executions.start(new_info(), progress=Progress()) as third:
        await finish(third)


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_left_without_an_ending(
    executions: Executions, new_info: NewInfo, error: type[BaseException]
) -> None:
    """An execution that is left without an ending is lost, not running for ever."""
    info = new_info()
    with pytest.raises(error):
        async with executions.start(info, progress=Progress()):
            raise error
    assert executions.get(info.id).state is ExecutionState.LOST
    async with executions.start(new_info(), progress=Progress()) as running:
        await finish(running)


class StuckStore(MemoryExecutionStore):
    """A store whose insertions wait until a test lets them go on."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.inserting = asyncio.Event()
        self.go_on = threading.Event()

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """Waits, then inserts."""
        self.loop.call_soon_threadsafe(self.inserting.set)
        self.go_on.wait()
        return super().insert(record)


async def test_cancelled_while_it_starts(tmp_path: Path, clock: Clock, new_info: NewInfo) -> None:
    """An execution whose start is cancelled blocks nobody."""
    store = StuckStore()
    executions = Executions(store, tmp_path, clock)
    info = new_info()
    entering = asyncio.create_task(executions.start(info, progress=Progress()).__aenter__())
    await store.inserting.wait()
    entering.cancel()
    await asyncio.wait({entering}, timeout=0)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert executions.get(info.id).state is ExecutionState.LOST
    assert ControlSockets(tmp_path).names() == []


class FullStore(MemoryExecutionStore):
    """A store that cannot be written to, but for new executions."""

    def interrupting(self, execution_id: str, signal: InterruptSignal) -> ExecutionRecord:
        """Fails."""
        raise self._error()

    def finish(self, *args: object, **kwargs: object) -> ExecutionRecord:
        """Fails."""
        raise self._error()

    def mark_lost(self, execution_id: str, at: datetime) -> ExecutionRecord:
        """Fails."""
        raise self._error()

    def _error(self) -> FileInaccessible:
        return FileInaccessible(Path("register"), "written", OSError(28, "No space left"))


@pytest.mark.parametrize("beside", [True, False])
async def test_full_disk(
    tmp_path: Path,
    clock: Clock,
    new_info: NewInfo,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    beside: bool,
) -> None:
    """Where the register cannot be written, interrupts still work, and the end is what it was.

    Whoever follows the execution is told it. It is kept beside the register if that can be written;
    else only the history does not know how it ended.
    """
    if not beside:

        def refuse(*_: object) -> None:
            raise FileInaccessible(Path("ending"), "written", OSError(28, "No space left"))

        monkeypatch.setattr("peaceful._executions.running.KeptEndings.keep", refuse)
    executions = Executions(FullStore(), tmp_path, clock)
    sender, receiver = interrupt_channel()
    info = new_info()
    async with executions.start(info, progress=Progress(), sender=sender) as running:
        receipt = await asyncio.to_thread(executions.interrupt, info.id)
        assert receipt.changed
        assert receiver.poll() is not None
        running.interrupting(signal())
        await until(lambda: caplog.text.count("not in the register") == 2)
        await finish(running)
        told = running.last_event()
        assert told is not None
        assert (told.outcome, told.counts) == (DOCUMENT.outcome, DOCUMENT.counts)
    assert "not in the history" in caplog.text
    # It cannot be entered, but it is seen for what it is.
    expected = ExecutionState.COMPLETE if beside else ExecutionState.LOST
    assert executions.get(info.id).state is expected
    assert executions.running() == ()
    assert executions.list().records[0].state is expected


async def test_interrupt(executions: Executions, new_info: NewInfo) -> None:
    """The first interrupt is accepted; again gives the same; a higher level raises it."""
    sender, receiver = interrupt_channel()
    info = new_info()
    async with executions.start(info, progress=Progress(), sender=sender) as running:
        first = executions.interrupt(info.id, source=InterruptSource.COMMAND, reason="lunch" * 1000)
        assert first == InterruptReceipt(info.id, InterruptLevel.STOP, START, changed=True)
        assert first.state is ExecutionState.INTERRUPTING
        assert executions.interrupt(info.id) == replace(first, changed=False)
        record = executions.get(info.id)
        assert record.state is ExecutionState.INTERRUPTING
        assert record.info.interrupt == receiver.poll()
        assert record.info.interrupt is not None
        assert record.info.interrupt.reason == ("lunch" * 1000)[:1000]
        kill = executions.interrupt(info.id, level=InterruptLevel.KILL)
        assert kill == InterruptReceipt(info.id, InterruptLevel.KILL, START, changed=True)
        lower = executions.interrupt(info.id, level=InterruptLevel.CANCEL)
        assert lower == replace(kill, changed=False)
        await running.finish(replace(DOCUMENT, interrupt=receiver.close()))
        with pytest.raises(AlreadyEnded, match="complete"):
            executions.interrupt(info.id)
    interrupt = executions.get(info.id).info.interrupt
    assert interrupt is not None
    assert interrupt.level is InterruptLevel.KILL


async def test_interrupt_by_signal(
    executions: Executions,
    new_info: NewInfo,
    register_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An interrupt that did not come through the register is seen at once, and noted when told."""
    caplog.set_level(logging.DEBUG, "peaceful.executions")
    store = SqliteExecutionStore(register_file)
    sender, _ = interrupt_channel()
    async with executions.start(new_info(), progress=Progress(), sender=sender) as running:
        sender.send(signal())
        assert executions.get(running.id).state is ExecutionState.INTERRUPTING
        (in_the_register,) = store.unended()
        assert in_the_register.state is ExecutionState.RUNNING
        running.interrupting(signal())
        await until(lambda: [each.info.interrupt for each in store.unended()] == [signal()])
        await finish(running)
        running.interrupting(signal(InterruptLevel.KILL))
        await until(lambda: "ended before its interrupt was noted" in caplog.text)
    ended = executions.get(running.id)
    assert ended.state is ExecutionState.COMPLETE
    assert ended.info.interrupt == signal()


async def test_interrupt_too_late(executions: Executions, new_info: NewInfo) -> None:
    """An interrupt that comes while the ending is being stored waits, and is told the ending."""
    sender, receiver = interrupt_channel()
    info = new_info()
    async with executions.start(info, progress=Progress(), sender=sender) as running:
        receiver.close()
        late = asyncio.create_task(asyncio.to_thread(executions.interrupt, info.id))
        await asyncio.wait({late}, timeout=0.05)
        assert not late.done()
        await finish(running)
        with pytest.raises(AlreadyEnded, match="complete"):
            await late


async def test_interrupt_while_it_never_ends(
    executions: Executions, new_info: NewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the ending does not come in time, a late interrupt is told that it is on its way."""
    monkeypatch.setattr("peaceful._executions.running.ENDING_PATIENCE", 0.01)
    sender, receiver = interrupt_channel()
    info = new_info()
    async with executions.start(info, progress=Progress(), sender=sender) as running:
        receiver.close()
        with pytest.raises(AlreadyEnded, match="being stored"):
            executions.interrupt(info.id)
        await finish(running)


async def test_not_interruptible(executions: Executions, new_info: NewInfo) -> None:
    """An execution without a sender says why it cannot be interrupted."""
    async with executions.start(new_info(), progress=Progress()) as running:
        assert not executions.get(running.id).interruptible
        with pytest.raises(NotInterruptible, match="started without a way"):
            executions.interrupt(running.id)
        await finish(running)
        assert executions.get(running.id).info.interrupt is None


def test_interrupt_unknown(executions: Executions) -> None:
    """What was never started cannot be interrupted."""
    with pytest.raises(ExecutionUnknown):
        executions.interrupt("e1")


async def test_other_door(
    executions: Executions, register_file: Path, clock: Clock, new_info: NewInfo
) -> None:
    """A second register of the same process reaches the execution, too, through its socket."""
    store = SqliteExecutionStore(register_file)
    second = Executions(store, register_file.parent / ".run", clock)
    sender, receiver = interrupt_channel()
    async with executions.start(new_info(), progress=Progress(), sender=sender) as running:
        assert second.running() == executions.running()
        assert await second.snapshot(running.id) == HOW
        receipt = await asyncio.to_thread(second.interrupt, running.id, reason="lunch")
        assert receipt == InterruptReceipt(running.id, InterruptLevel.STOP, START, changed=True)
        latched = receiver.poll()
        assert latched is not None
        assert latched.reason == "lunch"
        await finish(running)


async def test_snapshot(executions: Executions, new_info: NewInfo) -> None:
    """How an execution stands is told until it has ended."""
    async with executions.start(new_info(), progress=Progress()) as running:
        assert await executions.snapshot(running.id) == HOW
        await finish(running)
        with pytest.raises(AlreadyEnded):
            await executions.snapshot(running.id)


async def test_events(
    executions: Executions, register_file: Path, clock: Clock, new_info: NewInfo
) -> None:
    """Events are the same through either register: first how everything stands, then each."""
    store = SqliteExecutionStore(register_file)
    second = Executions(store, register_file.parent / ".run", clock)
    async with executions.start(new_info(), progress=Progress()) as running:
        expected = [SnapshotTaken(HOW), ENDED]
        for register in (executions, second):
            assert [event async for event in register.events(running.id)] == expected
        await finish(running)


def uninhabited(record: ExecutionRecord, **changes: object) -> ExecutionRecord:
    """The record with another process, as this machine might have had one."""
    here = this_process()
    machine = replace(here.machine, **changes)
    return replace(record, process=ProcessIdentity(here.pid, here.started, machine))


def test_pid_given_again(
    executions: Executions, register_file: Path, new_record: NewRecord
) -> None:
    """An execution whose process ID now belongs to another process is lost."""
    process = this_process()
    assert process.started is not None
    parent = ProcessIdentity(os.getppid(), process.started + 1, process.machine)
    record = replace(new_record(), process=parent)
    SqliteExecutionStore(register_file).insert(record)
    assert executions.get(record.id).state is ExecutionState.LOST


def test_restarted_machine(
    executions: Executions, register_file: Path, new_record: NewRecord
) -> None:
    """An execution that ran when the machine went down is lost."""
    record = uninhabited(new_record(), boot_id="the boot before")
    SqliteExecutionStore(register_file).insert(record)
    assert executions.running() == ()
    (found,) = executions.list().records
    assert (found.state, found.info.ended_at) == (ExecutionState.LOST, START)


def test_not_run_by_this_process(
    executions: Executions, register_file: Path, new_record: NewRecord
) -> None:
    """An execution of this very process, which does not run it, is lost."""
    record = uninhabited(new_record())
    SqliteExecutionStore(register_file).insert(record)
    assert executions.get(record.id).state is ExecutionState.LOST


async def test_two_hosts(
    executions: Executions, register_file: Path, new_info: NewInfo, new_record: NewRecord
) -> None:
    """What another host runs is not judged: it blocks the profile until a person knows better."""
    record = replace(uninhabited(new_record(), host="there", boot_id="b"), address="unix:x.sock")
    by = replace(record.info.started_by, host="there")
    record = replace(record, info=replace(record.info, started_by=by))
    SqliteExecutionStore(register_file).insert(record)
    assert executions.running() == (record,)
    with pytest.raises(ProfileBusy, match="there"):
        async with executions.start(new_info(), progress=Progress()):
            pass
    with pytest.raises(ExecutorUnreachable, match="runs on there"):
        executions.interrupt(record.id)
    with pytest.raises(ExecutorUnreachable, match="runs on there"):
        await executions.snapshot(record.id)
    with pytest.raises(ExecutorUnreachable, match="runs on there"):
        async for _ in executions.events(record.id):
            pass
    assert executions.mark_lost(record.id).state is ExecutionState.LOST
    async with executions.start(new_info(), progress=Progress()) as running:
        await finish(running)


async def test_mark_lost_what_runs(executions: Executions, new_info: NewInfo) -> None:
    """What is known to run cannot be declared lost; what has ended stays as it is."""
    async with executions.start(new_info(), progress=Progress()) as running:
        with pytest.raises(ProfileBusy):
            executions.mark_lost(running.id)
        await finish(running)
    assert executions.mark_lost(running.id).state is ExecutionState.COMPLETE


@pytest.mark.parametrize(
    ("holder", "state"),
    [
        (lambda record, _: record.id, ExecutionState.RUNNING),
        (lambda *_: "", ExecutionState.RUNNING),
        (lambda *_: "another", ExecutionState.LOST),
        (lambda *_: None, ExecutionState.LOST),
    ],
)
def test_lock_holders(
    register_file: Path,
    clock: Clock,
    new_record: NewRecord,
    holder: Callable[[ExecutionRecord, str], str | None],
    state: ExecutionState,
) -> None:
    """Where nothing else tells, whoever does not hold the profile's lock does not run."""
    record = uninhabited(new_record(), pid_namespace="another container's")
    store: ExecutionStore = SqliteExecutionStore(register_file)
    store.insert(record)
    holders: LockHolders = lambda profile: holder(record, profile)  # noqa: E731 - shown as a type
    run_folder = register_file.parent / ".run"
    assert Executions(store, run_folder, clock).get(record.id).state is ExecutionState.RUNNING
    executions = Executions(store, run_folder, clock, lock_holders=holders)
    assert executions.get(record.id).state is state


async def test_sockets_of_the_dead(
    executions: Executions, register_file: Path, new_info: NewInfo, new_record: NewRecord
) -> None:
    """Sockets that killed processes left are removed when the next execution starts."""
    sockets = ControlSockets(register_file.parent / ".run")
    dead = uninhabited(new_record(), boot_id="the boot before")
    undecided = uninhabited(new_record(profile="x"), host="there", boot_id="b")
    for name in (dead.id, undecided.id, "forgotten"):
        sockets.listen(name)[0].close()
    store = SqliteExecutionStore(register_file)
    store.insert(replace(dead, address=f"unix:{dead.id}.sock"))
    store.insert(undecided)
    async with executions.start(new_info(), progress=Progress()) as running:
        assert sorted(sockets.names()) == sorted([running.id, undecided.id])
        await finish(running)


async def test_without_sockets(
    tmp_path: Path, clock: Clock, new_info: NewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no socket can be made, an execution runs all the same; other doors are told."""

    def refuse(sockets: ControlSockets, execution_id: str) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(ControlSockets, "listen", refuse)
    store = MemoryExecutionStore()
    executions, second = (Executions(store, tmp_path, clock) for _ in range(2))
    sender, receiver = interrupt_channel()
    async with executions.start(new_info(), progress=Progress(), sender=sender) as running:
        with pytest.raises(ExecutorUnreachable, match="cannot be reached from another process"):
            second.interrupt(running.id)
        executions.interrupt(running.id)
        assert receiver.poll() is not None
        await finish(running)


async def test_no_answer(
    tmp_path: Path, clock: Clock, new_info: NewInfo, register_file: Path
) -> None:
    """A process that does not answer in time is named, with what can be done."""
    store = MemoryExecutionStore()
    executions = Executions(store, tmp_path, clock)
    impatient = Executions(store, tmp_path, clock, timeout=0.05)
    sender, receiver = interrupt_channel()
    held = threading.Event()

    def hold(_: InterruptSignal) -> None:
        held.wait(PATIENCE)

    receiver.subscribe(hold)
    async with executions.start(new_info(), progress=Progress(), sender=sender) as running:
        with pytest.raises(ExecutorUnreachable, match=r"does not answer[\s\S]*kill -TERM"):
            impatient.interrupt(running.id)
        held.set()
        await finish(running)


async def test_same_id_twice(executions: Executions, new_info: NewInfo) -> None:
    """An ID that runs cannot be started again."""
    sender, _ = interrupt_channel()
    info = new_info()
    async with executions.start(info, progress=Progress(), sender=sender) as running:
        for again in (sender, None):
            with pytest.raises(ValueError, match="is running"):
                async with executions.start(info, progress=Progress(), sender=again):
                    pass
        assert executions.interrupt(info.id).changed
        await finish(running)


async def test_quiet(
    executions: Executions, new_info: NewInfo, caplog: pytest.LogCaptureFixture
) -> None:
    """Where all goes well, nothing is logged."""
    sender, _ = interrupt_channel()
    async with executions.start(new_info(), progress=Progress(), sender=sender) as running:
        executions.interrupt(running.id)
        await finish(running)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
