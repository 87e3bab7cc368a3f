"""The load on the server, as a process of its own that costs little: bare protocols of asyncio.

`python _web_load.py PORT TOKEN`; then it is told by JSON objects, one in a line, what to do, and
answers each with a JSON object in a line.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

Figures = dict[str, Any]

_TIMES = re.compile(rb'"message":"at ([0-9.]+)"')


class Stream(asyncio.Protocol):
    """One watcher: it looks for endings and for the newest time that was told, and keeps nothing.

    Attributes:
        begun: done once it was sent the first picture.
        done: done once the stream has ended.
        ended: how many endings of items it was told; those of the first picture are not counted.
        over: how many endings of the execution.
        ages: each time that something came: how old the newest that it had till then was.
        late: each time that something came: how old the newest thing in it was.
    """

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.ended = 0
        self.over = 0
        self.ages: list[float] = []
        self.late: list[float] = []
        self._request = request
        self._newest = 0.0
        self._tail = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Looks at what came, without reading it as JSON: that would cost more than the server."""
        data = self._tail + data
        # What may have been cut in the middle is looked at again with what follows.
        cut = data.rfind(b"\n") + 1
        self._tail = data[cut:]
        data = data[:cut]
        if not self.begun.done():
            if b"event: snapshot" not in data:
                return
            self.begun.set_result(None)
        self.ended += data.count(b"event: item_ended")
        self.over += data.count(b"event: execution_ended")
        # The latest in words is the latest in time: they are of the same length.
        newest = float(max(_TIMES.findall(data), default=b"0"))
        if newest:
            now = time.monotonic()
            if self._newest:
                self.ages.append(now - self._newest)
            self.late.append(now - newest)
            self._newest = newest

    def connection_lost(self, error: Exception | None) -> None:
        """The stream has ended."""
        self.done.set_result(None)


class Load:
    """What is done to one server."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._streams: list[Stream] = []

    async def watch(self, execution: str, count: int) -> Figures:
        """Opens streams."""
        path = f"/api/executions/{execution}/events"
        request = f"GET {path} HTTP/1.1\r\n{self._head}Connection: close\r\n\r\n".encode()
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        for _ in range(count):
            _, stream = await loop.create_connection(
                lambda: Stream(request), "127.0.0.1", self._port
            )
            self._streams.append(stream)
        for stream in self._streams:
            await stream.begun
        return {"seconds": time.perf_counter() - began}

    async def to_the_end(self) -> Figures:
        """Watches until every stream has ended."""
        for stream in self._streams:
            await stream.done
        streams, self._streams = self._streams, []
        ages = sorted(age for stream in streams for age in stream.ages)
        late = sorted(age for stream in streams for age in stream.late)
        return {
            "ended": [min(s.ended for s in streams), max(s.ended for s in streams)],
            "over": [min(s.over for s in streams), max(s.over for s in streams)],
            "age": {"median": at(ages, 0.5), "p99": at(ages, 0.99), "most": at(ages, 1.0)},
            "late": {"median": at(late, 0.5), "p99": at(late, 0.99), "most": at(late, 1.0)},
            "cpu": time.process_time(),
        }

    async def leave(self) -> Figures:
        """Goes away."""
        for stream in self._streams:
            assert stream.transport is not None
            stream.transport.abort()
        for stream in self._streams:
            await stream.done
        self._streams = []
        return {}

    async def ask(self, method: str, path: str, times: int, pause: float) -> Figures:
        """Asks again and again over one connection; answers with the seconds that each took."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        request = f"{method} {path} HTTP/1.1\r\n{self._head}{length}\r\n".encode()
        seconds: list[float] = []
        began = time.perf_counter()
        for _ in range(times):
            asked = time.perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head.split(b" ", 2)[1])
            body = await reader.readexactly(int(head.split(b"content-length: ")[1].split()[0]))
            seconds.append(time.perf_counter() - asked)
            assert status < 400, body
            await asyncio.sleep(pause)
        took = time.perf_counter() - began
        writer.close()
        return {
            "first": seconds[0],
            "median": statistics.median(seconds),
            "p99": at(sorted(seconds), 0.99),
            "most": max(seconds),
            "rate": times / took,
        }


def at(figures: Sequence[float], part: float) -> float:
    """The figure at a part of all figures, which are sorted."""
    return figures[min(len(figures) - 1, int(len(figures) * part))] if figures else 0.0


async def main() -> None:
    """Does what it is told."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load = Load(int(sys.argv[1]), sys.argv[2])
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        told: Mapping[str, Any] = json.loads(line)
        figures = await getattr(load, told["do"])(*told["with"])
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
