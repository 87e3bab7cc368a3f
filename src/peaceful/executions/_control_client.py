"""Asks a running execution, most likely of another process, through its control socket."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from typing import Final

from peaceful._aio import start_in_thread
from peaceful.errors import ExecutorUnreachable
from peaceful.executions._control_protocol import (
    ControlRequest,
    EventsRequest,
    parsed_line,
    request_line,
)
from peaceful.executions._record import JsonObject
from peaceful.executions._sockets import ControlSockets
from peaceful.model import JsonValue

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

    def ask(self, address: str, request: ControlRequest) -> JsonValue:
        """Asks for one answer, and waits for it.

        Raises:
            OSError: nobody listens at the address, or no answer came in time.
            ExecutorUnreachable: it answered that it will not, or nothing that makes sense.
        """
        deadline = time.monotonic() + self._timeout
        with closing(self._sockets.connect(address, self._timeout)) as connection:
            connection.sendall(request_line(request))
            return _ok(_line(connection, deadline))

    async def events(self, address: str) -> AsyncGenerator[JsonObject]:
        """How everything stands (the event `snapshot`), and then what happens, until it ends.

        Raises:
            OSError: nobody listens at the address, or the first line did not come in time.
            ExecutorUnreachable: it answered that it will not, or nothing that makes sense.
        """
        reader, writer = await asyncio.open_unix_connection(sock=await self._connected(address))
        try:
            writer.write(request_line(EventsRequest()))
            async with asyncio.timeout(self._timeout):
                line = await _long_line(reader)
            while line:
                yield _message(line)
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
            connection = await asyncio.shield(connecting)
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


def _ok(line: bytes) -> JsonValue:
    message = _message(line)
    if "ok" not in message:
        raise _unfit("the answer has no result")
    return message["ok"]


def _message(line: bytes) -> JsonObject:
    try:
        message = parsed_line(line)
    except ValueError as error:
        raise _unfit(str(error)) from error
    refusal = message.get("error")
    if isinstance(refusal, Mapping):
        raise _unfit(str(refusal.get("message")))
    return message


def _unfit(what: str) -> ExecutorUnreachable:
    return ExecutorUnreachable(
        f"The process that runs the execution does not do what it is asked: {what}.",
        help="use the same version of the application, as the same user, then try again",
    )
