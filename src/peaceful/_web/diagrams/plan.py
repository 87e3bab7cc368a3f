"""The plan of a diagram: nodes in nodes, and the arrows between them."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful._errors.requests import DiagramTooLarge
from peaceful._graph.graph import EdgeKind
from peaceful._runtime.flow import BuiltFlow

MOST_BOXES: Final = 400
"""More are not drawn: nobody could take them in."""

MOST_ARROWS: Final = 1000
"""More are not drawn: Graphviz needs a second for these, and half a minute for twice as many."""

_MOST_TOLD: Final = 60
"""Relations that are described in words; the table of items has all."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Look(enum.StrEnum):
    """The kind of a node; a class of its box, for style sheets."""

    ITEM = "item"
    PLACE = "place"
    ACTOR = "actor"
    """An item, in a diagram of places."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box, inside another node if it has its ID; `sort` is a further class for style sheets.

    It is drawn as an item if it has one, and with dashes if it is only an example of what will be.
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
    """An arrow from one node, by its ID, to another."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes of a diagram, each after the one that it is in, and its arrows.

    `notes` are sentences about what cannot be drawn.
    """

    flow: str
    shows: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The title of the diagram."""
        return f"{self.flow}: {self.shows}"

    @property
    def contents(self) -> Mapping[str | None, Sequence[Node]]:
        """The nodes directly in each node, by ID; by `None`, those in no other."""
        found: dict[str | None, list[Node]] = {None: []}
        for node in self.nodes:
            found.setdefault(node.inside, []).append(node)
        return found

    @property
    def arrows(self) -> tuple[Link, ...]:
        """The links that are drawn, each once: none between a node and what it is in."""
        inside = {node.id: node.inside for node in self.nodes}

        def holds(outer: str, inner: str | None) -> bool:
            while inner is not None and inner != outer:
                inner = inside[inner]
            return inner == outer

        return tuple(
            link
            for link in dict.fromkeys(self.links)
            if not holds(link.source, link.target) and not holds(link.target, link.source)
        )

    @property
    def layers(self) -> Sequence[Sequence[Node]]:
        """The nodes in layers, each after what it waits for and what it is in; without circles."""
        before: dict[str, list[str]] = {
            node.id: [] if node.inside is None else [node.inside] for node in self.nodes
        }
        for link in self.links:
            before[link.target].append(link.source)
        layer: dict[str, int] = {}
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            layer[node.id] = 1 + max((layer[one] for one in before[node.id]), default=-1)
            found.setdefault(layer[node.id], []).append(node)
        return [found[number] for number in sorted(found)]

    def in_words(self) -> str:
        """Return the diagram in words, for those who do not see it."""
        labels = {node.id: node.label for node in self.nodes}
        before: dict[str, list[str]] = {}
        for link in self.arrows:
            before.setdefault(link.target, []).append(labels[link.source])
        relations: list[str] = []
        for node in self.nodes:
            parts = [] if node.inside is None else [f"in {labels[node.inside]}"]
            if node.id in before:
                parts.append(f"after {', '.join(before[node.id])}")
            if parts:
                relations.append(f"{node.label} {', '.join(parts)}")
        number = len(self.nodes)
        sentences = [f"{number} {'thing' if number == 1 else 'things'}", *relations[:_MOST_TOLD]]
        if len(relations) > _MOST_TOLD:
            sentences.append(f"and {len(relations) - _MOST_TOLD} more")
        return " ".join([f"{'; '.join(sentences)}.", *self.notes])


def visible(text: str) -> str:
    """Return a text with a sign for all that cannot be seen, or would turn the rest around."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(each) in _UNSEEN else each for each in text)


def check_size(flow: str, boxes: int, arrows: int = 0) -> None:
    """Raise `DiagramTooLarge` for more boxes or arrows than anybody could take in."""
    if boxes > MOST_BOXES:
        raise DiagramTooLarge(flow, boxes, MOST_BOXES, "boxes")
    if arrows > MOST_ARROWS:
        raise DiagramTooLarge(flow, arrows, MOST_ARROWS, "arrows")


def progress_plan(flow: BuiltFlow) -> Plan:
    """Return the diagram of what waits for what: items, in the items that contain them."""
    graph = flow.graph
    return Plan(
        flow.id,
        "what waits for what",
        tuple(Node(item, item, graph.container_of(item), item=item) for item in graph.order),
        tuple(
            Link(edge.source, edge.target) for edge in graph.edges if edge.kind is EdgeKind.LOGIC
        ),
    )
