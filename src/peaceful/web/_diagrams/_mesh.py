"""Lines cut into pieces, each of which leads from a row to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from peaceful.web._diagrams._ranks import Neighbours


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
class Mesh:
    """Things, and joints where lines pass through rows.

    Lines that leave a thing at one place share their joints, so that they part where they have to.

    Attributes:
        ranks: by number, the row of a thing; then of the joints.
        before: by number, what it is joined to in the row above.
        after: by number, what it is joined to in the row below.
        chains: of each line, its joints.
    """

    ranks: list[int]
    before: Neighbours
    after: Neighbours
    chains: list[list[int]]

    @classmethod
    def of(cls, ranks: Sequence[int], ties: Sequence[Tie]) -> Mesh:
        """Makes the joints that lines need.

        Args:
            ranks: the row of each thing.
            ties: the lines.
        """
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
            pairs.update(dict.fromkeys(pairwise(way)))
            chains.append(chain)
        before: list[list[int]] = [[] for _ in all_ranks]
        after: list[list[int]] = [[] for _ in all_ranks]
        for source, target in pairs:
            after[source].append(target)
            before[target].append(source)
        return cls(all_ranks, before, after, chains)
