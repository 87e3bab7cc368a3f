"""What a sink has not taken yet."""

from __future__ import annotations

import threading
from collections.abc import Callable

from peaceful.model import (
    Event,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemProgressed,
)


class Mailbox:
    """Events in order, of which an item's progress is there at most once: the newest.

    So it holds at most as many events as there are starts, endings and items, however slow its
    reader. Any thread may put, one takes. A signal handler may put too: the lock lets its own
    thread in.

    Args:
        on_mail: told when there is something to take, where there was nothing, or nothing urgent;
            with whether it is urgent.
    """

    __slots__ = ("_events", "_lock", "_on_mail", "_place", "_refuses", "_urgent")

    def __init__(self, on_mail: Callable[[bool], None]) -> None:
        self._events: list[Event] = []
        self._place: dict[ItemId, int] = {}
        self._lock = threading.RLock()
        self._on_mail = on_mail
        self._urgent = False
        self._refuses = False

    def put(self, event: Event) -> None:
        """Adds an event, or replaces the same item's older progress."""
        urgent = type(event) in _URGENT
        with self._lock:
            if self._refuses:
                return
            tell = not self._events or (urgent and not self._urgent)
            self._urgent |= urgent
            if type(event) is ItemProgressed:
                place = self._place.setdefault(event.item, len(self._events))
                if place < len(self._events):
                    self._events[place] = event
                    return
            elif type(event) is ItemEnded:
                self._place.pop(event.item, None)
            self._events.append(event)
        if tell:
            self._on_mail(urgent)

    def take(self) -> list[Event]:
        """Everything that is there, in order; then it is empty."""
        with self._lock:
            events, self._events = self._events, []
            self._place.clear()
            self._urgent = False
        return events

    def refuse(self) -> None:
        """From now on nothing is kept: nobody takes it any more."""
        with self._lock:
            self._refuses = True
            self._events = []


_URGENT = frozenset({InterruptRequested, ExecutionEnded})
"""What a person should see at once, however seldom a sink likes to be called."""
