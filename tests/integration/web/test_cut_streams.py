"""Streams that are cut, servers that are started again: nothing is missed, nor told twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from event_streams import Told, told
from web_process import WebProcess

from peaceful import Given
from peaceful.commands import Contexts
from slow_files.tool import app

ITEMS: Final = 40
WATCHERS: Final = 6


class CuttingProxy:
    """Lets some events through, and a part of the next; then it cuts the connection.

    Args:
        port: of the server behind it.
        chance: decides where to cut.

    Attributes:
        cuts: how often it has cut a connection.
        port: its own.
    """

    def __init__(self, port: int, chance: random.Random) -> None:
        self.cuts = 0
        self.port = 0
        self._behind = port
        self._tasks: set[asyncio.Task[object] | None] = set()
        self._chance = chance

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[CuttingProxy]:
        """Serves, for the length of a context."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Nobody else holds the task: without this it may be gone in the middle of its work.
        self._tasks.add(asyncio.current_task())
        behind, ask = await asyncio.open_connection("127.0.0.1", self._behind)
        ask.write(await reader.readuntil(b"\r\n\r\n"))
        # The first is how long a browser waits before it comes again.
        events, more = self._chance.randint(2, 5), self._chance.randrange(60)
        sent = b""
        while piece := await behind.read(512):
            sent += piece
            ends = [place.end() for place in re.finditer(b"\n\n", sent)]
            if len(ends) > events:
                self.cuts += 1
                writer.write(piece[: ends[events] + more - (len(sent) - len(piece))])
                break
            writer.write(piece)
        ask.close()
        writer.close()


async def _watched(web: WebProcess, port: int, execution_id: str) -> list[Told]:
    """Everything that a watcher is told which comes again whenever it is cut off, until the end."""
    seen: list[Told] = []
    # The proxy forwards one request of each connection.
    headers = {"Host": web.address.removeprefix("http://"), "Connection": "close"}
    path = f"http://127.0.0.1:{port}/api/executions/{execution_id}/events"
    while True:
        if seen:
            headers["Last-Event-ID"] = str(seen[-1].id)
        async with web.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            seen += [event async for event in _until_cut(response)]
        if seen and seen[-1].word == "execution_ended":
            return seen


async def _until_cut(response: httpx.Response) -> AsyncIterator[Told]:
    try:
        async for event in told(response):
            yield event
    except (httpx.ReadError, httpx.RemoteProtocolError):
        return


def _check(seen: list[Told], items: int = ITEMS) -> None:
    """IDs increase, each item ended once in the newest block, and the last one is the end."""
    ids = [event.id for event in seen]
    assert ids == sorted(set(ids))
    assert [event.word == "execution_ended" for event in seen].index(True) == len(seen) - 1
    ended: Counter[str] = Counter()
    for event in seen:
        if event.word == "snapshot":
            ended = Counter(event.data["snapshot"]["ended"].keys())
        elif event.word == "block_started":
            ended.clear()
        elif event.word == "item_ended":
            ended[event.data["item"]] += 1
    assert len(ended) == items
    assert set(ended.values()) == {1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace of slow files, which are not slow."""
    values: dict[str, Any] = {"items": ITEMS, "seconds": 0.01, "layers": 4, "chunks": 2}
    given = {name: Given(value, "a test") for name, value in values.items()}
    given["dest"] = Given(str(tmp_path / "dest"), "a test")
    Contexts.of(app, tmp_path).init(given, profile="default", flow="slow_files")
    return tmp_path


@pytest.fixture
async def web(folder: Path) -> AsyncIterator[WebProcess]:
    """A server of the workspace, as a process."""
    web = await WebProcess.start(folder, os.environ)
    yield web
    await web.end()


async def test_a_proxy_that_cuts_again_and_again(web: WebProcess) -> None:
    """After some events, in the middle of another one: who comes again misses nothing."""
    port = int(web.address.rpartition(":")[2])
    async with CuttingProxy(port, random.Random(1)).serving() as proxy:
        execution_id = await web.started()
        every = await asyncio.gather(
            *(_watched(web, proxy.port, execution_id) for _ in range(WATCHERS))
        )
    for seen in every:
        _check(seen)
        assert seen[-1].data["state"] == "complete"
        assert [event.word for event in seen].count("snapshot") == 1
    assert proxy.cuts > WATCHERS


async def test_a_proxy_before_what_another_process_does(web: WebProcess, folder: Path) -> None:
    """It is the same for an execution that was started in a terminal."""
    program = "from slow_files import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "--progress", "none", "ensure"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
    )
    page: Any = {"executions": []}
    while not page["executions"]:
        page = (await web.client.get("/api/executions")).json()
    execution_id = page["executions"][0]["id"]
    port = int(web.address.rpartition(":")[2])
    async with CuttingProxy(port, random.Random(2)).serving() as proxy:
        watching = [_watched(web, proxy.port, execution_id) for _ in range(2)]
        every = await asyncio.gather(*watching)
    assert await process.wait() == 0
    for seen in every:
        ids = [event.id for event in seen]
        assert ids == sorted(set(ids))
        assert seen[-1].word == "execution_ended"
        assert seen[-1].data["state"] == "complete"


async def test_a_server_that_is_killed_and_started_again(web: WebProcess, folder: Path) -> None:
    """Whoever watched is told that the execution is lost; another one is watched as before."""
    port = int(web.address.rpartition(":")[2])
    execution_id = await web.started(params={"seconds": 60})
    path = f"/api/executions/{execution_id}/events"
    async with web.client.stream("GET", path) as response:
        events = told(response)
        first = await anext(events)
        await web.stop(signal.SIGKILL)
    token = {"Last-Event-ID": str(first.id)}
    again = await WebProcess.start(folder, os.environ, port)
    try:
        async with again.client.stream("GET", path, headers=token) as response:
            seen = [event async for event in told(response)]
        assert [event.word for event in seen] == ["snapshot", "execution_ended"]
        assert seen[-1].data["state"] == "lost"
        assert first.id < seen[0].id < seen[1].id
        next_id = await again.started(params={"seconds": 0})
        seen = await _watched(again, port, next_id)
        _check(seen)
        assert seen[-1].data["state"] == "complete"
    finally:
        await again.end()
