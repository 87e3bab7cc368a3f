"""In which order things stand in their rows, so that few lines cross."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from peaceful.web._diagrams._ranks import Neighbours

_SWEEPS: Final = 12
_PATIENCE: Final = 4


def ordered(
    rows: Sequence[Sequence[int]], before: Neighbours, after: Neighbours
) -> list[list[int]]:
    """The rows, sorted so that few lines between neighbouring rows cross.

    Each thing is moved to the mean of what it is joined to in the row above, then below, in turns,
    and the best order of all is kept: Sugiyama, Tagawa and Toda, "Methods for visual understanding
    of hierarchical system structures", 1981. Neighbours are exchanged at the end wherever that
    helps: Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs", 1993.

    Args:
        rows: what stands in each row, in the order that is kept where nothing else decides.
        before: what each is joined to in the row above.
        after: what each is joined to in the row below.
    """
    now = _by_depth([list(row) for row in rows], before, after)
    best, fewest = [list(row) for row in now], crossings(now, after)
    since = 0
    for sweep in range(_SWEEPS):
        if not fewest or since >= _PATIENCE:
            break
        downwards = sweep % 2 == 0
        _sweep(now, before if downwards else after, downwards=downwards)
        number = crossings(now, after)
        since += 1
        if number < fewest:
            best, fewest, since = [list(row) for row in now], number, 0
    if fewest:
        _exchange(best, before, after)
    return best


def crossings(rows: Sequence[Sequence[int]], after: Neighbours) -> int:
    """How many lines cross.

    Barth, Jünger and Mutzel, "Simple and efficient bilayer cross counting", 2002.
    """
    total = 0
    for row, below in pairwise(rows):
        place = {one: number for number, one in enumerate(below)}
        seen: list[int] = []
        for here in row:
            ends = sorted(place[one] for one in after[here])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _by_depth(rows: list[list[int]], before: Neighbours, after: Neighbours) -> list[list[int]]:
    """The rows in the order of a walk in depth, which keeps what hangs together beside each other.

    From the end of the last row backwards, so that the first things stay to the left.
    """
    seen: dict[int, None] = {}
    for row in rows:
        for start in row:
            if start in seen:
                continue
            pending = [start]
            while pending:
                here = pending.pop()
                if here not in seen:
                    seen[here] = None
                    pending += [one for one in reversed(after[here]) if one not in seen]
                    pending += [one for one in reversed(before[here]) if one not in seen]
    place = {one: number for number, one in enumerate(seen)}
    return [sorted(row, key=place.__getitem__) for row in rows]


def _sweep(rows: list[list[int]], joined: Neighbours, *, downwards: bool) -> None:
    numbers = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
    for number in numbers:
        fixed = rows[number - 1 if downwards else number + 1]
        place = {one: at for at, one in enumerate(fixed)}
        rows[number] = _by_mean(rows[number], joined, place)


def _by_mean(row: list[int], joined: Neighbours, place: dict[int, int]) -> list[int]:
    """A row by the means of what its things are joined to; what is joined to nothing stays."""
    means = {
        here: sum(place[one] for one in joined[here]) / len(joined[here])
        for here in row
        if joined[here]
    }
    moved = iter(sorted(means, key=means.__getitem__))
    return [next(moved) if here in means else here for here in row]


def _exchange(rows: list[list[int]], before: Neighbours, after: Neighbours) -> None:
    for _ in range(_PATIENCE):
        better = False
        for number, row in enumerate(rows):
            above = _places(rows, number - 1)
            below = _places(rows, number + 1)
            up = {here: sorted(above[one] for one in before[here]) for here in row}
            down = {here: sorted(below[one] for one in after[here]) for here in row}
            for at in range(len(row) - 1):
                left, right = row[at], row[at + 1]
                gain = _gain(up[left], up[right]) + _gain(down[left], down[right])
                if gain > 0:
                    row[at], row[at + 1] = right, left
                    better = True
        if not better:
            return


def _places(rows: Sequence[Sequence[int]], number: int) -> dict[int, int]:
    row = rows[number] if 0 <= number < len(rows) else ()
    return {one: at for at, one in enumerate(row)}


def _gain(left: Sequence[int], right: Sequence[int]) -> int:
    """How many crossings fewer there are with two neighbours exchanged; their ends sorted."""
    now = sum(bisect_left(right, end) for end in left)
    then = sum(bisect_left(left, end) for end in right)
    return now - then
