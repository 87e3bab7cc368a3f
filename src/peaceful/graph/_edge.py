"""An edge between two items, and what it means."""

from __future__ import annotations

import enum

import msgspec

from peaceful.model import ItemId


class EdgeKind(enum.StrEnum):
    """What an edge means."""

    LOGIC = "logic"
    """The target waits for the source."""
    CONTAINS = "contains"
    """The source holds the target: it is waited for alike, and drawn as a box around it."""


class Edge(msgspec.Struct, frozen=True):
    """An edge from one item to another.

    Attributes:
        source: the item that comes first.
        target: the item that needs it.
        kind: what the edge means.
    """

    source: ItemId
    target: ItemId
    kind: EdgeKind = EdgeKind.LOGIC
