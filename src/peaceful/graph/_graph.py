"""A directed graph without cycles, as it was built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from peaceful.errors import NameUnknown
from peaceful.graph._edge import Edge, EdgeKind
from peaceful.graph._links import Links
from peaceful.model import ItemId


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Items and which of them wait for which. Made by `GraphBuilder.build`.

    Attributes:
        links: the same in numbers, for passes over the graph.
        edges: every edge once, as they were added. In a restricted graph, those between kept items;
            ways through items that were left out are not among them, and are kept in order alike.
    """

    links: Links = field(repr=False)
    edges: tuple[Edge, ...]
    _containers: Mapping[ItemId, ItemId] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the containers."""
        inside = {edge.target: edge.source for edge in self.edges if edge.kind is EdgeKind.CONTAINS}
        object.__setattr__(self, "_containers", inside)

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.links.ids)

    def __iter__(self) -> Iterator[ItemId]:
        """The items, as they were inserted."""
        return iter(self.links.ids)

    def __contains__(self, item: object) -> bool:
        """Whether there is an item with that ID."""
        return item in self.links.position

    @property
    def order(self) -> tuple[ItemId, ...]:
        """The items as inserted, except that each is preceded by what it waits for.

        An insertion order in which everything comes after what it waits for is kept as it is.
        Takes time in proportion to the nodes.
        """
        ids = self.links.ids
        return tuple(ids[place] for place in self.links.order if place < len(ids))

    def predecessors(self, item: ItemId) -> tuple[ItemId, ...]:
        """What an item waits for directly: no other kept item lies between. As inserted.

        Raises:
            NameUnknown: there is no such item.
        """
        ids = self.links.ids
        places = self.links.nearest(self._place(item), self.links.before)
        return tuple(ids[place] for place in places)

    def container_of(self, item: ItemId) -> ItemId | None:
        """The item that holds this one, or none.

        Raises:
            NameUnknown: there is no such item.
        """
        self._place(item)
        return self._containers.get(item)

    def layers(self) -> tuple[tuple[ItemId, ...], ...]:
        """The items by rank: first those that wait for nothing, then those that wait only for them.

        Items of one layer do not wait for each other. Each layer is as inserted.
        """
        ranks = self.links.ranks()
        layers: list[list[ItemId]] = [[] for _ in range(max(ranks[: len(self)], default=-1) + 1)]
        for item, rank in zip(self.links.ids, ranks, strict=False):
            layers[rank].append(item)
        return tuple(map(tuple, layers))

    def restricted_to(self, items: Iterable[ItemId]) -> Graph:
        """The graph over these items only, as `--only` asks for it.

        Order is kept exactly: of two kept items, one waits for the other if it did before, and also
        where the way between them leads through items that were left out. Edges from each to each
        could be quadratic (a hub left out between a thousand items on both sides), so those left
        out that lie between kept ones stay inside as joints, which nobody sees and passes go
        through at no charge: time and memory are in proportion to nodes and edges.

        An item whose container is left out moves to the nearest kept container around it.

        Args:
            items: the items to keep, in any order; they stay in the order of this graph.

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
