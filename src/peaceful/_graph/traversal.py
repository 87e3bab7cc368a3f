"""One concurrent pass over a graph, as pure state: what may start now, and what never will."""

from __future__ import annotations

import enum
import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import repeat
from operator import itemgetter
from typing import Final, TypeVar

from peaceful._graph.graph import Graph, topological_order
from peaceful._model.codec import ItemId

_WAITING: Final = 0
_READY: Final = 1
_RUNNING: Final = 2
_SUCCEEDED: Final = 3
_FAILED: Final = 4

_PHASES: Final = ("waiting", "ready", "running", "ended well", "ended badly")


_Entry = TypeVar("_Entry", int, tuple[float, int])


class Direction(enum.Enum):
    """The direction of a pass."""

    FORWARD = "forward"
    """Each item after what it waits for."""
    BACKWARD = "backward"
    """Each item after what waits for it: the order of cleaning up."""


class Traversal:
    """The state of one pass: its user runs the items, asks for the next one and reports each end.

    It neither waits nor runs anything, and is not thread-safe. What is ready is handed out depth
    first: what has begun is carried to its end before anything else begins, so the stages of a
    pipeline overlap, and whenever the pass stops, most of what it began is whole. But as soon as a
    path would outlast everything else, spread over all places, the longest path goes first: the
    level algorithm of Hu ("Parallel sequencing and assembly line problems", 1961).

    Beginning takes linear time. After that, a call takes logarithmic time, and constant time for
    each of the item's edges, amortised over the pass.

    Contradictory calls, such as the end of an item that does not run, raise `AssertionError`.

    Args:
        graph: the items, and what waits for what.
        direction: forward or backward along the graph.
        at_once: how many run at once.
        seconds: how long items are expected to take. Others count as much as these do on average;
            if there are none, all count the same.
    """

    __slots__ = (
        "_at_once",
        "_backward",
        "_by_depth",
        "_by_length",
        "_depth_first",
        "_failure_of",
        "_ids",
        "_left",
        "_length",
        "_missing",
        "_needs",
        "_order",
        "_phase",
        "_position",
        "_rank",
        "_releases",
        "_weight",
        "ready_count",
    )

    def __init__(
        self,
        graph: Graph,
        direction: Direction = Direction.FORWARD,
        *,
        at_once: int = 1,
        seconds: Mapping[ItemId, float] = {},
    ) -> None:
        links = graph.links
        self._backward = direction is Direction.BACKWARD
        self._ids = links.ids
        self._position = links.position
        self._needs = links.after if self._backward else links.before
        self._releases = links.before if self._backward else links.after
        self._order = links.order[::-1] if self._backward else links.order
        self._missing = list(map(len, self._needs))
        self._phase = bytearray(len(self._needs))
        self._failure_of: dict[int, int] = {}
        """By position, the first failure that blocks it."""
        self._at_once = at_once
        self._weight = self._weights(seconds)
        self._left = math.fsum(self._weight)
        """What the items weigh that have not been taken, and are not blocked."""
        self._length = self._lengths()
        """By position, the weight of the longest path that begins there."""
        self._depth_first = array("l", self._ranked())
        self._rank = array("l", self._depth_first)
        for rank, place in enumerate(self._depth_first):
            self._rank[place] = rank
        # Never a joint: those lie between two items.
        begin = [place for place in self._order if not self._missing[place]]
        self.ready_count = len(begin)
        """The number of items that could be taken now."""
        # What was taken from one of them stays in the other until it is met there.
        self._by_depth = [self._rank[place] for place in begin]
        self._by_length = [(-self._length[place], self._rank[place]) for place in begin]
        heapify(self._by_depth)
        heapify(self._by_length)
        for place in begin:
            self._phase[place] = _READY

    def take(self) -> ItemId | None:
        """Return the next item that may start, and mark it as running; `None` if none is ready."""
        if not self.ready_count:
            return None
        length, rank = self._first_ready(self._by_length, itemgetter(1))
        if -length * self._at_once < self._left:
            rank = self._first_ready(self._by_depth, int)
        place = self._depth_first[rank]
        self._phase[place] = _RUNNING
        self.ready_count -= 1
        self._left -= self._weight[place]
        return self._ids[place]

    def put_back(self, item: ItemId) -> None:
        """Take back that an item is running; it is the next one again."""
        place = self._leave_running(item, _READY)
        self.ready_count += 1
        self._left += self._weight[place]
        heappush(self._by_length, (-math.inf, self._rank[place]))

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
                    self._left -= self._weight[blocked]
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

    def _weights(self, seconds: Mapping[ItemId, float]) -> array[float]:
        known = [seconds[item] for item in self._ids if item in seconds]
        usual = math.fsum(known) / len(known) if known else 1.0
        weights = array("d", (seconds.get(item, usual) for item in self._ids))
        weights.extend(repeat(0.0, len(self._needs) - len(self._ids)))  # joints take no time
        return weights

    def _lengths(self) -> array[float]:
        lengths = array("d", self._weight)
        for place in reversed(self._order):
            lengths[place] += max((lengths[each] for each in self._releases[place]), default=0.0)
        return lengths

    def _ranked(self) -> list[int]:
        """Return the order that finishes one path after the other, by what they end in."""
        ends = [place for place in self._order if not self._releases[place]]
        needs = [places[::-1] for places in self._needs] if self._backward else self._needs
        return topological_order(needs, ends)[0]

    def _make_ready(self, place: int) -> None:
        self._phase[place] = _READY
        self.ready_count += 1
        heappush(self._by_depth, self._rank[place])
        heappush(self._by_length, (-self._length[place], self._rank[place]))

    def _first_ready(self, heap: list[_Entry], rank_of: Callable[[_Entry], int]) -> _Entry:
        while self._phase[self._depth_first[rank_of(heap[0])]] != _READY:
            heappop(heap)
        return heap[0]

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
