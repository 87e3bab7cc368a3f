"""What a client makes of answers that it should not get."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peaceful._executions.control_client import ControlClient
from peaceful._executions.control_protocol import SnapshotRequest
from peaceful._executions.process_files import ControlSockets
from peaceful._model.codec import encode_json
from peaceful._model.events import Snapshot
from peaceful.commands import ItemStarted
from peaceful.errors import ExecutorUnreachable

Answering = Callable[[bytes], str]
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def sockets(tmp_path: Path) -> ControlSockets:
    """The sockets of a workspace."""
    return ControlSockets(tmp_path)


@pytest.fixture
def client(sockets: ControlSockets) -> ControlClient:
    """A client that waits for a moment only."""
    return ControlClient(sockets, timeout=0.5)


@pytest.fixture
def answering(sockets: ControlSockets) -> Iterator[Answering]:
    """Makes servers that answer one request by given bytes, and then close; with the address."""
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> str:
        listening, address = sockets.listen(f"e{len(threads)}")
        threads.append(threading.Thread(target=serve, args=(listening, answer)))
        threads[-1].start()
        return address

    yield start
    for thread in threads:
        thread.join()


def serve(listening: socket.socket, answer: bytes) -> None:
    """Answers one request."""
    listening.setblocking(True)
    with listening:
        connection, _ = listening.accept()
        with connection, suppress(ConnectionError):
            connection.recv(4096)
            connection.sendall(answer)


UNFIT = [
    b"hello\n",
    b"[]\n",
    b'{"result": 1}\n',
    b'{"error": {"code": "FORBIDDEN", "message": "it is another user\'s", "help": ""}}\n',
]


@pytest.mark.parametrize("answer", UNFIT)
def test_unfit_answers(client: ControlClient, answering: Answering, answer: bytes) -> None:
    """An answer that is a refusal, or makes no sense, is reported as such."""
    with pytest.raises(ExecutorUnreachable, match="does not do what it is asked"):
        client.ask(answering(answer), SnapshotRequest(), Snapshot)


@pytest.mark.parametrize("answer", [b"", b'{"ok": '])
def test_cut_answers(client: ControlClient, answering: Answering, answer: bytes) -> None:
    """An answer that is cut off is none."""
    with pytest.raises(ConnectionError):
        client.ask(answering(answer), SnapshotRequest(), Snapshot)


def test_endless_answers(
    client: ControlClient, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without an end is not read for ever."""
    monkeypatch.setattr("peaceful._executions.control_client._LONGEST_ANSWER", 10)
    with pytest.raises(ConnectionError):
        client.ask(answering(b"x" * 100), SnapshotRequest(), Snapshot)


def test_no_answer(client: ControlClient, sockets: ControlSockets) -> None:
    """Without an answer in time, the client gives up."""
    listening, address = sockets.listen("e1")
    with listening, pytest.raises(TimeoutError):
        client.ask(address, SnapshotRequest(), Snapshot)


async def test_long_events(client: ControlClient, answering: Answering) -> None:
    """Events may be long: more than a reader takes at once."""
    told = [ItemStarted(AT, "x" * 300_000), ItemStarted(AT, "y")]
    lines = b"".join(encode_json(event) + b"\n" for event in told)
    address = answering(lines + b'{"event": "cut')
    assert [event async for event in client.events(address)] == told


async def test_events_of_a_later_version(client: ControlClient, answering: Answering) -> None:
    """What is not known here is left out: whole events, and fields of those that are known."""
    started = encode_json(ItemStarted(AT, "a"))
    newer = started[:-1] + b',"mood":"fine"}'
    lines = b'{"event":"item_dreamed","item":"a"}\n' + newer + b"\n"
    events = [event async for event in client.events(answering(lines))]
    assert events == [ItemStarted(AT, "a")]


async def test_endless_events(
    client: ControlClient, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event without an end is not read for ever."""
    monkeypatch.setattr("peaceful._executions.control_client._LONGEST_ANSWER", 100_000)
    with pytest.raises(ExecutorUnreachable):
        async for _ in client.events(answering(b"x" * 300_000)):
            pass


async def test_refused_events(client: ControlClient, answering: Answering) -> None:
    """Instead of events, a refusal may come."""
    with pytest.raises(ExecutorUnreachable, match="too many"):
        async for _ in client.events(
            answering(b'{"error": {"code": "BUSY", "message": "too many", "help": ""}}\n')
        ):
            pass


async def test_left_early(client: ControlClient, sockets: ControlSockets) -> None:
    """A reader that leaves closes the connection."""
    listening, address = sockets.listen("e1")
    listening.setblocking(False)
    loop = asyncio.get_running_loop()
    events = client.events(address)
    first = asyncio.ensure_future(anext(events))
    connection, _ = await loop.sock_accept(listening)
    with listening, connection:
        await loop.sock_sendall(connection, encode_json(ItemStarted(AT, "a")) + b"\n")
        assert await first == ItemStarted(AT, "a")
        await events.aclose()
        request = await loop.sock_recv(connection, 4096)
        assert request == b'{"request":"events"}\n'
        assert await loop.sock_recv(connection, 4096) == b""
