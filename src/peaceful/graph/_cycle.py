"""From any cycle to a short one, so that the error can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LEAST_BUDGET: Final = 100_000
"""Edges to look at, at least; enough to be exact for some hundreds of items."""

_BUDGET_PER_SIZE: Final = 4
"""Edges to look at per node and edge, so that the search stays linear in large graphs."""


def shortest_cycle(after: Sequence[Sequence[int]], known: Sequence[int]) -> list[int]:
    """The shortest cycle, beginning with its lowest position.

    Finding the shortest of all takes nodes times edges. The search therefore has a budget: within
    it, a breadth-first search from each position, those of the known cycle first; beyond it, the
    shortest cycle seen so far.

    Args:
        after: by position, what waits for it.
        known: a cycle to start from, in order.
    """
    best = list(known)
    size = len(after) + sum(map(len, after))
    budget = max(_LEAST_BUDGET, _BUDGET_PER_SIZE * size)
    for start in dict.fromkeys((*known, *range(len(after)))):
        if budget <= 0:
            break
        shorter, looked_at = _cycle_through(after, start, len(best))
        budget -= looked_at
        best = shorter or best
    first = best.index(min(best))
    return best[first:] + best[:first]


def _cycle_through(after: Sequence[Sequence[int]], start: int, below: int) -> tuple[list[int], int]:
    """A shortest cycle through `start` of fewer than `below` nodes or nothing; edges looked at."""
    came_from = {start: start}
    looked_at = 1
    frontier = [start]
    length = 1
    while frontier and length < below:
        reached: list[int] = []
        for here in frontier:
            for place in after[here]:
                looked_at += 1
                if place == start:
                    return _way_back(came_from, here), looked_at
                if place not in came_from:
                    came_from[place] = here
                    reached.append(place)
        frontier = reached
        length += 1
    return [], looked_at


def _way_back(came_from: dict[int, int], end: int) -> list[int]:
    way = [end]
    while came_from[way[-1]] != way[-1]:
        way.append(came_from[way[-1]])
    return way[::-1]
