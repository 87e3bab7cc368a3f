"""What clients of a running execution can do: what they should, and nothing to disturb it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ending_documents import ending_document

from peaceful import ItemStatus
from peaceful._errors.json import ErrorJson
from peaceful._executions.control_server import ControlLimits
from peaceful._executions.registry import Executions
from peaceful._executions.running import RunningExecution
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.codec import JsonValue, to_json
from peaceful._model.events import Snapshot
from peaceful.commands import Event, ExecutionEnded, ExecutionInfo, ItemStarted, OutcomeKind
from peaceful.interrupt import InterruptLevel, InterruptReceiver, interrupt_channel

Told: TypeAlias = Mapping[str, JsonValue]

END = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
SIGNAL: Told = {
    "level": "stop",
    "source": "command",
    "requested_at": "2026-03-01T12:05:00Z",
    "reason": None,
}
INTERRUPT: Told = {"request": "interrupt", "signal": SIGNAL}
LIMITS = ControlLimits(clients=4, write_timeout=0.1, closing_timeout=5)


def how(block: str) -> JsonValue:
    """The document of an execution in a block."""
    return to_json(Snapshot(block=block))


class Progress:
    """A source of progress that tells what a test pushes into it, to readers in any loop."""

    def __init__(self) -> None:
        self.shown = Snapshot(block="a")
        self.readers: dict[asyncio.Queue[Event | None], asyncio.AbstractEventLoop] = {}
        self.left = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def take_snapshot(self) -> Snapshot:
        """How everything stands now."""
        return self.shown

    def push(self, event: Event | None) -> None:
        """Something happened; none ends it all."""
        for reader, loop in tuple(self.readers.items()):
            loop.call_soon_threadsafe(reader.put_nowait, event)

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.readers[queue] = asyncio.get_running_loop()
        return self._events(queue)

    async def _events(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            del self.readers[queue]
            self._loop.call_soon_threadsafe(self.left.set)


class Client:
    """One connection to a control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def hear(self) -> Told:
        """The next answer or event."""
        line = await self.reader.readline()
        assert line.endswith(b"\n"), line
        told: Told = json.loads(line)
        return told

    async def ask(self, message: object) -> Told:
        """The answer to a message, or to bytes that should be one."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.writer.write(data)
        await self.writer.drain()
        return await self.hear()

    async def code(self, message: object) -> JsonValue:
        """The code of the error that a message is answered with."""
        error = (await self.ask(message))["error"]
        assert isinstance(error, Mapping)
        return error["code"]

    async def at_end(self) -> bool:
        """Whether nothing more comes, once what comes is read."""
        try:
            while await self.reader.read(2**16):
                pass
        except ConnectionResetError:
            return True
        return True


class Running:
    """A running execution, and what a test needs of it."""

    def __init__(
        self,
        handle: RunningExecution,
        progress: Progress,
        receiver: InterruptReceiver,
        path: Path,
    ) -> None:
        self.handle = handle
        self.progress = progress
        self.receiver = receiver
        self.path = path
        self.clients: list[Client] = []

    async def client(self) -> Client:
        """A client of its control socket."""
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=2**25)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def finish(self) -> None:
        """Stores an ending."""
        document = ending_document(
            OutcomeKind.ERROR, {"a": ItemStatus.DONE}, errors={"": ErrorJson("X", "no", "")}
        )
        await self.handle.finish(document)


class LoopTime:
    """The time of all event loops, which passes only where a test says so.

    However long the machine takes, no limit is reached by itself.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = asyncio.get_running_loop().time()
        self._loops: set[asyncio.AbstractEventLoop] = set()

        def time(loop: asyncio.AbstractEventLoop) -> float:
            self._loops.add(loop)
            return self._now

        monkeypatch.setattr(asyncio.BaseEventLoop, "time", time)

    def passes(self, seconds: float) -> None:
        """So many seconds pass."""
        self._now += seconds
        for loop in tuple(self._loops):
            # That of an execution before may have ended meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(int)  # It looks at the time again.


Start: TypeAlias = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(tmp_path: Path, new_info: Callable[..., ExecutionInfo], clock: Clock) -> Start:
    """Starts an execution whose clients have the given limits."""

    @asynccontextmanager
    async def started(limits: ControlLimits = LIMITS) -> AsyncIterator[Running]:
        store = SqliteExecutionStore(tmp_path / "register")
        register = Executions(store, tmp_path / "run", clock, limits=limits)
        sender, receiver = interrupt_channel()
        progress = Progress()
        async with register.start(new_info(id="e1"), progress=progress, sender=sender) as handle:
            running = Running(handle, progress, receiver, tmp_path / "run/e1.sock")
            yield running
        for client in running.clients:
            client.writer.close()

    return started


