"""Follows one execution for all who watch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from peaceful.model import Clock, StreamEvent
from peaceful.web._live._feed import Chunk, Feed
from peaceful.web._live._waiting import Waiting

_SOONEST: Final = 0.1
"""Seconds between two looks of watchers at what happens, unless something urgent does."""

_PER_WATCHER: Final = 0.0002
"""Seconds more between two looks for each watcher, so that many do not take all of a processor."""

_LATEST: Final = 0.3
"""Seconds between two looks, however many watch: what people see is never older than that."""


class ProgressTracker:
    """Follows one execution for all who watch it, in the event loop of the server.

    Args:
        feed: what happened in it.
        clock: tells the time.

    Attributes:
        feed: what happened in it.
        watchers: how many watch it now.
        stopped: whether nothing more will be told, although the execution may go on.
        task: reads the events.
    """

    def __init__(self, feed: Feed, clock: Clock) -> None:
        self.feed: Final[Feed] = feed
        self.watchers: int = 0
        self.stopped: bool = False
        self.task: asyncio.Task[None] | None = None
        self._waiting = Waiting()
        self._clock = clock
        self._moved_at = clock.monotonic()
        self._flushing: asyncio.TimerHandle | None = None

    @property
    def still_for(self) -> float:
        """Seconds since anything happened in it, as far as that is known."""
        return self._clock.monotonic() - self._moved_at

    def add(self, event: StreamEvent) -> None:
        """Takes an event; watchers get it soon, together with others."""
        self._moved_at = self._clock.monotonic()
        if self.feed.add(event):
            self.catch_up()
        elif self._flushing is None:
            wait = pause_between_looks(self.watchers)
            self._flushing = asyncio.get_running_loop().call_later(wait, self.catch_up)

    def catch_up(self) -> None:
        """Watchers get at once what was taken in."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self.feed.flush():
            self._waiting.tell()

    def stop(self) -> None:
        """Nothing more will be told."""
        self.catch_up()
        self.stopped = True
        self._waiting.tell()

    async def chunks(self, seen: int | None, heartbeat: float) -> AsyncGenerator[Chunk | None]:
        """What a watcher has not seen yet, whenever there is something; ends with the execution.

        None where there was nothing for some time.

        Args:
            seen: the ID of the last event that it has seen, or none.
            heartbeat: seconds after which there was nothing for some time.
        """
        while True:
            chunk = self.feed.since(seen)
            if chunk.data:
                seen = chunk.last_id
                yield chunk
            elif self.stopped or (self.feed.ending is not None and seen == self.feed.last_id):
                return
            elif not await self._waiting.news(heartbeat):
                yield None


def pause_between_looks(watchers: int) -> float:
    """Seconds for which events are gathered before watchers get them together."""
    return min(_LATEST, max(_SOONEST, watchers * _PER_WATCHER))
