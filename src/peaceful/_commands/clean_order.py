"""The order in which items are cleaned up, with those that have left the flow among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from peaceful._commands.ownership import item_named_by
from peaceful._errors.usage import CycleFound
from peaceful._graph.graph import Edge, Graph, GraphBuilder
from peaceful._model.codec import ItemId


def clean_order(
    flow: Graph,
    left: Collection[ItemId],
    needs: Mapping[ItemId, Iterable[ItemId]],
    only: Collection[ItemId] = (),
) -> tuple[Graph, Graph]:
    """Return two graphs of the items to be cleaned up, one after the other.

    The first has removed items of which it is not stored what they stood on: without edges, the
    last stored first. In the other, which is to be gone through backwards, each item comes before
    those that it stands on, whichever of them have left the flow. What is stored may be of
    different times: where it contradicts itself, what was stored last is right.

    Args:
        flow: the items of the flow.
        left: the items that have left it, the last stored first; limited to `only`.
        needs: by stored item, what it stood on then; what was stored last comes first.
        only: the items that are to be cleaned up; empty for all.
    """
    stored = _stored_edges(flow, needs) if left else []
    tied = {item for edge in stored for item in (edge.source, edge.target)}
    alone = _graph((name for name in left if name not in tied), ())
    kept = [item for item in flow if not only or item in only]
    if not tied:
        return alone, flow.restricted_to(kept) if only else flow
    others = [name for name in needs if name not in flow and name in tied]
    graph = _acyclic((*flow.order, *others[::-1]), flow.edges, stored)
    return alone, graph.restricted_to((*kept, *(name for name in left if name in tied)))


def _stored_edges(flow: Graph, needs: Mapping[ItemId, Iterable[ItemId]]) -> list[Edge]:
    """Return the edges to and from removed items, what was stored last first."""
    removed = [name for name in needs if name not in flow]
    places: dict[ItemId, list[ItemId]] = {}
    for name in removed:
        # What stood on an item may stand on what the item was before it moved.
        for item in {name, item_named_by(name)}:
            places.setdefault(item, []).append(name)
    return [
        Edge(source, name)
        for name, needed in needs.items()
        for item in needed
        # Between items of the flow, its own edges hold.
        for source in (
            *places.get(item, ()),
            *([item] if item in flow and name not in flow else []),
        )
        if source != name
    ]


def _acyclic(items: Iterable[ItemId], edges: Iterable[Edge], stored: list[Edge]) -> Graph:
    """Return the graph of all edges, but for stored ones that would close a circle."""
    items, edges, kept = [*items], [*edges], dict.fromkeys(stored)
    while True:
        try:
            return _graph(items, (*edges, *kept))
        except CycleFound as found:
            around = {*zip(found.cycle, found.cycle[1:], strict=False)}
            oldest = [edge for edge in kept if (edge.source, edge.target) in around][-1]
            del kept[oldest]


def _graph(items: Iterable[ItemId], edges: Iterable[Edge]) -> Graph:
    builder = GraphBuilder()
    for item in items:
        builder.add_node(item)
    for edge in edges:
        builder.add_edge(edge.source, edge.target, edge.kind)
    return builder.build()
