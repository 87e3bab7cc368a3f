"""HTTP/1.1 as uvicorn speaks it, with limits of time where it has none.

By itself, it waits for ever for a client that sends its request byte by byte, and for one that does
not take what it is sent: a few of these would hold all connections.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

SLOWEST_HEAD: Final = 10.0
"""Seconds in which a connection must bring the whole head of a request."""

SLOWEST_READER: Final = 60.0
"""Seconds in which a client must take what waits to be sent; then it is cut off."""

LONGEST_HEAD: Final = 16 * 1024
"""Bytes of a head that is not whole yet; one that comes in larger pieces may be longer."""

_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PunctualProtocol(H11Protocol):
    """A connection that cannot be held by doing nothing, or next to nothing.

    Args:
        config: of the server.
        server_state: its connections.
        app_state: what its requests share.
        _loop: the event loop, or none for the running one.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: as uvicorn declares it
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """A client is there: it has some time for its first request."""
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        for timer in (self._head, self._taking):
            if timer is not None:
                timer.cancel()
        self._head = self._taking = None

    def data_received(self, data: bytes) -> None:
        """The client has sent something, which ends uvicorn's waiting, but perhaps not ours."""
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        """An answer was written, though perhaps not taken."""
        super().on_response_complete()
        self._watch_taking()

    def timeout_keep_alive_handler(self) -> None:
        """The client has asked for nothing more for some time."""
        super().timeout_keep_alive_handler()
        self._watch_taking()

    def pause_writing(self) -> None:
        """More waits to be sent than should."""
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(SLOWEST_READER, self.transport.abort)

    def resume_writing(self) -> None:
        """Most of it was taken."""
        super().resume_writing()
        if self._taking is not None and not self.transport.is_closing():
            self._taking.cancel()
            self._taking = None

    def _watch_head(self) -> None:
        """Sets the time for a head while none is being answered; more bytes do not prolong it."""
        # Before the first request there is no cycle, though uvicorn declares one.
        answering = not getattr(self.cycle, "response_complete", True)
        if answering or self.transport.is_closing():
            if self._head is not None:
                self._head.cancel()
                self._head = None
        elif self._head is None:
            self._head = self.loop.call_later(SLOWEST_HEAD, self._end_of_patience)

    def _end_of_patience(self) -> None:
        self._head = None
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun and self.conn.our_state is h11.IDLE:
            self.transport.write(_TOO_SLOW)
        self.transport.close()
        self._watch_taking()

    def _watch_taking(self) -> None:
        """What is closed waits for its client to take the rest: not for ever."""
        if self.transport.is_closing() and self._taking is None:
            self._taking = self.loop.call_later(SLOWEST_READER, self.transport.abort)
