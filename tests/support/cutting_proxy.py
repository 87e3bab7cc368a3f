"""A proxy between a browser and a server, whose connections a test cuts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_MOST = 65536


@dataclass
class CuttingProxy:
    """A proxy.

    Attributes:
        port: where it listens.
        opened: how many connections were opened through it until now.
    """

    port: int = 0
    opened: int = 0
    _refuses: bool = False
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where a browser finds the server through it."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self, *, refuse: bool = False) -> None:
        """Cuts every connection, as a network does.

        Args:
            refuse: whether new ones are cut, too, until `mend`.
        """
        self._refuses = refuse
        for writer in tuple(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Lets connections through again."""
        self._refuses = False

    async def through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: int
    ) -> None:
        """Passes on what one connection brings, both ways, until one side ends it."""
        self.opened += 1
        if self._refuses:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", to)
        self._writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copied(reader, back))
                group.create_task(_copied(there, writer))
        finally:
            self._writers -= {writer, back}
            for each in (writer, back):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_MOST):
            target.write(data)
            await target.drain()
    # What one side has ended, the other need not go on with.
    target.close()


@asynccontextmanager
async def cutting_proxy(address: str) -> AsyncGenerator[CuttingProxy]:
    """A proxy to a server, for the length of a context."""
    proxy, to = CuttingProxy(), int(address.rpartition(":")[2])
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.through(reader, writer, to))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut(refuse=True)
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()
