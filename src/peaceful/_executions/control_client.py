"""Requests to the process of an execution."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import closing, contextmanager
from typing import Final, TypeVar

from peaceful._aio import start_in_thread, wait_shielded
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable
from peaceful._executions.control_protocol import (
    ControlRequest,
    EventsRequest,
    line_of,
    parse_answer,
    refusal_in,
)
from peaceful._executions.process_files import ControlSockets, LivenessMonitor
from peaceful._executions.records import ExecutionRecord
from peaceful._model.events import StreamEvent, decode_event

T = TypeVar("T")

_LONGEST_ANSWER: Final = 256 * 1024 * 1024
"""Bytes of one line that are read at most: a snapshot of very many items is long."""


class ControlClient:
    """Client of control sockets, with a connection for each request and a timeout in seconds."""

    def __init__(self, sockets: ControlSockets, timeout: float) -> None:
        self._sockets = sockets
        self._timeout = timeout

    def ask(self, address: str, request: ControlRequest, kind: type[T]) -> T:
        """Send a request, and return its one answer, of type `kind`.

        Raises `OSError` if nobody answers in time, `ExecutorUnreachable` for a refusal or nonsense.
        """
        deadline = time.monotonic() + self._timeout
        with closing(self._sockets.connect(address, self._timeout)) as connection:
            connection.sendall(line_of(request))
            line = _line(connection, deadline)
        try:
            return parse_answer(line, kind)
        except ValueError as error:
            raise _unfit(str(error)) from error

    async def events(self, address: str) -> AsyncGenerator[StreamEvent]:
        """Yield a snapshot (the event `snapshot`), and then what happens, until the execution ends.

        Events of unknown types are skipped. Raises like `ask`.
        """
        reader, writer = await asyncio.open_unix_connection(sock=await self._connected(address))
        try:
            writer.write(line_of(EventsRequest()))
            async with asyncio.timeout(self._timeout):
                line = await _long_line(reader)
            while line:
                event = _event(line)
                if event is not None:
                    yield event
                line = await _long_line(reader)
        finally:
            writer.close()

    async def _connected(self, address: str) -> socket.socket:
        """Return a connection for the event loop, made in a thread because that may take a while.

        The loop cannot wait for it: if many wait to be accepted, a Unix socket says "try again",
        and not when.
        """
        connecting = start_in_thread(self._sockets.connect, address, self._timeout)
        try:
            connection = await wait_shielded(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_close)
            raise
        connection.setblocking(False)
        return connection


def _close(connecting: asyncio.Future[socket.socket]) -> None:
    """Close a connection that nobody wants any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


async def _long_line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line, empty at the end.

    A higher limit of the reader would not do: it would also read so much ahead.
    """
    line = bytearray()
    while not line.endswith(b"\n") and len(line) <= _LONGEST_ANSWER:
        try:
            line += await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            line += await reader.read(error.consumed)
        except asyncio.IncompleteReadError:
            # What was cut off in the middle of a line was never said.
            return b""
    return bytes(line)


def _line(connection: socket.socket, deadline: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        # Without any time left, what has arrived is still read.
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(1024 * 1024)
        if not chunk or len(received) > _LONGEST_ANSWER:
            raise ConnectionAbortedError("the connection was closed before the answer")
        received += chunk
    return bytes(received)


def _event(line: bytes) -> StreamEvent | None:
    try:
        return decode_event(line)
    except ValueError as error:
        # The execution may have said why it is not an event.
        raise _unfit(refusal_in(line) or str(error)) from error


def _unfit(what: str) -> ExecutorUnreachable:
    return ExecutorUnreachable(
        f"The process that runs the execution does not do what it is asked: {what}.",
        help="use the same version of the application, as the same user, then try again",
    )


@contextmanager
def reached(record: ExecutionRecord, monitor: LivenessMonitor) -> Generator[str]:
    """Yield where an execution listens; explain an `OSError` as `AlreadyEnded`, if it has ended.

    Else that is `ExecutorUnreachable`.
    """
    if record.address is None:
        process = record.process
        raise ExecutorUnreachable(
            f"Execution {record.id} runs in process {process.pid} of {process.machine.host}, "
            "which cannot be reached from another process.",
            help="interrupt it where it was started: in its terminal, by Ctrl-C",
        )
    try:
        yield record.address
    except OSError as error:
        now = monitor.mark_if_lost(monitor.store.get(record.id))
        if now.state.ended:
            raise AlreadyEnded(now.id, now.state) from error
        reason = ("reason", error.strerror or str(error))
        pid, host = record.process.pid, record.process.machine.host
        if host != monitor.process.machine.host:
            raise ExecutorUnreachable(
                f"Execution {record.id} runs on {host}, which cannot be reached from here.",
                details=(("process", str(pid)), reason),
                help=f"run this on {host}",
            ) from error
        raise ExecutorUnreachable(
            f"Process {pid}, which runs execution {record.id}, does not answer.",
            details=(reason,),
            help=f"if it was stopped, let it go on: kill -CONT {pid}; "
            f"or interrupt it by: kill -TERM {pid}",
        ) from error
