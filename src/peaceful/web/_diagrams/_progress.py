"""The diagram of progress: the items of a flow, and what waits for what."""

from __future__ import annotations

from peaceful.graph import EdgeKind
from peaceful.runtime import BuiltFlow
from peaceful.web._diagrams._model import Link, Node, Plan


def progress_plan(flow: BuiltFlow) -> Plan:
    """Items as boxes, in the boxes of those that contain them; an arrow leads to what waits."""
    graph = flow.graph
    return Plan(
        flow=flow.id,
        shows="what waits for what",
        nodes=tuple(
            Node(id=item, label=item, inside=graph.container_of(item), item=item)
            for item in graph.order
        ),
        links=tuple(
            Link(edge.source, edge.target) for edge in graph.edges if edge.kind is EdgeKind.LOGIC
        ),
    )
