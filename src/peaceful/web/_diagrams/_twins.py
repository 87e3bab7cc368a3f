"""Nodes that stand alike: what comes before them, and what after, is the same for all of them.

Sixty items that wait for the same one would need sixty arrows side by side. They are put into a
block instead, and one arrow leads to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from peaceful.web._diagrams._model import Link, Node

_SINGLE: Final = 6
"""So many nodes that stand alike are shown one by one."""

_LINES: Final = 8
"""So many arrows at one side of them are shown one by one."""

_BETWEEN: Final = 8.0
_WIDER_THAN_HIGH: Final = 2.0

FRAME: Final = 8.0
"""The room between a frame and the nodes in it."""


@dataclass(frozen=True, slots=True)
class Twins:
    """Which nodes are shown as one block.

    Attributes:
        members: by block, its members; blocks have names that no node has.
        block_of: by node, the name of the block or the node itself.
        links: between blocks and other nodes, each once.
    """

    members: Mapping[str, tuple[str, ...]]
    block_of: Mapping[str, str]
    links: tuple[Link, ...]


def twins_of(nodes: Sequence[Node], links: Sequence[Link]) -> Twins:
    """Finds the nodes that are shown as blocks."""
    before: dict[str, set[tuple[str, bool]]] = {node.id: set() for node in nodes}
    after: dict[str, set[tuple[str, bool]]] = {node.id: set() for node in nodes}
    for link in links:
        before[link.target].add((link.source, link.back))
        after[link.source].add((link.target, link.back))
    holding = {node.inside for node in nodes}
    alike: dict[object, list[str]] = {}
    for node in nodes:
        if node.id not in holding:
            key = node.inside, node.look, frozenset(before[node.id]), frozenset(after[node.id])
            alike.setdefault(key, []).append(node.id)
    members = {
        f"\n{ids[0]}": tuple(ids)
        for ids in alike.values()
        if _is_block(len(ids), max(len(before[ids[0]]), len(after[ids[0]])))
    }
    block_of = {node.id: node.id for node in nodes}
    block_of.update({each: name for name, ids in members.items() for each in ids})
    merged = dict.fromkeys(
        Link(block_of[one.source], block_of[one.target], one.back) for one in links
    )
    return Twins(members, block_of, tuple(merged))


def _is_block(number: int, lines: int) -> bool:
    return number > _SINGLE or (number > 2 and number * lines > _LINES)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the members of a block are in it.

    Attributes:
        width: of the block.
        height: of the block.
        spots: by member, the left and upper edge, the width and the height.
    """

    width: float
    height: float
    spots: Mapping[str, tuple[float, float, float, float]]


def grid_of(
    members: Iterable[str], sizes: Mapping[str, tuple[float, float]], limit: float, frame: float
) -> Grid:
    """Puts the members of a block side by side in rows, all as wide as the widest.

    Args:
        members: their IDs.
        sizes: by ID, width and height.
        limit: how wide the block may be.
        frame: the room around them.
    """
    ids = tuple(members)
    width = max(sizes[one][0] for one in ids)
    height = max(sizes[one][1] for one in ids)
    wide, high = width + _BETWEEN, height + _BETWEEN
    number = ceil(sqrt(len(ids) * _WIDER_THAN_HIGH * high / wide))
    most = max(1, min(len(ids), int((limit - 2 * frame + _BETWEEN) // wide)))
    # A little wider than wished for, where the last row is fuller then.
    choices = range(min(number, most), min(number + 2, most) + 1)
    number = min(choices, key=lambda one: -len(ids) % one)
    rows = ceil(len(ids) / number)
    spots = {
        one: (frame + at % number * wide, frame + at // number * high, width, height)
        for at, one in enumerate(ids)
    }
    return Grid(2 * frame + number * wide - _BETWEEN, 2 * frame + rows * high - _BETWEEN, spots)
