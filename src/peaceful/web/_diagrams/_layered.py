"""Things in rows, with lines between them that only go down: one level of a drawing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful.web._diagrams._columns import columns
from peaceful.web._diagrams._model import Point
from peaceful.web._diagrams._order import ordered
from peaceful.web._diagrams._ranks import Neighbours, ranks_of

BESIDE: Final = 16.0
"""The room between two things in a row."""

_BELOW: Final = 30.0
"""The room between two rows, through which lines go."""

_MORE_BELOW: Final = 2.0
_MOST_BELOW: Final = 30.0
"""For each line between two rows there is a little more room, up to this."""

_AT_PORT: Final = 16.0
"""The room between the first row and where lines come in, and likewise where they go out."""

_JOINT: Final = 8.0
"""The room for a line that passes through a row."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A line from one thing to another.

    Attributes:
        source: the number of the thing that it comes from.
        target: the number of the thing that it leads to.
        out: where it leaves, from the left edge of its source.
        into: where it arrives, from the left edge of its target.
    """

    source: int
    target: int
    out: float
    into: float


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
    mesh = _Mesh.made(ranks, ties)
    sides = [width + BESIDE for width, _ in sizes]
    widths = [*sides, *([_JOINT] * (len(mesh.ranks) - len(sizes)))]
    rows: list[list[int]] = [[] for _ in range(max(mesh.ranks, default=-1) + 1)]
    for here, rank in enumerate(mesh.ranks):
        rows[rank].append(here)
    rows = ordered(rows, mesh.before, mesh.after)
    joints = [here >= len(sizes) for here in range(len(mesh.ranks))]
    middles = columns(rows, mesh.before, mesh.after, widths, joints)
    heights = [max((sizes[one][1] for one in row if one < len(sizes)), default=0.0) for row in rows]
    tops = _tops(heights, _gaps(rows, mesh, first, last))
    spots = tuple(
        (middles[here] - width / 2 - BESIDE / 2, tops[mesh.ranks[here]])
        for here, (width, _) in enumerate(sizes)
    )
    ways = tuple(
        _way(
            tie,
            chain,
            sizes,
            spots,
            [middles[one] - BESIDE / 2 for one in chain],
            mesh,
            tops,
            heights,
        )
        for tie, chain in zip(ties, mesh.chains, strict=True)
    )
    width = max((x + sizes[here][0] for here, (x, _) in enumerate(spots)), default=0.0)
    beyond = max((x for way in ways for x, _ in way), default=0.0)
    return Layered(max(width, beyond), (tops[-1] + heights[-1]) if rows else 0.0, spots, ways)


@dataclass(frozen=True, slots=True)
class _Mesh:
    """Things, and joints where lines pass through rows: all lines lead to the next row.

    Lines of one thing share their joints, so that they part where they have to.
    """

    ranks: list[int]
    before: Neighbours
    after: Neighbours
    chains: list[list[int]]

    @classmethod
    def made(cls, ranks: Sequence[int], ties: Sequence[Tie]) -> _Mesh:
        all_ranks = list(ranks)
        joints: dict[tuple[int, float, int], int] = {}
        pairs: dict[tuple[int, int], None] = {}
        chains: list[list[int]] = []
        for tie in ties:
            chain: list[int] = []
            for rank in range(ranks[tie.source] + 1, ranks[tie.target]):
                key = (tie.source, tie.out, rank)
                if key not in joints:
                    joints[key] = len(all_ranks)
                    all_ranks.append(rank)
                chain.append(joints[key])
            way = [tie.source, *chain, tie.target]
            pairs.update(dict.fromkeys(zip(way, way[1:], strict=False)))
            chains.append(chain)
        before: list[list[int]] = [[] for _ in all_ranks]
        after: list[list[int]] = [[] for _ in all_ranks]
        for source, target in pairs:
            after[source].append(target)
            before[target].append(source)
        return cls(all_ranks, before, after, chains)


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
    rows: Sequence[Sequence[int]], mesh: _Mesh, first: Collection[int], last: Collection[int]
) -> list[float]:
    """The room below each row but the last."""
    gaps: list[float] = []
    for at, row in enumerate(rows[:-1]):
        number = sum(len(mesh.after[one]) for one in row)
        room = _BELOW + min(_MORE_BELOW * max(0, number - len(row)), _MOST_BELOW)
        comes_in, goes_out = at == 0 and bool(first), at == len(rows) - 2 and bool(last)
        gaps.append(_AT_PORT if comes_in or goes_out else room)
    return gaps


def _tops(heights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    tops = [0.0]
    for height, gap in zip(heights, gaps, strict=False):
        tops.append(tops[-1] + height + gap)
    return tops


def _way(
    tie: Tie,
    chain: Sequence[int],
    sizes: Sequence[tuple[float, float]],
    spots: Sequence[Point],
    joints: Sequence[float],
    mesh: _Mesh,
    tops: Sequence[float],
    heights: Sequence[float],
) -> tuple[Point, ...]:
    x, y = spots[tie.source]
    row = mesh.ranks[tie.source]
    points = [(x + tie.out, y + sizes[tie.source][1]), (x + tie.out, tops[row] + heights[row])]
    for joint, at in zip(chain, joints, strict=True):
        row = mesh.ranks[joint]
        points += [(at, tops[row]), (at, tops[row] + heights[row])]
    x, y = spots[tie.target]
    return (*points, (x + tie.into, y))
