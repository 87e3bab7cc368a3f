"""A web server for files on loopback, with the habits and the failures that servers have."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Attributes:
        method: `GET`, `HEAD`, `CONNECT`.
        target: path and query, or what a proxy is sent.
        headers: by lower-case name.
    """

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Served:
    """A file, and how the server treats those who ask for it.

    Attributes:
        content: what it holds.
        etag: the version that is told, or none.
        last_modified: likewise.
        ranges: whether parts are given.
        sized: whether the length is told; else the body is sent in chunks.
        until_close: whether nothing tells where the body ends, but the end of the connection.
        head: the status of an answer to HEAD, where that is refused.
        declared: the length that is told where that is a lie.
        head_length: the length that HEAD tells, where that is a lie.
        headers: further headers of each answer.
        statuses: refusals to be given first, each with its headers.
        cuts: of each further answer, after how many bytes of the body the connection is cut.
        stall_at: after how many bytes of the body nothing more is sent, as long as it is set.
        on_stall: called then, and awaited.
        piece: bytes that are sent at once.
    """

    content: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = None
    ranges: bool = True
    sized: bool = True
    until_close: bool = False
    head: int | None = None
    declared: int | None = None
    head_length: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    statuses: deque[tuple[int, dict[str, str]]] = field(
        default_factory=deque[tuple[int, dict[str, str]]]
    )
    cuts: deque[int] = field(default_factory=deque[int])
    stall_at: int | None = None
    on_stall: Callable[[], Awaitable[object]] | None = None
    piece: int = 1000


Handler = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class FileServer:
    """The server.

    Attributes:
        files: by path, without the query.
        handlers: by path, who answers instead.
        asked: every request, in order.
        sent: bytes of bodies that were sent.
        connections: how many there were.
    """

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.handlers: dict[str, Handler] = {}
        self.asked: list[Asked] = []
        self.sent = self.connections = 0
        self.port = 0
        self.scheme = "http"
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str, *, login: str = "") -> str:
        """The address of a path."""
        return f"{self.scheme}://{login}127.0.0.1:{self.port}{path}"

    def gets(self) -> list[Asked]:
        """The requests by GET."""
        return [asked for asked in self.asked if asked.method == "GET"]

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Begins to listen."""
        self.scheme = "http" if context is None else "https"
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends everything."""
        if self._server is not None:
            self._server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (asked := await _read(reader, writer)) is not None:
                self.asked.append(asked)
                await self._answer(asked, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, _Cut):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        path = asked.target.partition("?")[0]
        if path in self.handlers:
            await self.handlers[path](asked, writer)
        elif path in self.files:
            await self._serve(self.files[path], asked, writer)
        else:
            head(writer, 404, {"Content-Length": "0"})

    async def _serve(self, file: Served, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if file.statuses:
            status, headers = file.statuses.popleft()
            head(writer, status, {"Content-Length": "0", **headers})
            return
        if asked.method == "HEAD" and file.head is not None:
            head(writer, file.head, {"Content-Length": "0"})
            return
        first = _first_byte(file, asked)
        if first is not None and first[0] >= len(file.content):
            total = {"Content-Range": f"bytes */{len(file.content)}", "Content-Length": "0"}
            head(writer, 416, {**_validators(file), **total})
            return
        begin, end = first or (0, len(file.content))
        body = file.content[begin:end]
        headers = {**_validators(file), **file.headers}
        if first is not None:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(file.content)}"
        if file.until_close:
            headers["Connection"] = "close"
        elif file.sized:
            length = len(body) if file.declared is None else file.declared
            if asked.method == "HEAD" and file.head_length is not None:
                length = file.head_length
            headers["Content-Length"] = str(length)
        else:
            headers["Transfer-Encoding"] = "chunked"
        head(writer, 200 if first is None else 206, headers)
        if asked.method == "GET":
            await self._send(file, body, begin, writer)

    async def _send(
        self, file: Served, body: bytes, begin: int, writer: asyncio.StreamWriter
    ) -> None:
        cut = file.cuts.popleft() if file.cuts else None
        chunked = not file.sized and not file.until_close
        for place in range(0, len(body), file.piece):
            piece = body[place : place + file.piece]
            if cut is not None and place + len(piece) > cut:
                writer.write(_framed(piece[: max(0, cut - place)], chunked=chunked))
                await writer.drain()
                raise _Cut
            if file.stall_at is not None and begin + place >= file.stall_at:
                await writer.drain()
                if file.on_stall is not None:
                    await file.on_stall()
                await asyncio.get_running_loop().create_future()
            writer.write(_framed(piece, chunked=chunked))
            await writer.drain()
            self.sent += len(piece)
        if chunked:
            writer.write(b"0\r\n\r\n")
        if file.until_close:
            await writer.drain()
            writer.close()
            raise _Cut


class _Cut(Exception):
    """The connection is to end here."""


def head(writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str]) -> None:
    """Writes the first lines of an answer."""
    with contextlib.suppress(ValueError):
        writer.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode())
    for name, value in headers.items():
        writer.write(f"{name}: {value}\r\n".encode("latin-1"))
    writer.write(b"\r\n")


def _framed(piece: bytes, *, chunked: bool) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece


def _validators(file: Served) -> dict[str, str]:
    told = {"ETag": file.etag, "Last-Modified": file.last_modified}
    date = {"Date": "Mon, 01 Jan 2024 12:00:00 GMT"} if file.last_modified else {}
    return {**{name: value for name, value in told.items() if value is not None}, **date}


def _first_byte(file: Served, asked: Asked) -> tuple[int, int] | None:
    """The part that is asked for; none for the whole."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
    if found is None or not file.ranges:
        return None
    if_range = asked.headers.get("if-range")
    if if_range is not None and if_range not in (file.etag, file.last_modified):
        return None
    last = int(found[2]) + 1 if found[2] else len(file.content)
    return int(found[1]), min(last, len(file.content))


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked | None:
    first = await reader.read(1)
    if first == b"\x16":  # The beginning of TLS, which this server does not speak.
        head(writer, 400, {"Connection": "close"})
        await writer.drain()
    if not first.isalpha():
        return None
    line = first + await reader.readline()
    method, target, _ = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Asked(method, target, headers)


@asynccontextmanager
async def file_server(context: ssl.SSLContext | None = None) -> AsyncIterator[FileServer]:
    """A running server, for the length of a context."""
    server = FileServer()
    await server.start(context)
    try:
        yield server
    finally:
        await server.stop()
