"""Server-Sent Events over HTTP: bytes that were made once, sent to whoever is ready for them.

Not by sse-starlette: it would serialise each event for each watcher, hold four tasks for each, and
end streams at the signals of a server that it knows; here the executions say when they end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from peaceful._aio import run_until
from peaceful._web.live.broadcast import Broadcast

HEARTBEAT: Final = 15.0
"""Seconds after which a watcher is sent a sign of life."""

_SLOWEST: Final = 60.0
"""Seconds after which a watcher that took nothing is disconnected; it may come again."""

_NOTED: Final = 10.0
"""Seconds between two notes that a watcher took something: one each time would cost as much."""

_RETRY: Final = b"retry: 1000\n\n"
"""Milliseconds after which a browser that lost its connection comes again."""

_STILL_HERE: Final = b": still here\n\n"


class EventStream(Response):
    """A response of Server-Sent Events, until the broadcast ends or the watcher goes away.

    Within their contexts, `watch` gives the broadcast and `counted` counts the stream; `seen` is
    the version that the watcher has seen.
    """

    def __init__(
        self,
        watch: Callable[[], AbstractContextManager[Broadcast[Any]]],
        counted: Callable[[], AbstractContextManager[None]],
        *,
        seen: int | None = None,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(headers=headers, media_type="text/event-stream")
        del self.headers["content-length"]
        self._watch = watch
        self._counted = counted
        self._seen = seen
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        # A watcher that takes nothing is left to itself: the connection is closed.
        with self._counted(), self._watch() as broadcast, suppress(TimeoutError):
            await run_until(self._send_events(broadcast, send), _left(receive))

    async def _send_events(self, broadcast: Broadcast[Any], send: Send) -> None:
        loop = asyncio.get_running_loop()
        noted = loop.time()
        # Whoever watches is sent something again and again, and if only that it is still there.
        async with (
            asyncio.timeout_at(noted + self._heartbeat + _SLOWEST) as patience,
            aclosing(broadcast.messages(self._seen, self._heartbeat)) as messages,
        ):
            await send(_part(_RETRY))
            async for message in messages:
                await send(_part(_STILL_HERE if message is None else message))
                now = loop.time()
                if now > noted + _NOTED:
                    noted = now
                    patience.reschedule(now + self._heartbeat + _SLOWEST)
            await send(_part(b"", more=False))


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _left(receive: Receive) -> None:
    """Wait until the watcher has gone away."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
