"""Who watches which execution: one reader of events for all of its watchers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from peaceful.errors import AlreadyEnded, ExecutorUnreachable, PeacefulError
from peaceful.executions import Executions, JsonObject, ProgressSource
from peaceful.model import Clock, ExecutionId
from peaceful.runtime import in_thread
from peaceful.web._live._endings import ending_of, microseconds
from peaceful.web._live._feed import Feed
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
        self._others: dict[ExecutionId, ProgressTracker] = {}
        self._closed = False

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

    @asynccontextmanager
    async def watched(
        self, execution_id: ExecutionId, executions: Executions
    ) -> AsyncGenerator[ProgressTracker]:
        """What follows an execution, for the length of a context.

        Args:
            execution_id: which one; of another process, if it is not followed.
            executions: tells how to reach other processes.
        """
        tracker = self._own.get(execution_id)
        if tracker is None:
            tracker = self._others.get(execution_id)
        if tracker is None:
            tracker = self._others[execution_id] = self._new()
            tracker.task = asyncio.create_task(_read(tracker, execution_id, executions))
            if self._closed:
                tracker.stop()
        tracker.watchers += 1
        try:
            yield tracker
        finally:
            tracker.watchers -= 1
            if not tracker.watchers and self._others.get(execution_id) is tracker:
                del self._others[execution_id]
                assert tracker.task is not None
                tracker.task.cancel()

    async def close(self) -> None:
        """Tells all watchers that nothing more comes, and stops following, for good."""
        self._closed = True
        trackers = (*self._own.values(), *self._others.values())
        tasks = {each.task for each in trackers if each.task is not None}
        for tracker in trackers:
            tracker.stop()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _new(self) -> ProgressTracker:
        return ProgressTracker(Feed(microseconds(self._clock.now())))


async def _told(tracker: ProgressTracker, events: AsyncIterator[JsonObject]) -> None:
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
            ending = ending_of(await in_thread(lambda: executions.get(execution_id)))
            if ending is not None:
                tracker.add(ending)
                return
            await asyncio.sleep(_AGAIN)
    except PeacefulError as error:
        _LOG.warning("execution %s cannot be watched any more: %s", execution_id, error)
    finally:
        tracker.stop()
