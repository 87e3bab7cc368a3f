"""One concurrent pass over a graph, as pure state: what may start now, and what never will."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable
from typing import Final

from peaceful._graph.graph import Graph
from peaceful._model.codec import ItemId

_WAITING: Final = 0
_READY: Final = 1
_RUNNING: Final = 2
_SUCCEEDED: Final = 3
_FAILED: Final = 4

_PHASES: Final = ("waiting", "ready", "running", "ended well", "ended badly")


class Direction(enum.Enum):
    """The direction of a pass."""

    FORWARD = "forward"
    """Each item after what it waits for."""
    BACKWARD = "backward"
    """Each item after what waits for it: the order of cleaning up."""


class Traversal:
    """The state of one pass: its user runs the items, asks for the next one and reports each end.

    It neither waits nor runs anything, and is not thread-safe. What becomes ready first is handed
    out first (the queue of Kahn, "Topological sorting of large networks", 1962). A call costs
    constant time and the item's edges, amortised over the pass.

    Contradictory calls, such as the end of an item that does not run, raise `AssertionError`.
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
        """By position, the first failure that blocks it."""
        for place in self._order:
            # Never a joint: those lie between two items.
            if not self._missing[place]:
                self._make_ready(place)

    @property
    def ready_count(self) -> int:
        """The number of items that could be taken now."""
        return len(self._ready)

    def take(self) -> ItemId | None:
        """Return the next item that may start, and mark it as running; `None` if none is ready."""
        if not self._ready:
            return None
        place = self._ready.popleft()
        self._phase[place] = _RUNNING
        return self._ids[place]

    def put_back(self, item: ItemId) -> None:
        """Take back that an item is running; it is the next one again."""
        place = self._leave_running(item, _READY)
        self._ready.appendleft(place)

    def succeeded(self, item: ItemId) -> tuple[ItemId, ...]:
        """Mark an item as succeeded; return the items that become ready."""
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
        """Mark an item as not ended well: what needs it, near or far, never starts."""
        failure = self._leave_running(item, _FAILED)
        pending = [failure]
        for place in pending:
            for blocked in self._released(place):
                if blocked not in self._failure_of:
                    self._failure_of[blocked] = failure
                    pending.append(blocked)

    def blocked_by(self, item: ItemId) -> tuple[ItemId, ...]:
        """Return the failed items that keep an item from ever starting.

        For each direct dependency: itself if it failed, else the first failure that blocks it.
        Costs constant time and the item's edges.
        """
        failures: dict[int, None] = {}
        for place in self._needs[self._place(item)]:
            if self._phase[place] == _FAILED:
                failures[place] = None
            elif place in self._failure_of:
                failures[self._failure_of[place]] = None
        return tuple(self._ids[place] for place in failures)

    def not_started(self) -> tuple[ItemId, ...]:
        """Return the items that were never taken, in the order of the pass."""
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
