"""The graph in numbers: who comes before and after whom, by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from peaceful.errors import CycleFound
from peaceful.graph._cycle import shortest_cycle
from peaceful.graph._order import topological_order
from peaceful.model import ItemId

Neighbours: TypeAlias = tuple[tuple[int, ...], ...]
"""By position, the positions of the neighbours in one direction, ascending."""


class Links(msgspec.Struct, frozen=True, eq=False):
    """Who waits for whom, by position: what passes over a graph work on.

    Positions from 0 to `len(ids) - 1` are the nodes, as they were inserted. Positions above are
    *joints*: they stand for nodes that were left out of a restricted graph and still lie on a way
    between two that were kept. A joint is nothing to work on; it only hands the order on.

    Attributes:
        ids: by position, the node's ID.
        position: by ID, the node's position.
        before: by position, what it waits for.
        after: by position, what waits for it.
        order: every position once, each after those it waits for.
    """

    ids: tuple[ItemId, ...]
    position: Mapping[ItemId, int]
    before: Neighbours
    after: Neighbours
    order: tuple[int, ...]

    def ranks(self) -> list[int]:
        """By position, how many nodes the longest way to it goes through. Joints do not count."""
        nodes = len(self.ids)
        ranks = [0] * len(self.before)
        for here in self.order:
            ranks[here] = max(
                (ranks[place] + (place < nodes) for place in self.before[here]), default=0
            )
        return ranks

    def nearest(self, start: int, neighbours: Neighbours) -> list[int]:
        """The nodes next to one position in one direction, seen through joints, ascending."""
        nodes = len(self.ids)
        if len(neighbours) == nodes:
            return list(neighbours[start])  # as nothing was left out, there are no joints
        found: set[int] = set()
        joints = {start: None}
        pending = [start]
        for here in pending:
            for place in neighbours[here]:
                if place < nodes:
                    found.add(place)
                elif place not in joints:
                    joints[place] = None
                    pending.append(place)
        return sorted(found)

    def restricted(self, kept: Iterable[int]) -> Links:
        """The same over fewer nodes; those left out that lie between kept ones become joints."""
        is_kept = bytearray(len(self.before))
        for place in kept:
            is_kept[place] = 1
        has_kept_before = _marked(is_kept, self.order, self.before)
        has_kept_after = _marked(is_kept, reversed(self.order), self.after)
        nodes = [place for place in range(len(self.ids)) if is_kept[place]]
        joints = [
            place
            for place in self.order
            if has_kept_before[place] and has_kept_after[place] and not is_kept[place]
        ]
        renumbered = {old: new for new, old in enumerate((*nodes, *joints))}
        raw = [
            [renumbered[place] for place in self.after[old] if place in renumbered]
            for old in renumbered
        ]
        before = transposed(raw)
        ids = tuple(self.ids[place] for place in nodes)
        return Links(
            ids=ids,
            position={item: place for place, item in enumerate(ids)},
            before=before,
            after=transposed(before),
            order=tuple(renumbered[old] for old in self.order if old in renumbered),
        )


def _marked(kept: bytearray, order: Iterable[int], neighbours: Neighbours) -> bytearray:
    """By position, whether a way through `neighbours` leads to something kept."""
    marks = bytearray(len(kept))
    for here in order:
        marks[here] = any(kept[place] or marks[place] for place in neighbours[here])
    return marks


def transposed(lists: Sequence[Sequence[int]]) -> Neighbours:
    """The neighbours in the other direction. Done twice, it sorts them, in linear time."""
    turned: list[list[int]] = [[] for _ in lists]
    for here, places in enumerate(lists):
        for place in places:
            turned[place].append(here)
    return tuple(tuple(places) for places in turned)


def linked(position: Mapping[ItemId, int], pairs: Iterable[tuple[int, int]]) -> Links:
    """The links of a whole graph.

    Args:
        position: the position of each ID, from 0 upwards, in that order.
        pairs: (before, after), by position; the same pair may come twice.

    Raises:
        CycleFound: nodes wait for each other.
    """
    ids = tuple(position)
    raw: list[list[int]] = [[] for _ in ids]
    for source, target in dict.fromkeys(pairs):
        raw[source].append(target)
    before = transposed(raw)
    after = transposed(before)
    order, cycle = topological_order(before)
    if cycle:
        named = [ids[place] for place in shortest_cycle(after, cycle)]
        raise CycleFound([*named, named[0]])
    return Links(ids=ids, position=position, before=before, after=after, order=tuple(order))
