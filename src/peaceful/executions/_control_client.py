"""Asks a running execution, most likely of another process, through its control socket."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Final, TypeVar

from peaceful._aio import start_in_thread, wait_shielded
from peaceful.errors import ExecutorUnreachable
from peaceful.executions._control_protocol import (
    ControlRequest,
    EventsRequest,
    line_of,
    parsed_answer,
    refusal_in,
)
from peaceful.executions._sockets import ControlSockets
from peaceful.model import StreamEvent, decode_event

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
