"""The diagram of progress: the items of a flow, and what waits for what."""

from __future__ import annotations

from collections.abc import Mapping

from peaceful.graph import EdgeKind
from peaceful.model import JsonValue
from peaceful.runtime import BuiltFlow
from peaceful.web._diagrams._model import Link, Node, Plan
from peaceful.web._diagrams._statuses import PENDING


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


def statuses_in(items: Mapping[str, JsonValue]) -> dict[str, str]:
    """By item, the word for how it stands in a diagram.

    Args:
        items: by item, how it stands, as the API tells it.
    """
    found: dict[str, str] = {}
    for item, view in items.items():
        word = view.get("status") if isinstance(view, Mapping) else None
        found[item] = str(word or PENDING)
    return found