async def test_interrupt(start: Start) -> None:
    """A client interrupts; again changes nothing; a higher level does; the register knows."""
    async with start() as running:
        client = await running.client()
        answer = await client.ask(INTERRUPT)
        expected = {"result": "accepted", "signal": SIGNAL, "first": SIGNAL}
        assert answer == {"ok": expected}
        latched = running.receiver.poll()
        assert latched is not None
        assert latched.level is InterruptLevel.STOP
        later = {**SIGNAL, "requested_at": "2026-03-02T00:00:00Z"}
        answer = await client.ask({"request": "interrupt", "signal": later})
        assert answer == {"ok": {**expected, "result": "unchanged"}}
        kill = {**later, "level": "kill"}
        answer = await client.ask({"request": "interrupt", "signal": kill})
        assert answer == {"ok": {"result": "accepted", "signal": kill, "first": SIGNAL}}
        await running.finish()


async def test_too_late(start: Start) -> None:
    """After the ending is stored, an interrupt comes too late."""
    async with start() as running:
        client = await running.client()
        await running.finish()
        answer = await client.ask(INTERRUPT)
        assert answer == {"ok": {"result": "too_late", "signal": None, "first": None}}
        assert running.receiver.poll() is None


async def test_too_late_waits(start: Start) -> None:
    """An interrupt that comes while the ending is being stored is answered once it is."""
    async with start() as running:
        client = await running.client()
        running.receiver.close()
        answer = asyncio.create_task(client.ask(INTERRUPT))
        # A second client's answer shows that the first one's request has arrived.
        await (await running.client()).ask({"request": "snapshot"})
        assert not answer.done()
        await running.finish()
        ok = (await answer)["ok"]
        assert isinstance(ok, Mapping)
        assert ok["result"] == "too_late"


async def test_snapshot(start: Start) -> None:
    """A client is told how everything stands now, as often as it asks."""
    async with start() as running:
        client = await running.client()
        assert await client.ask({"request": "snapshot"}) == {"ok": how("a")}
        running.progress.shown = Snapshot(block="b")
        assert await client.ask({"request": "snapshot"}) == {"ok": how("b")}
        await running.finish()


async def test_events(start: Start) -> None:
    """A client is told how everything stands, then each event, and at last the ending."""
    async with start() as running:
        client = await running.client()
        first = await client.ask({"request": "events"})
        assert first == {"event": "snapshot", "snapshot": how("a")}
        for number in range(3):
            running.progress.push(ItemStarted(END, str(number)))
        assert [(await client.hear())["item"] for _ in range(3)] == ["0", "1", "2"]
        await running.finish()
        running.progress.shown = Snapshot()
    assert await client.hear() == {"event": "snapshot", "snapshot": how("")}
    ending = await client.hear()
    assert ending["event"] == "execution_ended"
    assert ending["outcome"] == "error"
    assert ending["counts"] == {"done": 1}
    assert ending["error"] == {"code": "X", "message": "no", "help": ""}
    assert await client.at_end()
    assert not running.progress.readers


async def test_events_that_end(start: Start) -> None:
    """Where the source of events ends by itself, so does the stream."""
    async with start() as running:
        client = await running.client()
        await client.ask({"request": "events"})
        over = ExecutionEnded(END, "e1", OutcomeKind.COMPLETE, {}, None)
        running.progress.push(over)
        running.progress.push(None)
        assert await client.hear() == to_json(over)
        assert await client.at_end()
        await running.finish()


async def test_events_without_an_ending(start: Start) -> None:
    """Where the execution has no ending, the stream ends without one, too."""
    async with start() as running:
        client = await running.client()
        await client.ask({"request": "events"})
    assert (await client.hear())["event"] == "snapshot"
    assert await client.at_end()


