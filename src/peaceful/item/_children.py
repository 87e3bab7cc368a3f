"""The child processes of one execution, which hear of its interrupts."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from peaceful.item._running_child import RunningChild
from peaceful.model import InterruptLevel


class Children:
    """The child processes that run, each with whatever it started in its group."""

    def __init__(self) -> None:
        self._running: set[RunningChild] = set()
        self._level: InterruptLevel | None = None

    def raise_to(self, level: InterruptLevel) -> None:
        """Passes an interrupt on: CANCEL ends children by SIGTERM, KILL by SIGKILL.

        Safe to call from any thread and from a signal handler. A level that is not higher than the
        present one changes nothing, but KILL kills whatever there is.
        """
        repeated = self._level is not None and level <= self._level
        if level is InterruptLevel.STOP or (repeated and level is not InterruptLevel.KILL):
            return
        self._level = level
        for child in tuple(self._running):
            child.interrupt(level)

    def kill_all(self) -> None:
        """Ends every child that is left, at once, and every one that is started from now on."""
        self.raise_to(InterruptLevel.KILL)

    async def all_gone(self, seconds: float) -> bool:
        """Waits until no child is left.

        Args:
            seconds: how long at most.

        Returns:
            Whether that came about in time.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for child in tuple(self._running):
                    await child.gone()
        return all(child.is_gone() for child in tuple(self._running))

    def added(self, child: RunningChild) -> None:
        """A child was started.

        At KILL it is ended at once. At CANCEL it is not: it may be what an item cleans up with; it
        ends with the item's task.
        """
        self._running.add(child)
        if self._level is InterruptLevel.KILL:
            child.interrupt(self._level)

    def removed(self, child: RunningChild) -> None:
        """A child is gone, and whatever it started."""
        self._running.discard(child)
