"""Drawings made narrower, where straight lines have pulled them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

_ROOM: Final = 1.15
"""How much wider than its widest row a drawing may be, however wide that is."""


def squeezed(
    rows: Sequence[Sequence[int]], middles: Sequence[float], widths: Sequence[float], limit: float
) -> list[float]:
    """Moves everything together where a drawing is wider than it may be, then apart what overlaps.

    What stood below each other still does, but for crowded rows. In these, everything moves as
    little as can be (least squares, by pooling neighbours that would overlap: Ayer, Brunk, Ewing,
    Reid and Silverman, "An empirical distribution function for sampling with incomplete
    information", 1955).

    Args:
        rows: what stands in each row, from left to right.
        middles: by thing, where its middle is.
        widths: by thing, how wide it is, with the room at its sides.
        limit: how wide the drawing may be; never narrower than its rows.
    """
    now = max((x + width / 2 for x, width in zip(middles, widths, strict=True)), default=0.0)
    wanted = max(limit, _ROOM * max((sum(widths[one] for one in row) for row in rows), default=0.0))
    if now <= wanted:
        return list(middles)
    found = list(middles)
    for row in rows:
        # Where the middle of each would be, were all of them as far to the left as can be.
        starts = [0.0, *accumulate(widths[one] for one in row)]
        tightest = [starts[at] + widths[one] / 2 for at, one in enumerate(row)]
        wishes = [middles[one] * wanted / now - x for one, x in zip(row, tightest, strict=True)]
        most = wanted - starts[-1]
        for one, shift, x in zip(row, _ascending(wishes), tightest, strict=True):
            found[one] = min(max(shift, 0.0), most) + x
    return found


def _ascending(values: Sequence[float]) -> list[float]:
    """The nearest numbers, by the sum of squares, of which none is less than the one before."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, number = value, 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean = (mean * number + before * many) / (number + many)
            number += many
        pools.append((mean, number))
    return [mean for mean, number in pools for _ in range(number)]
