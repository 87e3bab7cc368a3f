"""Clients that send too much, or too slowly, over real connections."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from peaceful._web.http import bodies as _bodies

SHORT = 0.2
"""Seconds that a client has in these tests."""

LONGEST_HEAD = 16 * 1024
"""Bytes of a head that is not complete."""


async def connected(served: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server."""
    return await asyncio.open_connection("127.0.0.1", served.site.client.base_url.port)


def head(served: Any, line: str, *more: str) -> bytes:
    """The head of a request that is let in."""
    host = f"Host: 127.0.0.1:{served.site.client.base_url.port}"
    lines = (line, host, f"Authorization: Bearer {served.token}", *more, "", "")
    return "\r\n".join(lines).encode()


async def test_a_body_that_does_not_end_is_not_waited_for(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of it would be of no use."""
    monkeypatch.setattr(_bodies, "SLOWEST", SHORT)
    reader, writer = await connected(served)
    json = ("Content-Type: application/json", "Content-Length: 100")
    writer.write(head(served, "POST /api/executions HTTP/1.1", *json) + b'{"profile":')
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"BODY-REFUSED" in await reader.readuntil(b"}")
    writer.close()


async def test_long_heads_are_refused(served: Any) -> None:
    """Before all of it has come."""
    reader, writer = await connected(served)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    answer = asyncio.ensure_future(reader.read())
    for _ in range(LONGEST_HEAD // 1024 + 1):
        writer.write(b"x" * 1024)
    assert (await answer).startswith(b"HTTP/1.1 4")
    writer.close()


async def test_others_are_served_meanwhile(served: Any) -> None:
    """A hundred of them hold nobody up."""
    slow = [await connected(served) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\n")
    assert (await served.site.client.get("/healthz")).status_code == 200
    for _, writer in slow:
        writer.close()


async def test_they_do_not_hold_up_the_end(served: Any) -> None:
    """A request that is not complete is not waited for once the server ends."""
    reader, writer = await connected(served)
    writer.write(b"GET / HTTP/1.1\r\n")
    assert (await served.site.client.get("/healthz")).status_code == 200
    signal.raise_signal(signal.SIGTERM)
    assert await reader.read() == b""
    await served.serving
    writer.close()
