"""The control socket of a running execution, which never slows the execution, nor waits for it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from peaceful._aio import run_until
from peaceful._errors.base import PeacefulError
from peaceful._errors.json import ErrorJson
from peaceful._executions.control_protocol import (
    LONGEST_REQUEST,
    ApproveRequest,
    EventsRequest,
    InterruptRequest,
    SnapshotRequest,
    line_of,
    parse_request,
)
from peaceful._executions.running import RunningExecution, close_early
from peaceful._model.codec import ItemId
from peaceful._model.events import Event, ExecutionEnded, SnapshotTaken
from peaceful._model.execution import Reply

_LOG = logging.getLogger("peaceful.executions")

_End: TypeAlias = "asyncio.Future[ExecutionEnded | None]"
"""Done once the execution has ended, with its last event if there is one."""

_ROOT: Final = 0

_ACCEPTED_AFTER: Final = 3
"""Rounds of the loop after which a connection that was accepted is one of a client."""

_BUFFERED: Final = 64 * 1024
"""Bytes that are buffered for a client in this process before its events wait."""


class ControlLimits(msgspec.Struct, frozen=True):
    """The resources that a client of a control socket may use.

    Attributes:
        clients: how many at once.
        request_timeout: seconds for a request to arrive.
        write_timeout: seconds for a client to take an answer.
        closing_timeout: seconds that all clients have for the last lines, once the execution ended.
        discarded: bytes of one too long request that are read.
    """

    clients: int = 128
    request_timeout: float = 10.0
    write_timeout: float = 30.0
    closing_timeout: float = 0.5
    discarded: int = 64 * 1024 * 1024


class _TooLongError(Exception):
    """A request is longer than allowed; all of it has been read."""


class ControlServer:
    """The control socket of one execution.

    Its functions are called in another event loop than the execution's: an item may block that
    one, and an interrupt is heard all the same.
    """

    def __init__(self, running: RunningExecution, limits: ControlLimits) -> None:
        self._running = running
        self._limits = limits
        self._clients: dict[asyncio.Task[None], _Client] = {}
        self._server: asyncio.Server | None = None
        self._end: _End

    async def serve(self, listening: socket.socket) -> None:
        """Begin to serve clients of a listening socket."""
        self._end = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_unix_server(
            self._on_client, sock=listening, limit=LONGEST_REQUEST
        )

    async def close(self, last: ExecutionEnded | None = None) -> None:
        """Stop soon: answer pending requests, and end streams with the last event, if any."""
        if self._server is None:
            return
        # First no more are accepted: those that were would lose their sockets in a closed server.
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(_ACCEPTED_AFTER):
            await asyncio.sleep(0)
        self._server.close()
        self._end.set_result(last)
        for task, client in self._clients.items():
            if client.idle:
                task.cancel()
        try:
            if self._clients:
                await asyncio.wait(set(self._clients), timeout=self._limits.closing_timeout)
        finally:
            for task, client in self._clients.items():
                # Disconnected without waiting.
                client.writer.transport.abort()
                task.cancel()
        if self._clients:
            await asyncio.wait(set(self._clients))

    def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # At once: what is closed next waits for it, too.
        client = _Client(reader, writer, self._running, self._limits, self._end)
        full = len(self._clients) >= self._limits.clients
        task = asyncio.ensure_future(self._serve_client(client, full=full))
        self._clients[task] = client
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        # Also where the task was cancelled before its first step.
        self._clients.pop(task).writer.close()

    async def _serve_client(self, client: _Client, *, full: bool) -> None:
        try:
            if full:
                await client.refuse("BUSY", "too many clients are connected", "try again later")
            elif not _same_user(client.writer):
                await client.refuse("FORBIDDEN", "it is another user's", "use that user's account")
            else:
                await client.serve()
            await client.flush()
        except asyncio.CancelledError:
            # By `close`. It ends here, because asyncio of Python 3.11 would report it as an error.
            return
        except (ConnectionError, TimeoutError):
            _LOG.debug("a client of a control socket went away, or did not take its answer")
        except Exception:  # noqa: BLE001 - whatever goes wrong must not touch the execution
            _LOG.exception("a client of a control socket could not be served")


@dataclass(eq=False, repr=False)
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    running: RunningExecution
    limits: ControlLimits
    end: _End
    idle: bool = False

    async def serve(self) -> None:
        """Answer requests, one after the other, until the client has no more."""
        self.writer.transport.set_write_buffer_limits(high=_BUFFERED)
        while True:
            try:
                line = await self._request()
                if not line:
                    return
                request = parse_request(line)
            except TimeoutError:
                await self.refuse("TIMEOUT", "no whole request came in time", "connect again")
                return
            except _TooLongError:
                what = f"a request has at most {LONGEST_REQUEST} bytes"
                await self.refuse("TOO-LONG", what, "shorten it")
                continue
            except ValueError as error:
                await self.refuse("BAD-REQUEST", str(error)[:500], "send a JSON object a line")
                continue
            match request:
                case InterruptRequest(signal):
                    answer = await self.running.interrupt(signal)
                    await self._write(line_of({"ok": answer}))
                case SnapshotRequest():
                    await self._write(line_of({"ok": self.running.progress.take_snapshot()}))
                case ApproveRequest(item, reply):
                    await self._answer(item, reply)
                case EventsRequest():
                    await self._stream()
                    return

    async def _answer(self, item: ItemId, reply: Reply) -> None:
        try:
            receipt = await self.running.answer(item, reply)
        except PeacefulError as error:
            await self._write(line_of({"error": error.to_json()}))
        else:
            await self._write(line_of({"ok": receipt}))

    async def refuse(self, code: str, message: str, help: str) -> None:
        await self._write(line_of({"error": ErrorJson(code, message, help)}))

    async def flush(self) -> None:
        """Wait until the client has taken everything."""
        self.writer.transport.set_write_buffer_limits(high=0)
        await self._write(b"")

    async def _request(self) -> bytes:
        """Return the next line in time; empty if the client has no more."""
        self.idle = True
        try:
            async with asyncio.timeout(self.limits.request_timeout):
                return await self._line()
        finally:
            self.idle = False

    async def _line(self) -> bytes:
        discarded = 0
        while True:
            try:
                line = await self.reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                line = error.partial
            except asyncio.LimitOverrunError as error:
                discarded += len(await self.reader.read(error.consumed))
                if discarded > self.limits.discarded:
                    raise ConnectionAbortedError from error
                continue
            if discarded:
                raise _TooLongError
            return line

    async def _stream(self) -> None:
        """Send a snapshot, then events, until the execution ends or the client disconnects."""
        await run_until(self._send_events(), self.reader.read(1))

    async def _send_events(self) -> None:
        events = self.running.progress.subscribe()
        await self._send_snapshot()
        following = _following(events)
        try:
            while not self.end.done():
                await asyncio.wait((following, self.end), return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    event = following.result()
                    if event is None:
                        return
                    await self._write(line_of(event))
                    following = _following(events)
        finally:
            following.cancel()
            await asyncio.wait((following,))
            await close_early(events)
        # Events that were not read yet are part of this snapshot.
        await self._send_snapshot()
        last = self.end.result()
        if last is not None:
            await self._write(line_of(last))

    async def _send_snapshot(self) -> None:
        snapshot = self.running.progress.take_snapshot()
        await self._write(line_of(SnapshotTaken(snapshot)))

    async def _write(self, line: bytes) -> None:
        self.writer.write(line)
        try:
            async with asyncio.timeout(self.limits.write_timeout):
                await self.writer.drain()
        except TimeoutError:
            self.writer.transport.abort()
            raise


def _following(events: AsyncIterator[Event]) -> asyncio.Future[Event | None]:
    return asyncio.ensure_future(anext(events, None))


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Return whether the client is this process's user, or root.

    The folder's mode ensures it too.
    """
    option: int | None = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    connection: socket.socket = writer.get_extra_info("socket")
    form = struct.Struct("3i")
    _, user, _ = form.unpack(connection.getsockopt(socket.SOL_SOCKET, option, form.size))
    return user in {_ROOT, os.geteuid()}
