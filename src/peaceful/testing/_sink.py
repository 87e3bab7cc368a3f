"""A sink that records events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from peaceful._model.event import Event

E = TypeVar("E")


class RecordingSink:
    """An `OutputSink` that records the events that it receives.

    When a command has returned, all of its events are there, except that progress may have been
    coalesced to the newest.

    Attributes:
        events: the received events, in order.
        closed: the number of calls of `close`: one for each command.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed: int = 0

    def receive(self, events: Sequence[Event]) -> None:
        """Record the events."""
        self.events += events

    def close(self) -> None:
        """Count the end of a command."""
        self.closed += 1

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one class, in order."""
        return [event for event in self.events if isinstance(event, kind)]
