"""One concurrent pass over a graph, as pure state: what may start now, and what never will."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable
from typing import Final

from peaceful._graph.graph import Graph
from peaceful._model.field_types import ItemId

_WAITING: Final = 0
_READY: Final = 1
_RUNNING: Final = 2
_SUCCEEDED: Final = 3
_FAILED: Final = 4

_PHASES: Final = ("waiting", "ready", "running", "ended well", "ended badly")


class Direction(enum.Enum):
    """Which way a pass goes."""

    FORWARD = "forward"
    """Each item after what it waits for."""
    BACKWARD = "backward"
    """Each item after what waits for it: the way of cleaning up."""


class Traversal:
    """The state of one pass: whoever runs the items asks what is next and says how each ended.

    It neither waits nor runs anything, and is not to be shared between threads. What becomes ready
    first is handed out first (the queue of Kahn, "Topological sorting of large networks", 1962).
    A call costs constant time and the item's edges, amortised over the pass.

    Calls that contradict each other, such as an end of an item that does not run, are mistakes of
    the caller's and raise `AssertionError`.
    """

    __slots__ = (
        "_backward",
        "_failure_of",
        "_ids",
        "_missing",
        "_needs",
        "_order",
        "_phase",
        "_position",
        "_ready",
        "_releases",
    )

    def __init__(self, graph: Graph, direction: Direction = Direction.FORWARD) -> None:
        """Begin a pass.

        Args:
            graph: what to go through.
            direction: which way.
        """
        links = graph.links
        self._backward = direction is Direction.BACKWARD
        self._ids = links.ids
        self._position = links.position
        self._needs = links.after if self._backward else links.before
        self._releases = links.before if self._backward else links.after
        self._order = links.order[::-1] if self._backward else links.order
        self._missing = list(map(len, self._needs))
        self._phase = bytearray(len(self._needs))
        self._ready: deque[int] = deque()
        self._failure_of: dict[int, int] = {}
        """By position, the first failure in whose way it stands."""
        for place in self._order:
            # Never a joint: those lie between two items.
            if not self._missing[place]:
                self._make_ready(place)

    @property
    def ready_count(self) -> int:
        """How many items could be taken now."""
        return len(self._ready)

    def take(self) -> ItemId | None:
        """The next item that may start, which from now on is running; none where none is ready."""
        if not self._ready:
            return None
        place = self._ready.popleft()
        self._phase[place] = _RUNNING
        return self._ids[place]

    def put_back(self, item: ItemId) -> None:
        """Say that an item that was taken has not started after all; it is the next one again."""
        place = self._leave_running(item, _READY)
        self._ready.appendleft(place)

    def succeeded(self, item: ItemId) -> tuple[ItemId, ...]:
        """Say that an item ended well.

        Returns:
            The items that are ready because of it.
        """
        newly: list[ItemId] = []
        pending = [self._leave_running(item, _SUCCEEDED)]
        for place in pending:
            for freed in self._released(place):
                self._missing[freed] -= 1
                if self._missing[freed]:
                    continue
                if freed < len(self._ids):
                    self._make_ready(freed)
                    newly.append(self._ids[freed])
                else:
                    pending.append(freed)
        return tuple(newly)

    def failed(self, item: ItemId) -> None:
        """Say that an item failed or was abandoned: what needs it, near or far, never starts."""
        failure = self._leave_running(item, _FAILED)
        pending = [failure]
        for place in pending:
            for blocked in self._released(place):
                if blocked not in self._failure_of:
                    self._failure_of[blocked] = failure
                    pending.append(blocked)

    def blocked_by(self, item: ItemId) -> tuple[ItemId, ...]:
        """The failed items that keep an item from ever starting; empty where none is in its way.

        For each thing that it waits for directly: that one if it failed, and otherwise the first
        failure that keeps it from starting. Costs constant time and the item's edges.
        """
        failures: dict[int, None] = {}
        for place in self._needs[self._place(item)]:
            if self._phase[place] == _FAILED:
                failures[place] = None
            elif place in self._failure_of:
                failures[self._failure_of[place]] = None
        return tuple(self._ids[place] for place in failures)

    def not_started(self) -> tuple[ItemId, ...]:
        """The items that were never taken, in the order of the pass."""
        return tuple(
            self._ids[place]
            for place in self._order
            if place < len(self._ids) and self._phase[place] <= _READY
        )

    def _make_ready(self, place: int) -> None:
        self._phase[place] = _READY
        self._ready.append(place)

    def _released(self, place: int) -> Iterable[int]:
        places = self._releases[place]
        return reversed(places) if self._backward else places

    def _leave_running(self, item: ItemId, phase: int) -> int:
        place = self._place(item)
        if self._phase[place] != _RUNNING:
            is_now = _PHASES[self._phase[place]]
            raise AssertionError(f"{item} is not running in this pass: it is {is_now}")
        self._phase[place] = phase
        return place

    def _place(self, item: ItemId) -> int:
        place = self._position.get(item)
        if place is None:
            raise AssertionError(f"{item} is not part of this pass")
        return place
