"""A sink that keeps what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from peaceful._model.event import Event

E = TypeVar("E")


class RecordingSink:
    """An `OutputSink` that keeps every event that reaches it.

    When a command has returned, all of its events are there: every start and every ending, and of
    progress at least the newest.

    Attributes:
        events: what it was told, in order.
        closed: how often it was told that the last event was taken: once for each command.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed: int = 0

    def receive(self, events: Sequence[Event]) -> None:
        """Keeps the events."""
        self.events += events

    def close(self) -> None:
        """Counts the end of a command."""
        self.closed += 1

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order.

        Args:
            kind: the class of the event.
        """
        return [event for event in self.events if isinstance(event, kind)]
