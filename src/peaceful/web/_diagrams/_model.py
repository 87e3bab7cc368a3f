"""What is to be drawn, and a drawing: boxes in boxes, and lines between them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
"""A place in a drawing: to the right, and down, in pixels from its upper left corner."""


class Look(enum.StrEnum):
    """What sort of thing a node is, which the page's style goes by."""

    ITEM = "item"
    """An item of the flow."""
    PLACE = "place"
    """A place that items touch."""
    ACTOR = "actor"
    """An item, in a diagram of places: it does something there."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing to be drawn as a box.

    Attributes:
        id: unique in its plan.
        label: what stands on it.
        inside: the ID of the node in which it is drawn, or none.
        look: what sort of thing it is.
        item: the item that it stands for; empty where it stands for none.
        sort: a finer sort, for the page's style; or empty.
        by_example: whether it is only an example of what will be.
    """

    id: str
    label: str
    inside: str | None = None
    look: Look = Look.ITEM
    item: str = ""
    sort: str = ""
    by_example: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow from one node to another, which stands lower.

    Attributes:
        source: the ID of the upper node.
        target: the ID of the lower node.
        back: whether the arrow points up, because there would be a circle.
    """

    source: str
    target: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be drawn.

    Attributes:
        flow: the flow that it is of.
        shows: what it shows, in a few words.
        nodes: each after the one that it is in.
        links: arrows; no circle among them, with what is drawn in a node coming after it.
        notes: what cannot be drawn, in sentences.
    """

    flow: str
    shows: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its title."""
        return f"{self.flow}: {self.shows}"


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place.

    Attributes:
        node: the node.
        x: its left edge.
        y: its upper edge.
        width: how wide it is.
        height: how high it is.
        text: its label, as long as there is room for.
        holds: whether others are drawn in it.
    """

    node: Node
    x: float
    y: float
    width: float
    height: float
    text: str
    holds: bool = False

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Frame:
    """A thin frame around nodes that stand alike: lines lead to it instead of to each of them."""

    members: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow from every one of some nodes to every one of others.

    Attributes:
        sources: the IDs of the nodes that it comes from; several where they are in one frame.
        targets: the IDs of the nodes that it leads to; likewise.
        points: its way, downwards; it goes straight down through each of them.
        back: whether the arrow is at its beginning.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    points: tuple[Point, ...]
    back: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plan with everything in its place.

    Attributes:
        plan: what is drawn.
        width: how wide it is, in pixels.
        height: how high it is.
        boxes: the nodes; each after the one that it is in.
        frames: around nodes that stand alike.
        lines: the arrows.
    """

    plan: Plan
    width: float
    height: float
    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    lines: tuple[Line, ...]
