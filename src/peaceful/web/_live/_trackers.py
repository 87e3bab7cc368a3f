"""Who watches which execution: one reader of events for all of its watchers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Generator
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import Final

from peaceful._aio import run_in_thread
from peaceful.errors import AlreadyEnded, ExecutorUnreachable, PeacefulError
from peaceful.executions import Executions, ProgressSource
from peaceful.model import Clock, ExecutionId, StreamEvent
from peaceful.web._live._feed import Feed
from peaceful.web._live._on_demand import OnDemand, stop_all, watching
from peaceful.web._live._tracker import ProgressTracker

_LOG = logging.getLogger("peaceful.web")

ENDED_KEPT: Final = 32
"""How many executions' feeds are kept after their end, for watchers that were away."""

_AGAIN: Final = 1.0
"""Seconds until a process that does not answer is asked again."""


class ProgressTrackers:
    """From execution ID to what follows the execution.

    Executions of this process are followed from their beginning. Those of other processes are
    followed while somebody watches them.

    Args:
        clock: tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._own: dict[ExecutionId, ProgressTracker] = {}
        self._others: OnDemand[ExecutionId, ProgressTracker] = OnDemand()

    def get(self, execution_id: ExecutionId) -> ProgressTracker | None:
        """What follows an execution, or none where nothing does."""
        return self._own.get(execution_id) or self._others.get(execution_id)

    def follow(self, execution_id: ExecutionId, source: ProgressSource) -> ProgressTracker:
        """Follows an execution of this process, from now on. To be called in its event loop."""
        tracker = self._own[execution_id] = self._new()
        tracker.task = asyncio.create_task(_told(tracker, source.subscribe()))
        ended = [key for key, each in self._own.items() if each.feed.ending and not each.watchers]
        for key in ended[:-ENDED_KEPT]:
            del self._own[key]
        return tracker

    @contextmanager
    def watched(
        self, execution_id: ExecutionId, executions: Executions
    ) -> Generator[ProgressTracker]:
        """What follows an execution, for the length of a context.

        Args:
            execution_id: which one; of another process, if it is not followed.
            executions: tells how to reach other processes.
        """

        def begin() -> ProgressTracker:
            tracker = self._new()
            tracker.task = asyncio.create_task(_read(tracker, execution_id, executions))
            return tracker

        own = self._own.get(execution_id)
        if own is None:
            with self._others.watched(execution_id, begin) as other:
                yield other
        else:
            with watching(own):
                yield own

    async def close(self) -> None:
        """Tells all watchers that nothing more comes, and stops following, for good."""
        await stop_all(self._own.values())
        await self._others.close()

    def _new(self) -> ProgressTracker:
        return ProgressTracker(Feed(microseconds(self._clock.now())), self._clock)


async def _told(tracker: ProgressTracker, events: AsyncIterator[StreamEvent]) -> None:
    async for event in events:
        tracker.add(event)


async def _read(
    tracker: ProgressTracker, execution_id: ExecutionId, executions: Executions
) -> None:
    """Follows an execution of another process, until it has ended or cannot be known any more."""
    try:
        while True:
            try:
                async with aclosing(executions.events(execution_id)) as events:
                    await _told(tracker, events)
            except (AlreadyEnded, ExecutorUnreachable) as error:
                _LOG.debug("%s", error)
            # Without a last event its process was killed, or the connection was lost.
            ending = (await run_in_thread(lambda: executions.get(execution_id))).ending()
            if ending is not None:
                tracker.add(ending)
                return
            await asyncio.sleep(_AGAIN)
    except PeacefulError as error:
        _LOG.warning("execution %s cannot be watched any more: %s", execution_id, error)
    finally:
        tracker.stop()


def microseconds(moment: datetime) -> int:
    """A moment as an ID of an event: in microseconds since 1970."""
    return int(moment.timestamp() * 1_000_000)
