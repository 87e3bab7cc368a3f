"""The port through which events leave an execution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from peaceful.model import Event


class OutputSink(Protocol):
    """Takes the events of an execution, at its own speed.

    It is called in a thread of its own, by one call at a time. While it is busy, events gather: of
    an item's progress it then gets the newest picture only, of everything else each event, in
    order. So a slow sink never slows an item and never misses an ending. The thread sees the
    context variables of whoever executes.
    """

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events, in order; at least one."""
        ...

    def close(self) -> None:
        """The last event was taken; called once."""
        ...
