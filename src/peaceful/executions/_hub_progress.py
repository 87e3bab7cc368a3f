"""The progress hub of an execution, as its control socket needs it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from peaceful.executions._progress import closed
from peaceful.model import Event, Snapshot

if TYPE_CHECKING:
    from peaceful.runtime import ProgressHub  # it loads pydantic, which is not needed here


class HubProgress:
    """A `ProgressSource` that reads from a hub.

    Args:
        hub: takes the execution's events.
    """

    def __init__(self, hub: ProgressHub) -> None:
        self._hub = hub

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        return self._hub.take_snapshot()

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on; ends after the last one."""
        return _HubEvents(self._hub)


class _HubEvents:
    """The events of a hub, one by one. Not a generator: that would begin when first asked."""

    def __init__(self, hub: ProgressHub) -> None:
        self._hub = hub
        self._subscription = hub.subscribe()
        self._batches = self._subscription.batches()
        self._taken: deque[Event] = deque()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._taken:
            self._taken.extend(await anext(self._batches))
        return self._taken.popleft()

    async def aclose(self) -> None:
        """Nothing more is read."""
        self._hub.unsubscribe(self._subscription)
        await closed(self._batches)