async def test_reader_gone(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A reader that goes away is forgotten, without waiting for the next event."""
    async with start() as running:
        client = await running.client()
        await client.ask({"request": "events"})
        client.writer.close()
        await running.progress.left.wait()
        assert not running.progress.readers
        await running.finish()
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_slow_reader(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that does not read is cut off, and the others notice nothing of it."""
    time = LoopTime(monkeypatch)
    async with start() as running:
        slow = await running.client()
        await slow.ask({"request": "events"})
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport, too
        quick = await running.client()
        await quick.ask({"request": "events"})
        size = 2**20
        for number in range(10):
            running.progress.push(ItemStarted(END, f"{number}" + "y" * size))
        for number in range(10):
            assert str((await quick.hear())["item"])[0] == str(number)
        assert len(running.progress.readers) == 2
        time.passes(LIMITS.write_timeout)
        await running.progress.left.wait()
        assert len(running.progress.readers) == 1
        await running.finish()


HOSTILE = [
    (b"\n", "BAD-REQUEST"),
    (b"null\n", "BAD-REQUEST"),
    (b"\x00\xff\xfe\x01 binary \x80\n", "BAD-REQUEST"),
    (b"[" * 50_000 + b"\n", "BAD-REQUEST"),
    (b'{"request": "dance"}\n', "BAD-REQUEST"),
    (b"x" * 10 * 2**20 + b"\n", "TOO-LONG"),
    (b'{"request": "snapshot", "x": "' + b"x" * 70_000 + b'"}\n', "TOO-LONG"),
]


@pytest.mark.parametrize(("data", "code"), HOSTILE)
async def test_bad_requests(
    start: Start, monkeypatch: pytest.MonkeyPatch, data: bytes, code: str
) -> None:
    """Whatever is sent is answered by an error, and the next request by what it asks for."""
    LoopTime(monkeypatch)
    async with start() as running:
        client = await running.client()
        assert await client.code(data) == code
        assert await client.ask({"request": "snapshot"}) == {"ok": how("a")}
        assert running.receiver.poll() is None
        await running.finish()


async def test_many_bad_requests_at_once(start: Start) -> None:
    """Requests that come in one go are answered one by one, in order."""
    async with start() as running:
        client = await running.client()
        assert await client.code(b"1\n2\n" + json.dumps({"request": "snapshot"}).encode() + b"\n")
        assert (await client.hear())["error"]
        assert (await client.hear())["ok"] == how("a")
        await running.finish()


async def test_endless_request(start: Start) -> None:
    """A request without an end is cut off, long before its time is up."""
    async with start(ControlLimits(discarded=2**20)) as running:
        client = await running.client()
        with pytest.raises(ConnectionError):  # noqa: PT012 - it comes when the system notices
            for _ in range(2**10):
                client.writer.write(b"x" * 2**16)
                await client.writer.drain()
        assert await (await running.client()).ask({"request": "snapshot"})
        await running.finish()


async def test_half_a_request(start: Start) -> None:
    """A client that leaves in the middle of a request is told so, if it still listens."""
    async with start() as running:
        client = await running.client()
        client.writer.write(b'{"request": "snap')
        client.writer.write_eof()
        error = (await client.hear())["error"]
        assert isinstance(error, Mapping)
        assert error["code"] == "BAD-REQUEST"
        assert await client.at_end()
        gone = await running.client()
        gone.writer.write(b'{"request": "interr')
        gone.writer.close()
        assert await (await running.client()).ask({"request": "snapshot"})
        await running.finish()


async def test_silent_client(start: Start) -> None:
    """A client that asks nothing is told so after a while, and sent away."""
    async with start(ControlLimits(request_timeout=0.01)) as running:
        client = await running.client()
        error = (await client.hear())["error"]
        assert isinstance(error, Mapping)
        assert error["code"] == "TIMEOUT"
        assert await client.at_end()
        await running.finish()


async def test_too_many_clients(start: Start) -> None:
    """More clients than allowed are sent away; when one leaves, another may come."""
    async with start() as running:
        clients = [await running.client() for _ in range(4)]
        for client in clients:
            await client.ask({"request": "snapshot"})
        one_more = await running.client()
        error = (await one_more.hear())["error"]
        assert isinstance(error, Mapping)
        assert error["code"] == "BUSY"
        await running.finish()


async def test_other_users(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's client is sent away, should the folder's mode have let it in."""
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    monkeypatch.setattr("peaceful._executions.control_server._ROOT", -1)
    async with start() as running:
        client = await running.client()
        error = (await client.hear())["error"]
        assert isinstance(error, Mapping)
        assert error["code"] == "FORBIDDEN"
        await running.finish()


async def test_users_not_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not tell whose a client is, the folder's mode decides."""
    monkeypatch.delattr(socket, "SO_PEERCRED")
    async with start() as running:
        assert await (await running.client()).ask({"request": "snapshot"})
        await running.finish()


async def test_broken_source(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A source of progress that fails costs its client the answer, and the execution nothing."""
    async with start() as running:
        broken: Any = object()
        running.progress.shown = Snapshot(block=broken)
        client = await running.client()
        client.writer.write(b'{"request": "snapshot"}\n')
        assert await client.at_end()
        running.progress.shown = Snapshot()
        assert await (await running.client()).ask({"request": "snapshot"})
        await running.finish()
    assert "could not be served" in caplog.text


async def test_idle_clients_at_the_end(start: Start) -> None:
    """Clients that ask nothing do not keep an execution from ending."""
    async with start(ControlLimits(closing_timeout=3600)) as running:
        client = await running.client()
        await client.ask({"request": "snapshot"})
        await running.finish()
    assert await client.at_end()


async def test_last_lines(start: Start) -> None:
    """A reader that is slow, but reads, gets the last lines, too, however long they are."""
    async with start(ControlLimits(closing_timeout=30)) as running:
        client = await running.client()
        await client.ask({"request": "events"})
        running.progress.shown = Snapshot(block="x" * 2**22)
        await running.finish()
        reading = asyncio.create_task(client.hear())
    assert (await reading)["event"] == "snapshot"
    assert (await client.hear())["event"] == "execution_ended"


async def test_stuck_clients_at_the_end(start: Start) -> None:
    """Clients that do not take the last lines do not keep an execution from ending for long."""
    async with start(ControlLimits(write_timeout=3600, closing_timeout=0.01)) as running:
        client = await running.client()
        await client.ask({"request": "events"})
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, too
        running.progress.shown = Snapshot(block="x" * 2**24)
        await running.finish()
    assert not running.progress.readers
