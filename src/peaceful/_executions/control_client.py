"""Asking the process of an execution."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from typing import Final, TypeVar

from peaceful._aio import start_in_thread, wait_shielded
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable
from peaceful._executions.control_protocol import (
    ControlRequest,
    EventsRequest,
    line_of,
    parsed_answer,
    refusal_in,
)
from peaceful._executions.process_files import ControlSockets, Presence
from peaceful._executions.records import ExecutionRecord, ProcessIdentity
from peaceful._model.snapshot import StreamEvent, decode_event

T = TypeVar("T")

_LONGEST_ANSWER: Final = 256 * 1024 * 1024
"""How many bytes of one line are read: a snapshot of very many items is long."""


class ControlClient:
    """Asks executions. It opens a connection for each question.

    Args:
        sockets: where executions of the workspace listen.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, sockets: ControlSockets, timeout: float) -> None:
        self._sockets = sockets
        self._timeout = timeout

    def ask(self, address: str, request: ControlRequest, kind: type[T]) -> T:
        """Asks for one answer, and waits for it.

        Args:
            address: where the execution listens.
            request: what is asked.
            kind: what is answered.

        Raises:
            OSError: nobody listens at the address, or no answer came in time.
            ExecutorUnreachable: it answered that it will not, or nothing that makes sense.
        """
        deadline = time.monotonic() + self._timeout
        with closing(self._sockets.connect(address, self._timeout)) as connection:
            connection.sendall(line_of(request))
            line = _line(connection, deadline)
        try:
            return parsed_answer(line, kind)
        except ValueError as error:
            raise _unfit(str(error)) from error

    async def events(self, address: str) -> AsyncGenerator[StreamEvent]:
        """How everything stands (the event `snapshot`), and then what happens, until it ends.

        What only a later version knows is left out.

        Raises:
            OSError: nobody listens at the address, or the first line did not come in time.
            ExecutorUnreachable: it answered that it will not, or nothing that makes sense.
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
        """A connection for the event loop, which is made in a thread: that may take a while.

        The loop itself cannot wait for it: where many are waiting to be heard, a Unix socket says
        "try again", and not when.
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
    """Closes a connection that nobody wants any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


async def _long_line(reader: asyncio.StreamReader) -> bytes:
    """The next line, empty at the end.

    Not by a higher limit of the reader: so much would then be read ahead, too.
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
        raise _unfit(_reason(line, error)) from error


def _reason(line: bytes, error: ValueError) -> str:
    """Why a line is no event: the execution may have said so."""
    try:
        return refusal_in(line) or str(error)
    except ValueError:
        return str(error)


def _unfit(what: str) -> ExecutorUnreachable:
    return ExecutorUnreachable(
        f"The process that runs the execution does not do what it is asked: {what}.",
        help="use the same version of the application, as the same user, then try again",
    )


class Reach:
    """The way to executions of other processes.

    Args:
        presence: knows which processes are there.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, presence: Presence, timeout: float) -> None:
        self._presence = presence
        self._client = ControlClient(presence.sockets, timeout)

    def ask(self, record: ExecutionRecord, request: ControlRequest, kind: type[T]) -> T:
        """Asks for one answer, and waits for it.

        Args:
            record: the execution.
            request: what is asked.
            kind: what is answered.

        Raises:
            AlreadyEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        process, address = _found(record)
        try:
            return self._client.ask(address, request, kind)
        except OSError as error:
            raise self._why_not(record, process, error) from error

    async def events(self, record: ExecutionRecord) -> AsyncGenerator[StreamEvent]:
        """How everything stands, and then what happens.

        Raises:
            AlreadyEnded: it has ended meanwhile.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        process, address = _found(record)
        try:
            async with aclosing(self._client.events(address)) as events:
                async for event in events:
                    yield event
        except OSError as error:
            raise self._why_not(record, process, error) from error

    def _why_not(
        self, record: ExecutionRecord, process: ProcessIdentity, error: OSError
    ) -> PeacefulError:
        now = self._presence.settled(self._presence.store.get(record.id))
        if now.state.ended:
            return AlreadyEnded(now.id, now.state)
        pid, host = process.pid, process.machine.host
        if host != self._presence.process.machine.host:
            return ExecutorUnreachable(
                f"Execution {record.id} runs on {host}, which cannot be reached from here.",
                details=(("process", str(pid)), ("reason", error.strerror or str(error))),
                help=f"run this on {host}",
            )
        return ExecutorUnreachable(
            f"Process {pid}, which runs execution {record.id}, does not answer.",
            details=(("reason", error.strerror or str(error)),),
            help=f"if it was stopped, let it go on: kill -CONT {pid}; "
            f"or interrupt it by: kill -TERM {pid}",
        )


def _found(record: ExecutionRecord) -> tuple[ProcessIdentity, str]:
    """Which process runs the execution, and where it listens."""
    process = record.process
    if record.address is None:
        raise ExecutorUnreachable(
            f"Execution {record.id} runs in process {process.pid} of {process.machine.host}, "
            "which cannot be reached from another process.",
            help="interrupt it where it was started: in its terminal, by Ctrl-C",
        )
    return process, record.address
