"""Which row each thing of a layered drawing stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Neighbours: TypeAlias = Sequence[Sequence[int]]
"""By number, the numbers of the neighbours in one direction."""


def ranks_of(
    before: Neighbours, after: Neighbours, widths: Sequence[float], limit: float
) -> list[int]:
    """The row of each thing: below all that it comes after, and no row much wider than the limit.

    By the longest way to it; what nothing comes before moves down to what it is for, which keeps
    arrows short. Where a row is full, things move to the next one (as Coffman and Graham do it,
    "Optimal scheduling for two-processor systems", 1972, by width instead of number).

    Args:
        before: what each comes after.
        after: what comes after each.
        widths: how wide each is.
        limit: how wide a row may be; a single thing may be wider.
    """
    order = topological(before, after)
    ranks = [0] * len(before)
    for here in order:
        ranks[here] = max((ranks[one] + 1 for one in before[here]), default=0)
    for here in reversed(order):
        if after[here] and not before[here]:
            ranks[here] = min(ranks[one] for one in after[here]) - 1
    return _folded(order, before, ranks, widths, limit)


def topological(before: Neighbours, after: Neighbours) -> list[int]:
    """Every number once, after those before it; else as they are numbered.

    Those in a circle, and what comes after them, are left out.
    """
    missing = [len(set(each)) for each in before]
    order = [here for here, number in enumerate(missing) if not number]
    for here in order:
        for one in dict.fromkeys(after[here]):
            missing[one] -= 1
            if not missing[one]:
                order.append(one)
    return order


def _folded(
    order: Sequence[int],
    before: Neighbours,
    wished: Sequence[int],
    widths: Sequence[float],
    limit: float,
) -> list[int]:
    ranks = [0] * len(before)
    filled: dict[int, float] = {}
    position = {here: place for place, here in enumerate(order)}
    for here in sorted(order, key=lambda one: (wished[one], position[one])):
        rank = max((ranks[one] + 1 for one in before[here]), default=0)
        rank = max(rank, wished[here])
        while filled.get(rank, 0.0) and filled[rank] + widths[here] > limit:
            rank += 1
        ranks[here] = rank
        filled[rank] = filled.get(rank, 0.0) + widths[here]
    return _without_gaps(ranks)


def _without_gaps(ranks: Sequence[int]) -> list[int]:
    used: Mapping[int, int] = {rank: row for row, rank in enumerate(sorted(set(ranks)))}
    return [used[rank] for rank in ranks]
