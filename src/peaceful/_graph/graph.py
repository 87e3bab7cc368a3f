"""The acyclic graph of a flow's items, and its restriction to some of them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from peaceful._errors.usage import ContainedTwice, CycleFound, NameTaken, NameUnknown
from peaceful._model.codec import ItemId

Neighbours: TypeAlias = tuple[tuple[int, ...], ...]
"""By position, the positions of the neighbours in one direction, ascending."""

_UNSEEN, _OPEN, _PLACED = range(3)

_LEAST_BUDGET: Final = 100_000
"""Minimum of edges to look at: enough to be exact for some hundreds of items."""

_BUDGET_PER_SIZE: Final = 4
"""Edges to look at per node and edge, so that the search stays linear in large graphs."""


class EdgeKind(enum.StrEnum):
    """The meaning of an edge."""

    LOGIC = "logic"
    """The target waits for the source."""
    CONTAINS = "contains"
    """The source contains the target: the target waits for it, and is drawn inside it."""


class Edge(msgspec.Struct, frozen=True):
    """An edge from one item to another.

    Attributes:
        source: the item that comes first.
        target: the item that needs it.
        kind: the meaning of the edge.
    """

    source: ItemId
    target: ItemId
    kind: EdgeKind = EdgeKind.LOGIC


def topological_order(
    before: Sequence[Sequence[int]], starts: Iterable[int] | None = None
) -> tuple[list[int], list[int]]:
    """Return an order in which everything comes after what it waits for.

    Positions come in the order of `starts`, except that each is preceded by what it still waits
    for. So a valid order stays as it is. This is the depth-first order of Tarjan ("Edge-disjoint
    spanning trees and depth-first search", 1976), with an explicit stack.

    Args:
        before: by position, the positions that it waits for, ascending.
        starts: the positions to order, with all that they wait for; by default all, ascending.

    Returns:
        The order and an empty list; or the positions ordered so far, and a cycle.
    """
    order: list[int] = []
    phase = bytearray(len(before))
    for start in range(len(before)) if starts is None else starts:
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


def shortest_cycle(after: Sequence[Sequence[int]], known: Sequence[int]) -> list[int]:
    """Return the shortest cycle, beginning with its lowest position.

    Finding the shortest of all takes nodes times edges. The search therefore has a budget: within
    it, a breadth-first search from each position, those of the known cycle first; beyond it, the
    shortest cycle so far.
    """
    best = list(known)
    size = len(after) + sum(map(len, after))
    budget = max(_LEAST_BUDGET, _BUDGET_PER_SIZE * size)
    for start in dict.fromkeys((*known, *range(len(after)))):
        if budget <= 0:
            break
        shorter, looked_at = _cycle_through(after, start, len(best))
        budget -= looked_at
        best = shorter or best
    first = best.index(min(best))
    return best[first:] + best[:first]


def _cycle_through(after: Sequence[Sequence[int]], start: int, below: int) -> tuple[list[int], int]:
    """Return a shortest cycle through `start` with fewer than `below` nodes, if any; edges seen."""
    came_from = {start: start}
    looked_at = 1
    frontier = [start]
    length = 1
    while frontier and length < below:
        reached: list[int] = []
        for here in frontier:
            for place in after[here]:
                looked_at += 1
                if place == start:
                    return _way_back(came_from, here), looked_at
                if place not in came_from:
                    came_from[place] = here
                    reached.append(place)
        frontier = reached
        length += 1
    return [], looked_at


def _way_back(came_from: dict[int, int], end: int) -> list[int]:
    way = [end]
    while came_from[way[-1]] != way[-1]:
        way.append(came_from[way[-1]])
    return way[::-1]


class Links(msgspec.Struct, frozen=True, eq=False):
    """The graph by position, for algorithms.

    Positions from 0 to `len(ids) - 1` are the nodes, as they were inserted. Positions above are
    *joints*: they stand for nodes that are left out of a restricted graph and lie on a path between
    two that are kept. A joint only passes the order on.

    Attributes:
        position: the position of each ID.
        before: by position, the positions that it waits for.
        after: by position, the positions that wait for it.
        order: every position once, each after those it waits for.
    """

    ids: tuple[ItemId, ...]
    position: Mapping[ItemId, int]
    before: Neighbours
    after: Neighbours
    order: tuple[int, ...]

    def ranks(self) -> list[int]:
        """Return by position the number of nodes on the longest path to it, without joints."""
        nodes = len(self.ids)
        ranks = [0] * len(self.before)
        for here in self.order:
            ranks[here] = max(
                (ranks[place] + (place < nodes) for place in self.before[here]), default=0
            )
        return ranks

    def nearest(self, start: int, neighbours: Neighbours) -> list[int]:
        """Return the neighbouring nodes of a position, seen through joints, ascending."""
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
        """Return the graph of the kept positions; dropped nodes between them become joints."""
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
        before = transpose(raw)
        ids = tuple(self.ids[place] for place in nodes)
        return Links(
            ids=ids,
            position={item: place for place, item in enumerate(ids)},
            before=before,
            after=transpose(before),
            order=tuple(renumbered[old] for old in self.order if old in renumbered),
        )


def _marked(kept: bytearray, order: Iterable[int], neighbours: Neighbours) -> bytearray:
    """Return by position whether a path through `neighbours` leads to a kept position."""
    marks = bytearray(len(kept))
    for here in order:
        marks[here] = any(kept[place] or marks[place] for place in neighbours[here])
    return marks


def transpose(lists: Sequence[Sequence[int]]) -> Neighbours:
    """Return the neighbours in the other direction. Done twice, it sorts them, in linear time."""
    turned: list[list[int]] = [[] for _ in lists]
    for here, places in enumerate(lists):
        for place in places:
            turned[place].append(here)
    return tuple(tuple(places) for places in turned)


def link_nodes(position: Mapping[ItemId, int], pairs: Iterable[tuple[int, int]]) -> Links:
    """Return the links of a whole graph; raise `CycleFound` if nodes wait for each other.

    Args:
        position: the position of each ID, from 0 upwards, in that order.
        pairs: (before, after), by position; the same pair may come twice.
    """
    ids = tuple(position)
    raw: list[list[int]] = [[] for _ in ids]
    for source, target in dict.fromkeys(pairs):
        raw[source].append(target)
    before = transpose(raw)
    after = transpose(before)
    order, cycle = topological_order(before)
    if cycle:
        named = [ids[place] for place in shortest_cycle(after, cycle)]
        raise CycleFound([*named, named[0]])
    return Links(ids=ids, position=position, before=before, after=after, order=tuple(order))


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Items, and which of them wait for which. Made by `GraphBuilder.build`.

    Attributes:
        links: the same by position, for algorithms.
        edges: every edge once, as added. A restricted graph has those between kept items only;
            paths through items that were left out still keep their order.
    """

    links: Links = field(repr=False)
    edges: tuple[Edge, ...]
    _containers: Mapping[ItemId, ItemId] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inside = {edge.target: edge.source for edge in self.edges if edge.kind is EdgeKind.CONTAINS}
        object.__setattr__(self, "_containers", inside)

    def __len__(self) -> int:
        return len(self.links.ids)

    def __iter__(self) -> Iterator[ItemId]:
        """Iterate over the items as they were inserted."""
        return iter(self.links.ids)

    def __contains__(self, item: object) -> bool:
        return item in self.links.position

    @property
    def order(self) -> tuple[ItemId, ...]:
        """The items as inserted, except that each is preceded by what it waits for.

        A valid insertion order stays as it is.
        """
        ids = self.links.ids
        return tuple(ids[place] for place in self.links.order if place < len(ids))

    def predecessors(self, item: ItemId) -> tuple[ItemId, ...]:
        """Return what an item waits for directly, with no other kept item between, as inserted.

        Raises:
            NameUnknown: there is no such item.
        """
        ids = self.links.ids
        places = self.links.nearest(self._place(item), self.links.before)
        return tuple(ids[place] for place in places)

    def container_of(self, item: ItemId) -> ItemId | None:
        """Return the item that contains this one, or `None`; raise `NameUnknown` for no item."""
        self._place(item)
        return self._containers.get(item)

    def layers(self) -> tuple[tuple[ItemId, ...], ...]:
        """Return the items by rank: first those that wait for nothing.

        Items of one layer do not wait for each other. Each layer is as inserted.
        """
        ranks = self.links.ranks()
        layers: list[list[ItemId]] = [[] for _ in range(max(ranks[: len(self)], default=-1) + 1)]
        for item, rank in zip(self.links.ids, ranks, strict=False):
            layers[rank].append(item)
        return tuple(map(tuple, layers))

    def restricted_to(self, items: Iterable[ItemId]) -> Graph:
        """Return the graph of these items only, in the order of this graph, as for `--only`.

        The order is kept exactly: of two kept items, one waits for the other if it did before, also
        where the path between them leads through items that were left out. Edges from each to each
        could be quadratic (a hub left out between a thousand items on both sides), so dropped items
        between kept ones stay inside as joints: time and memory are in proportion to nodes and
        edges.

        An item whose container is left out moves to the nearest kept container around it.

        Raises:
            NameUnknown: there is no such item.
        """
        kept = set(items)
        links = self.links.restricted(map(self._place, kept))
        return Graph(links=links, edges=tuple(self._edges_between(kept)))

    def _edges_between(self, kept: set[ItemId]) -> Iterator[Edge]:
        nearest: dict[ItemId, ItemId | None] = {}
        # A container comes before what it holds, so the one around it is known by then.
        for item in self.order:
            around = self._containers.get(item)
            nearest[item] = around if around is None or around in kept else nearest[around]
        for edge in self.edges:
            if edge.target not in kept:
                continue
            if edge.kind is EdgeKind.CONTAINS:
                around = nearest[edge.target]
                if around is not None:
                    yield Edge(around, edge.target, EdgeKind.CONTAINS)
            elif edge.source in kept:
                yield edge

    def _place(self, item: ItemId) -> int:
        place = self.links.position.get(item)
        if place is None:
            raise NameUnknown("item", item, self.links.ids)
        return place


class GraphBuilder:
    """Collects nodes and edges, and builds a graph."""

    __slots__ = ("_containers", "_edges", "_position")

    def __init__(self) -> None:
        self._position: dict[ItemId, int] = {}
        self._edges: dict[Edge, None] = {}
        self._containers: dict[ItemId, ItemId] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._position

    def add_node(self, item: ItemId) -> None:
        """Add a node; raise `NameTaken` if there is one with that ID."""
        if item in self._position:
            raise NameTaken("item", item)
        self._position[item] = len(self._position)

    def add_edge(self, source: ItemId, target: ItemId, kind: EdgeKind = EdgeKind.LOGIC) -> None:
        """Add an edge; the same edge twice is one edge.

        Raises:
            NameUnknown: one of the nodes was not added.
            CycleFound: both are the same item. Longer cycles are found by `build`.
            ContainedTwice: the target is inside another container already.
        """
        for item in (source, target):
            if item not in self._position:
                raise NameUnknown("item", item, self._position)
        if source == target:
            raise CycleFound([source, target])
        if kind is EdgeKind.CONTAINS:
            container = self._containers.setdefault(target, source)
            if container != source:
                raise ContainedTwice(target, (container, source))
        self._edges[Edge(source, target, kind)] = None

    def build(self) -> Graph:
        """Return the graph of what was added so far; the builder remains usable.

        Raises:
            CycleFound: items wait for each other. It names a shortest cycle, in order; in graphs of
                many thousands of items, a short one.
        """
        position = dict(self._position)
        pairs = ((position[edge.source], position[edge.target]) for edge in self._edges)
        return Graph(links=link_nodes(position, pairs), edges=tuple(self._edges))
