"""Escalation of an interrupt: items in progress are asked to end, cancelled, abandoned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Self
from weakref import WeakSet

import msgspec

from peaceful._item.child import Children
from peaceful._model.codec import ItemId
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful.interrupt import InterruptibilityState

_BY_ESCALATION: Final[WeakSet[asyncio.Task[object]]] = WeakSet()
"""Tasks that an escalation has cancelled."""

_CANCELLED = "the task that runs the command was cancelled"


def was_cancelled(task: asyncio.Task[Any]) -> bool:  # Any: of whatever result
    """Return whether an interrupt has cancelled an item's task: an item's own code may, too."""
    return task in _BY_ESCALATION


class LadderTimes(msgspec.Struct, frozen=True):
    """How long each step of the escalation waits for items in progress.

    Attributes:
        cancel_grace: seconds between asking items to end (CANCEL) and cancelling their tasks.
        cleanup_timeout: seconds that cancelled items have for their own clean-up.
    """

    cancel_grace: float = 5.0
    cleanup_timeout: float = 10.0


class Escalation:
    """Ends the tasks of items in progress while a pass runs. Does nothing below CANCEL.

    The pass uses it as a context manager, adds and removes `tasks`, and gets each item that is
    waited for no longer by `abandon`.
    """

    def __init__(
        self,
        state: InterruptibilityState,
        times: LadderTimes,
        children: Children,
        abandon: Callable[[ItemId], None],
    ) -> None:
        self._state = state
        self._times = times
        self._children = children
        self._abandon = abandon
        self._loop = asyncio.get_running_loop()
        self._level: InterruptLevel | None = None
        self._cancelling = False
        self._timers: list[asyncio.TimerHandle] = []
        self._unsubscribe: Callable[[], None] | None = None
        self.tasks: dict[ItemId, asyncio.Task[None]] = {}

    def __enter__(self) -> Self:
        if self._state.receiver is not None:
            self._unsubscribe = self._state.receiver.subscribe(self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        for timer in self._timers:
            timer.cancel()

    @property
    def asks_to_end(self) -> bool:
        """Whether items in progress, and their child processes, are asked to end."""
        effective = self._state.effective
        return self._cancelling or (
            effective is not None and effective.level >= InterruptLevel.CANCEL
        )

    def end_all(self) -> None:
        """Cancel the items, with time to clean up: whoever runs the command cancelled it.

        For plain functions, which cannot be cancelled, it is an interrupt, so that they can see it.
        """
        if self._state.receiver is not None:
            self._state.receiver.sender().request(
                InterruptLevel.CANCEL, source=InterruptSource.API, reason=_CANCELLED
            )
        if self._state.effective is None:
            self._children.raise_to(InterruptLevel.CANCEL)
        self._cancel_tasks()

    def _on_signal(self, _: InterruptSignal) -> None:
        # In the thread, or the signal handler, of the sender.
        effective = self._state.effective
        if effective is None or effective.level is InterruptLevel.STOP:
            return
        # Children hear of it at once, even where the loop is busy.
        self._children.raise_to(effective.level)
        self._loop.call_soon_threadsafe(self._climb)

    def _climb(self) -> None:
        effective = self._state.effective
        if effective is None or effective.level == self._level:
            return
        self._level = effective.level
        if self._level is InterruptLevel.CANCEL:
            self._later(self._times.cancel_grace, self._cancel_tasks)
        elif self._level is InterruptLevel.KILL:
            self._cancel_tasks()
            self._abandon_all()

    def _cancel_tasks(self) -> None:
        if self._cancelling:
            return
        self._cancelling = True
        for task in list(self.tasks.values()):
            _BY_ESCALATION.add(task)
            task.cancel()
        self._later(self._times.cleanup_timeout, self._abandon_all)

    def _abandon_all(self) -> None:
        self._children.kill_all()
        for item in list(self.tasks):
            self._abandon(item)

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self._timers.append(self._loop.call_later(seconds, step))
