"""A server that speaks like AWS, and a way to it on which things go wrong."""

from __future__ import annotations

import asyncio
import io
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, web
from yarl import URL

_PATIENCE: Final = 60.0
"""Seconds that the server's start is waited for, on a busy machine."""

_HOP_BY_HOP: Final = {"transfer-encoding", "connection", "content-length", "content-encoding"}


@contextmanager
def aws_server(log: Path) -> Iterator[str]:
    """A server that speaks like AWS, in a process of its own, so that nothing here is patched.

    Args:
        log: what it prints.

    Yields:
        Its address.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _accepts(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)  # Another process: there is no event to wait for.
        yield address
    finally:
        process.terminate()
        process.wait()


def forget_all(address: str) -> None:
    """Makes the server as new."""
    request = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request):
        pass


def free_port() -> int:
    """A port of loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to AWS.

    Attributes:
        number: which one it is, from 1 on.
        operation: what is asked, such as `CreateRole`, or a method and a path.
        method: of HTTP.
        path: with the query.
        body: what it carries.
    """

    number: int
    operation: str
    method: str
    path: str
    body: bytes


Answering = Callable[[Asked], Awaitable[web.StreamResponse | None]]
"""Answers a request in the server's place; none where the server is to answer."""


@dataclass
class Way:
    """The way to the server.

    Attributes:
        url: where it begins.
        asked: what went over it.
        before: is asked before the server is.
        after: is told after the server has answered; it may raise `Cut`.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    before: Answering | None = None
    after: Callable[[Asked], Awaitable[None]] | None = None

    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [each.operation for each in self.asked]


class Cut(Exception):
    """The connection is to break."""


def refusal(status: int, code: str, message: str = "as the test wants it") -> web.Response:
    """A refusal, as IAM and S3 both say it."""
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    text = f"<ErrorResponse><Error>{error}</Error>{error}</ErrorResponse>"
    return web.Response(status=status, text=text, content_type="text/xml")


@asynccontextmanager
async def way_to(address: str) -> AsyncIterator[Way]:
    """A way to the server, by a port of its own."""
    port = free_port()
    way = Way(f"http://127.0.0.1:{port}")

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            len(way.asked) + 1, _operation(request, body), request.method, request.path_qs, body
        )
        way.asked.append(asked)
        try:
            answer = None if way.before is None else await way.before(asked)
            if answer is None:
                answer = await _forwarded(session, address, request, body)
            if way.after is not None:
                await way.after(asked)
        except Cut:
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPInternalServerError from None
        return answer

    application = web.Application(client_max_size=100 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", handle)
    async with ClientSession(auto_decompress=False) as session:
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield way
        finally:
            await runner.cleanup()


async def _forwarded(
    session: ClientSession, address: str, request: web.Request, body: bytes
) -> web.Response:
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() != "expect"
    }
    url = address + request.raw_path
    async with session.request(
        request.method, URL(url, encoded=True), data=io.BytesIO(body), headers=headers
    ) as answer:
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        if request.method == "HEAD" and "content-length" in answer.headers:
            kept["Content-Length"] = answer.headers["content-length"]
        return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _operation(request: web.Request, body: bytes) -> str:
    named = re.search(rb"Action=(\w+)", body)
    if named is not None:
        return named[1].decode()
    path = request.path_qs
    if "uploads" in request.query:
        return "ListMultipartUploads" if request.method == "GET" else "CreateMultipartUpload"
    if "uploadId" in request.query:
        return {
            "PUT": "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
            "GET": "ListParts",
        }[request.method]
    return f"{request.method} {path}"


async def never(_: Asked) -> web.StreamResponse | None:
    """Does not answer at all."""
    await asyncio.Event().wait()
    return None
