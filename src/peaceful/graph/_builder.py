"""Building a graph, node by node, with each mistake found where it is made."""

from __future__ import annotations

from peaceful.errors import ContainedTwice, CycleFound, NameTaken, NameUnknown
from peaceful.graph._edge import Edge, EdgeKind
from peaceful.graph._graph import Graph
from peaceful.graph._links import linked
from peaceful.model import ItemId


class GraphBuilder:
    """Takes nodes and edges, and makes a graph of them."""

    __slots__ = ("_containers", "_edges", "_position")

    def __init__(self) -> None:
        self._position: dict[ItemId, int] = {}
        self._edges: dict[Edge, None] = {}
        self._containers: dict[ItemId, ItemId] = {}

    def __contains__(self, item: object) -> bool:
        """Whether there is a node with that ID."""
        return item in self._position

    def add_node(self, item: ItemId) -> None:
        """Add a node.

        Raises:
            NameTaken: there is one with that ID.
        """
        if item in self._position:
            raise NameTaken("item", item)
        self._position[item] = len(self._position)

    def add_edge(self, source: ItemId, target: ItemId, kind: EdgeKind = EdgeKind.LOGIC) -> None:
        """Add an edge; the same edge twice is one edge.

        Args:
            source: what comes first, or holds the other.
            target: what waits for it, or is held by it.
            kind: what the edge means.

        Raises:
            NameUnknown: one of them was not added.
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
        """The graph of what was added so far; the builder can go on to be used.

        Raises:
            CycleFound: items wait for each other. It names a shortest cycle, in order; in graphs of
                many thousands of items, a short one.
        """
        position = dict(self._position)
        pairs = ((position[edge.source], position[edge.target]) for edge in self._edges)
        return Graph(links=linked(position, pairs), edges=tuple(self._edges))
