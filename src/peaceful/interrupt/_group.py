"""A task group that starts nothing new once it is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from peaceful.interrupt._state import InterruptedBy, InterruptibilityState, state_of
from peaceful.interrupt._waiting import discard

T = TypeVar("T")


class InterruptibleTaskGroup:
    """An `asyncio.TaskGroup` that asks before each start.

    ```python
    async with InterruptibleTaskGroup(state) as group:
        for url in urls:
            if group.create_task(fetch(url)) is None:
                break
    ```

    Tasks that were started finish, whatever the level. In all else it is the task group of asyncio:
    it waits for its tasks, and a task that fails cancels the others.

    Attributes:
        state: decides and counts the starts.
        refused: how many tasks were not started because of an interrupt.
    """

    __slots__ = ("_tasks", "refused", "state")

    def __init__(self, by: InterruptedBy) -> None:
        self.state: InterruptibilityState = state_of(by)
        self.refused: int = 0
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, traceback)

    # `Any` as in asyncio's own signature: what a coroutine yields is between it and the loop.
    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None
    ) -> asyncio.Task[T] | None:
        """Start a task, if it may start; it counts as a start from here on.

        Returns:
            The task; or none if nothing may start any more. The coroutine is then closed, never
            begun.
        """
        if self.state.may_start():
            return self._tasks.create_task(coroutine, name=name)
        discard(coroutine)
        self.refused += 1
        return None
