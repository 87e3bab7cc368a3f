"""Noticing items that are in progress and have not moved for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Self

from peaceful.item import ItemCtx
from peaceful.model import Clock, Event, ItemProgressed

_LOOK_EVERY: Final = 5.0
"""Seconds between two looks, unless stalls are to be noticed sooner."""


class StallWatch:
    """Tells of items that stall, again and again as long as they do. Used as a context manager.

    Args:
        in_progress: the items that are in progress now.
        stall_after: seconds without a sign of progress after which an item stalls.
        clock: tells the time.
        publish: takes the events.
    """

    def __init__(
        self,
        in_progress: Callable[[], Iterable[ItemCtx]],
        stall_after: float,
        clock: Clock,
        publish: Callable[[Event], None],
    ) -> None:
        self._in_progress = in_progress
        self._stall_after = stall_after
        self._clock = clock
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._look_later()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Looks now."""
        for ctx in self._in_progress():
            still = ctx.progress.stalled_for()
            if still >= self._stall_after:
                picture = ctx.progress.snapshot(stalled_for=still)
                self._publish(ItemProgressed(self._clock.now(), ctx.item, picture))

    def _look_later(self) -> None:
        pause = min(_LOOK_EVERY, max(self._stall_after / 4, 0.01))
        self._timer = self._loop.call_later(pause, self._look)

    def _look(self) -> None:
        self.look()
        self._look_later()
