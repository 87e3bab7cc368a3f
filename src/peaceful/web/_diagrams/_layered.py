"""Things in rows, with lines between them that only go down: one level of a drawing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from peaceful.web._diagrams._columns import columns
from peaceful.web._diagrams._mesh import Mesh, Tie
from peaceful.web._diagrams._model import Point
from peaceful.web._diagrams._order import ordered
from peaceful.web._diagrams._ranks import ranks_of
from peaceful.web._diagrams._squeezed import squeezed
from peaceful.web._diagrams._straight import End, straightened

BESIDE: Final = 16.0
"""The room between two things in a row."""

_BELOW: Final = 30.0
"""The room between two rows, through which lines go."""

_MORE_BELOW: Final = 2.0
_MOST_BELOW: Final = 30.0
"""For each line between two rows there is a little more room, up to this."""

AT_PORT: Final = 16.0
"""The room between where lines come in and the first row."""

_AFTER_PORT: Final = 6.0
"""The room between the last row and where lines go out."""

_JOINT: Final = 8.0
"""The room for a line that passes through a row."""


@dataclass(frozen=True, slots=True)
class Layered:
    """Where everything is.

    Attributes:
        width: of all.
        height: of all.
        spots: by number, the upper left corner of each thing.
        ways: of each tie, the points that it goes through.
    """

    width: float
    height: float
    spots: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]


def layered(
    sizes: Sequence[tuple[float, float]],
    ties: Sequence[Tie],
    limit: float,
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Layered:
    """Puts things in rows, so that every line goes down: Sugiyama, Tagawa and Toda, 1981.

    Args:
        sizes: by number, width and height.
        ties: the lines, without circles.
        limit: how wide a row may become, where that can be helped.
        first: what stands above all else: where lines come in.
        last: what stands below all else: where lines go out.
    """
    ranks = _ranks(sizes, ties, limit, first, last)
    mesh = Mesh.of(ranks, ties)
    rows: list[list[int]] = [[] for _ in range(max(mesh.ranks, default=-1) + 1)]
    for here, rank in enumerate(mesh.ranks):
        rows[rank].append(here)
    rows = ordered(rows, mesh.before, mesh.after)
    lefts = _lefts(rows, mesh, sizes, ties, limit)
    heights = [max((sizes[one][1] for one in row if one < len(sizes)), default=0.0) for row in rows]
    tops = _tops(heights, _gaps(rows, mesh, first, last))
    bottoms = [top + height for top, height in zip(tops, heights, strict=False)]
    spots = tuple((lefts[here], tops[rank]) for here, rank in enumerate(ranks))
    ways: list[tuple[Point, ...]] = []
    for tie, chain in zip(ties, mesh.chains, strict=True):
        x, y = spots[tie.source]
        begin = (x + tie.out, y + sizes[tie.source][1])
        points = [begin, (begin[0], bottoms[ranks[tie.source]])]
        for joint in chain:
            row = mesh.ranks[joint]
            points += [(lefts[joint], tops[row]), (lefts[joint], bottoms[row])]
        x, y = spots[tie.target]
        ways.append((*points, (x + tie.into, y)))
    rights = (x + width for x, (width, _) in zip(lefts, sizes, strict=False))
    width = max([*rights, *lefts[len(sizes) :]], default=0.0)
    return Layered(width, bottoms[-1] if rows else 0.0, spots, tuple(ways))


def _lefts(
    rows: Sequence[Sequence[int]],
    mesh: Mesh,
    sizes: Sequence[tuple[float, float]],
    ties: Sequence[Tie],
    limit: float,
) -> list[float]:
    """By number, the left edge of each thing, and where each joint is; the least is 0."""
    number, many = len(sizes), len(mesh.ranks)
    sides = [BESIDE / 2 if here < number else _JOINT / 2 for here in range(many)]
    widths = [(sizes[here][0] if here < number else 0.0) + 2 * sides[here] for here in range(many)]
    joints = [here >= number for here in range(many)]
    middles = columns(rows, mesh.before, mesh.after, widths, joints)
    middles = squeezed(rows, middles, widths, limit)
    lefts = [x - width / 2 for x, width in zip(middles, widths, strict=True)]
    lefts = straightened(rows, lefts, widths, _ends(ties, mesh, sides), joints)
    inner = [left + side for left, side in zip(lefts, sides, strict=True)]
    least = min(inner, default=0.0)
    return [x - least for x in inner]


def _ends(ties: Sequence[Tie], mesh: Mesh, sides: Sequence[float]) -> list[tuple[End, End]]:
    """Of each piece of a line, where it begins and where it ends."""
    ends: dict[tuple[End, End], None] = {}
    for tie, chain in zip(ties, mesh.chains, strict=True):
        begin = (tie.source, sides[tie.source] + tie.out)
        end = (tie.target, sides[tie.target] + tie.into)
        way = [begin, *((joint, sides[joint]) for joint in chain), end]
        ends.update(dict.fromkeys(pairwise(way)))
    return list(ends)


def _ranks(
    sizes: Sequence[tuple[float, float]],
    ties: Sequence[Tie],
    limit: float,
    first: Collection[int],
    last: Collection[int],
) -> list[int]:
    ports = {*first, *last}
    before: list[list[int]] = [[] for _ in sizes]
    after: list[list[int]] = [[] for _ in sizes]
    for tie in ties:
        if tie.source not in ports and tie.target not in ports:
            before[tie.target].append(tie.source)
            after[tie.source].append(tie.target)
    inner = [here for here in range(len(sizes)) if here not in ports]
    number = {here: at for at, here in enumerate(inner)}
    found = ranks_of(
        [[number[one] for one in before[here]] for here in inner],
        [[number[one] for one in after[here]] for here in inner],
        [sizes[here][0] + BESIDE for here in inner],
        limit,
    )
    begin = 1 if first else 0
    end = begin + max(found, default=-1) + 1
    return [
        0 if here in first else end if here in last else begin + found[number[here]]
        for here in range(len(sizes))
    ]


def _gaps(
    rows: Sequence[Sequence[int]], mesh: Mesh, first: Collection[int], last: Collection[int]
) -> list[float]:
    """The room below each row but the last."""
    gaps: list[float] = []
    for at, row in enumerate(rows[:-1]):
        number = sum(len(mesh.after[one]) for one in row)
        room = _BELOW + min(_MORE_BELOW * max(0, number - len(row)), _MOST_BELOW)
        if at == len(rows) - 2 and last:
            room = _AFTER_PORT
        gaps.append(AT_PORT if at == 0 and first else room)
    return gaps


def _tops(heights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    tops = [0.0]
    for height, gap in zip(heights, gaps, strict=False):
        tops.append(tops[-1] + height + gap)
    return tops
