"""The items that a command is limited to."""

from __future__ import annotations

from collections.abc import Collection

from peaceful.graph import Graph
from peaceful.model import ItemId
from peaceful.runtime import BuiltFlow


def selected(flow: BuiltFlow, only: Collection[ItemId]) -> Graph:
    """The graph of the selected items; ways through others still order them.

    Args:
        flow: the flow.
        only: the selected items; empty for all.

    Raises:
        NameUnknown: the flow has no item of a given name.
    """
    return flow.graph.restricted_to(only) if only else flow.graph
