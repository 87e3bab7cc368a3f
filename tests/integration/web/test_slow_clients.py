"""Clients that do nothing, or next to nothing, over real connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from peaceful.web._http import _bodies
from peaceful.web._server import _protocol

SHORT = 0.2
"""Seconds that a client has in these tests."""

LONG = 3600.0


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that one can wait for; each test sets those that are not to be reached."""
    monkeypatch.setattr(_protocol, "SLOWEST_HEAD", SHORT)
    monkeypatch.setattr(_protocol, "SLOWEST_READER", SHORT)
    monkeypatch.setattr(_bodies, "SLOWEST", SHORT)


async def connected(served: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server."""
    return await asyncio.open_connection("127.0.0.1", served.site.client.base_url.port)


def head(served: Any, line: str, *more: str) -> bytes:
    """The head of a request that is let in."""
    host = f"Host: 127.0.0.1:{served.site.client.base_url.port}"
    lines = (line, host, f"Authorization: Bearer {served.token}", *more, "", "")
    return "\r\n".join(lines).encode()


async def test_a_connection_without_a_request_is_closed(served: Any) -> None:
    """It was never of use; nothing is said to it."""
    reader, writer = await connected(served)
    assert await reader.read() == b""
    writer.close()


async def test_a_head_that_does_not_end_is_not_waited_for(served: Any) -> None:
    """However many bytes come, one by one: they do not prolong the time."""
    reader, writer = await connected(served)
    writer.write(b"GET / HTTP/1.1\r\n")

    async def drip() -> None:
        while True:
            writer.write(b"X: y\r\n")
            await asyncio.sleep(SHORT / 10)  # the slow client itself

    dripping = asyncio.ensure_future(drip())
    answer = await reader.readuntil(b"\r\n\r\n")
    dripping.cancel()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_nor_is_a_second_one(served: Any) -> None:
    """A first request does not earn a client more time for the next one."""
    reader, writer = await connected(served)
    writer.write(head(served, "GET /healthz HTTP/1.1"))
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_who_is_answered_may_take_longer(served: Any) -> None:
    """Streams of events last as long as their executions."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    reader, writer = await connected(served)
    writer.write(head(served, f"GET /api/executions/{execution_id}/events HTTP/1.1"))
    await reader.readuntil(b"event: snapshot")
    # A client that has as long for its head as this one has had by then is cut off.
    other, other_writer = await connected(served)
    assert await other.read() == b""
    other_writer.close()
    gate.open.set()
    await reader.readuntil(b"event: execution_ended")
    writer.close()


async def test_a_body_that_does_not_end_is_not_waited_for(served: Any) -> None:
    """The rest of it would be of no use."""
    reader, writer = await connected(served)
    json = ("Content-Type: application/json", "Content-Length: 100")
    writer.write(head(served, "POST /api/executions HTTP/1.1", *json) + b'{"profile":')
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"BODY-REFUSED" in await reader.readuntil(b"}")
    # What still comes of it holds the connection no longer than another request would.
    writer.write(b" ")
    await reader.read()
    writer.close()


async def test_who_takes_nothing_is_cut_off(served: Any) -> None:
    """A client that asks, and does not read the answers, does not keep them here for ever."""
    loop = asyncio.get_running_loop()
    port = served.site.client.base_url.port
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        request = head(served, "GET /api/openapi.json HTTP/1.1")
        many = request * 100_000
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await loop.sock_sendall(client, many)


async def test_long_heads_are_refused(served: Any) -> None:
    """Before all of it has come."""
    reader, writer = await connected(served)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    answer = asyncio.ensure_future(reader.read())
    for _ in range(_protocol.LONGEST_HEAD // 1024 + 1):
        writer.write(b"x" * 1024)
    assert (await answer).startswith(b"HTTP/1.1 4")
    writer.close()


async def test_others_are_served_meanwhile(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred of them hold nobody up."""
    monkeypatch.setattr(_protocol, "SLOWEST_HEAD", LONG)
    slow = [await connected(served) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\n")
    assert (await served.site.client.get("/healthz")).status_code == 200
    for _, writer in slow:
        writer.close()
