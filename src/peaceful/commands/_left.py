"""Items that have left the flow: from what is stored of them, they can still be cleaned up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from peaceful.commands._item_access import item_from_stored
from peaceful.graph import Graph, GraphBuilder
from peaceful.item import AnyItem, Item
from peaceful.model import ItemId
from peaceful.runtime import BuiltFlow
from peaceful.storage import StoredState


@dataclass(frozen=True, slots=True)
class LeftItems:
    """Items that are stored and that the flow does not have any more.

    Attributes:
        items: by ID, the item as it was; none where its class is gone or has changed.
        graph: the same items; none waits for another.
    """

    items: Mapping[ItemId, AnyItem | None]
    graph: Graph


def left_items(flow: BuiltFlow, stored: Mapping[ItemId, StoredState]) -> LeftItems:
    """The items that are stored and that the flow does not have any more."""
    classes = {item_type.kind(): item_type for item_type in _item_classes()}
    items: dict[ItemId, AnyItem | None] = {}
    builder = GraphBuilder()
    for item_id, entry in stored.items():
        if item_id not in flow.items:
            builder.add_node(item_id)
            # Only classes that the program has loaded itself: a file must not say what is imported.
            item_type = classes.get(entry.kind)
            items[item_id] = None if item_type is None else item_from_stored(item_type, entry)
    return LeftItems(items, builder.build())


def _item_classes() -> Iterator[type[AnyItem]]:
    """Every class of items that is loaded."""
    pending = cast("list[type[AnyItem]]", Item.__subclasses__())
    for item_type in pending:
        pending += item_type.__subclasses__()
    return iter(pending)
