"""A stable topological order in linear time, without recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_UNSEEN, _OPEN, _PLACED = range(3)


def topological_order(before: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """An order in which everything comes after what it waits for.

    Positions come in ascending order, except that each is preceded by what it still waits for. So
    an order that is right already is kept as it is. This is the depth-first order of Tarjan
    ("Edge-disjoint spanning trees and depth-first search", 1976), with a stack of its own.

    Args:
        before: by position, what it waits for, ascending.

    Returns:
        The order and an empty list; or what could be ordered until then, and a cycle.
    """
    order: list[int] = []
    phase = bytearray(len(before))
    for start in range(len(before)):
        if phase[start] != _UNSEEN:
            continue
        phase[start] = _OPEN
        path = [start]
        unseen: list[Iterator[int]] = [iter(before[start])]
        while path:
            needed = next((place for place in unseen[-1] if phase[place] != _PLACED), None)
            if needed is None:
                unseen.pop()
                phase[path[-1]] = _PLACED
                order.append(path.pop())
            elif phase[needed] == _OPEN:
                # The path leads from what waits to what it waits for: the cycle is its reverse.
                return order, path[path.index(needed) :][::-1]
            else:
                phase[needed] = _OPEN
                path.append(needed)
                unseen.append(iter(before[needed]))
    return order, []
