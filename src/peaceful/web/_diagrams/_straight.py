"""Things moved a little in their rows, so that lines go straight down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

End: TypeAlias = tuple[int, float]
"""An end of a line: a thing, and how far from its left edge."""

_ROUNDS: Final = 2
_STRAIGHT: Final = 0.5


def straightened(
    rows: Sequence[Sequence[int]],
    lefts: Sequence[float],
    widths: Sequence[float],
    ends: Sequence[tuple[End, End]],
    fixed: Sequence[bool],
) -> list[float]:
    """Moves what has no straight line as far as it takes to get one, where there is room.

    Things were aligned by their middles; but what holds others, lines enter and leave elsewhere.

    Args:
        rows: what stands in each row, from left to right.
        lefts: by thing, its left edge.
        widths: by thing, its width.
        ends: of each piece of a line between two rows, its upper and lower end.
        fixed: by thing, whether it stays where it is.

    Returns:
        By thing, its left edge.
    """
    found = list(lefts)
    joined: list[list[tuple[float, End]]] = [[] for _ in lefts]
    for (upper, out), (lower, into) in ends:
        joined[upper].append((out, (lower, into)))
        joined[lower].append((into, (upper, out)))
    for _ in range(_ROUNDS):
        for row in (*rows, *reversed(rows)):
            _straighten(row, found, widths, joined, fixed)
    return found


def _straighten(
    row: Sequence[int],
    lefts: list[float],
    widths: Sequence[float],
    joined: Sequence[Sequence[tuple[float, End]]],
    fixed: Sequence[bool],
) -> None:
    for before, here, after in zip((None, *row), row, (*row[1:], None), strict=False):
        if fixed[here] or not joined[here]:
            continue
        shifts = [lefts[other] + at - lefts[here] - mine for mine, (other, at) in joined[here]]
        shift = min(shifts, key=abs)
        if abs(shift) < _STRAIGHT:
            continue
        if before is not None:
            shift = max(shift, lefts[before] + widths[before] - lefts[here])
        if after is not None:
            shift = min(shift, lefts[after] - widths[here] - lefts[here])
        lefts[here] += shift
