"""The layout of a diagram: sizes from here, places from Graphviz.

Graphviz gets no text that people write: only sizes. Nodes with the same neighbours, such as sixty
that wait for the same one, are one node to it; they are put in rows here, and one arrow leads to
all of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, dist, sqrt
from typing import Any, Final, NamedTuple, TypeAlias

from peaceful._web.diagrams.dot import cut_off, edge, graph
from peaceful._web.diagrams.plan import Link, Look, Node, Plan, visible

Point: TypeAlias = tuple[float, float]
"""Pixels to the right and down from the upper left corner."""

Way: TypeAlias = tuple[Point, ...]
"""The start of an arrow; for each Bézier curve of it, two controls and the end; then, its tip."""

FONT_SIZE: Final = 12
TITLE: Final = 27.0
"""The height of the strip with the name, in a box that holds others."""
TEXT_AT: Final = 12.0
"""The distance of text from the left and the right edge of its box."""
SIGN_WIDTH: Final = 14.0
"""The room before the text for the sign of an item's status."""

_LETTER: Final = 7.25
"""The width of a letter in most monospace fonts."""
_MOST_LETTERS: Final = 40
_HEIGHTS: Final[Mapping[Look, float]] = {Look.ITEM: 30.0, Look.PLACE: 30.0, Look.ACTOR: 24.0}
_MARGIN: Final = 10.0
_GAP: Final = 8.0
"""The gap between nodes with the same neighbours, and around them."""
_WIDEST_ROW: Final = 960.0
_ONE_BY_ONE: Final = 6
"""Up to so many nodes with the same neighbours are shown one by one."""
_ARROWS_ONE_BY_ONE: Final = 8
"""Up to so many arrows at one side of them are shown one by one."""
_INCH: Final = 72
"""In pixels; Graphviz wants sizes in inches."""


class Box(NamedTuple):
    """A rectangle, by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """An arrow from each of some nodes to each of others, by their IDs."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    way: Way


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of nodes by ID, of the frames around groups, and of arrows."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    frames: tuple[Box, ...]
    lines: tuple[Line, ...]


def written(node: Node) -> str:
    """Return a label as it is written on its box: a long one without its middle.

    Both ends are kept, since names that are alike differ mostly there.
    """
    text, half = node.label, _MOST_LETTERS // 2
    return visible(text if len(text) <= _MOST_LETTERS else f"{text[:half]}…{text[1 - half :]}")


def _letters(text: str) -> int:
    """Return the width of a text, in letters of the usual width."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )


def size_of(node: Node) -> Point:
    """Return the width and height of a box that holds no others."""
    width = _LETTER * _letters(written(node)) + 2 * TEXT_AT + (SIGN_WIDTH if node.item else 0)
    return width, _HEIGHTS[node.look]


class Sketch:
    """The question to Graphviz about a plan, and the reading of its answer.

    Its `arrows` are those that are drawn, with one node for each group with the same neighbours.
    """

    def __init__(self, plan: Plan) -> None:
        self._sizes = {node.id: size_of(node) for node in plan.nodes}
        self._grids = {ids[0]: _Grid(ids, self._sizes) for ids in _alike(plan)}
        self._sizes |= {first: grid.size for first, grid in self._grids.items()}
        unit = {one: one for one in self._sizes}
        unit |= {one: first for first, grid in self._grids.items() for one in grid.ids}
        nodes = tuple(node for node in plan.nodes if unit[node.id] == node.id)
        links = tuple(Link(unit[each.source], unit[each.target]) for each in plan.arrows)
        self._plan = Plan("", "", nodes, links)
        self._contents = self._plan.contents
        self.arrows: Final = self._plan.arrows

    def question(self, *, sideways: bool) -> str:
        """Return the graph in DOT; sideways, arrows lead from left to right."""
        # `newrank`: what is in a box is ranked together with what is not. Sideways, everything is
        # mirrored when it is read, since what comes first would stand below.
        direction, upper = ("LR", "b") if sideways else ("TB", "t")
        head = (
            f"graph [rankdir={direction}, newrank=true, compound=true, "
            f"nodesep=0.25, ranksep=0.5, labelloc={upper}]; "
            'node [shape=box, fixedsize=true, label=""];'
        )
        return graph(self._plan, head, self._attributes, self._edges())

    def _attributes(self, node: Node) -> Sequence[str]:
        width, height = self._sizes[node.id]
        if node.id not in self._contents:
            return f"width={width / _INCH:.4f}", f"height={height / _INCH:.4f}"
        # The label leaves room for the name. Graphviz cannot be told the size of any other.
        size = f'width="{width:.0f}" height="{TITLE - _GAP:.0f}"'
        table = f'<table border="0" fixedsize="true" {size}><tr><td></td></tr></table>'
        return "margin=12", "labeljust=l", f"label=<{table}>"

    def _edges(self) -> Iterator[str]:
        for number, link in enumerate(self.arrows):
            # Edges join nodes. For an arrow to a box that holds some, there is one to each of
            # these, so that all stand below it; they end at the border, and one is drawn.
            tails, heads = self._held(link.source), self._held(link.target)
            pairs = dict.fromkeys((*product(tails, heads[:1]), *product(tails[:1], heads)))
            attributes = [f"id={number}", *cut_off(link, self._contents)]
            yield from (edge(tail, head, attributes) for tail, head in pairs)

    def _held(self, one: str) -> list[str]:
        if one not in self._contents:
            return [one]
        return [each for node in self._contents[one] for each in self._held(node.id)]

    def layout(self, answer: Mapping[str, Any], *, sideways: bool) -> Layout:
        """Return the layout that Graphviz answered in its format `json0`, in pixels upwards."""
        left, bottom, right, top = _numbers(answer["bb"])

        def at(point: str) -> Point:
            x, y = _numbers(point)
            return x - left + _MARGIN, (y - bottom if sideways else top - y) + _MARGIN

        boxes: dict[str, Box] = {}
        for each in answer.get("objects", ()):
            name = each["name"]
            if "bb" in each:
                x, low, end, high = _numbers(each["bb"])
                boxes[name.removeprefix("cluster_")] = Box(
                    *at(f"{x},{low if sideways else high}"), end - x, high - low
                )
            else:
                x, y = at(each["pos"])
                width, height = self._sizes[name]
                boxes[name] = Box(x - width / 2, y - height / 2, width, height)
        ways: dict[int, list[Way]] = {}
        for each in answer.get("edges", ()):
            tip, *points = map(at, each["pos"].removeprefix("e,").split())
            ways.setdefault(int(each["id"]), []).append((*points, tip))
        lines = tuple(
            Line(self._ids(link.source), self._ids(link.target), min(ways[number], key=_length))
            for number, link in enumerate(self.arrows)
        )
        joined = {end for link in self.arrows for end in (link.source, link.target)}
        frames = tuple(boxes[one] for one in self._grids if one in joined)
        for first, grid in self._grids.items():
            boxes |= grid.boxes(boxes[first])
        width, height = right - left + 2 * _MARGIN, top - bottom + 2 * _MARGIN
        return Layout(width, height, boxes, frames, lines)

    def _ids(self, one: str) -> tuple[str, ...]:
        return self._grids[one].ids if one in self._grids else (one,)


def _length(way: Way) -> float:
    return dist(way[0], way[-1])


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def _alike(plan: Plan) -> Iterator[Sequence[str]]:
    """Yield groups of nodes with the same neighbours."""
    before: dict[str, set[str]] = {node.id: set() for node in plan.nodes}
    after: dict[str, set[str]] = {node.id: set() for node in plan.nodes}
    for link in plan.arrows:
        before[link.target].add(link.source)
        after[link.source].add(link.target)
    holders = {node.inside for node in plan.nodes}
    groups: dict[object, list[str]] = {}
    for node in plan.nodes:
        if node.id not in holders:
            ends = frozenset(before[node.id]), frozenset(after[node.id])
            groups.setdefault((node.inside, node.look, ends), []).append(node.id)
    for ids in groups.values():
        arrows = len(ids) * max(len(before[ids[0]]), len(after[ids[0]]))
        if len(ids) > _ONE_BY_ONE or (len(ids) > 2 and arrows > _ARROWS_ONE_BY_ONE):
            yield ids


class _Grid:
    """Nodes in rows, all as wide as the widest; it is about twice as wide as high."""

    def __init__(self, ids: Sequence[str], sizes: Mapping[str, Point]) -> None:
        self.ids: Final = tuple(ids)
        self._width = max(sizes[one][0] for one in ids) + _GAP
        self._height = max(sizes[one][1] for one in ids) + _GAP
        columns = ceil(sqrt(len(ids) * 2 * self._height / self._width))
        self._columns = max(1, min(columns, int(_WIDEST_ROW / self._width)))
        rows = ceil(len(ids) / self._columns)
        self.size: Final = (self._columns * self._width + _GAP, rows * self._height + _GAP)

    def boxes(self, around: Box) -> Mapping[str, Box]:
        """Return the boxes of the nodes, by the box around them."""
        found: dict[str, Box] = {}
        for at, one in enumerate(self.ids):
            row, column = divmod(at, self._columns)
            x, y = around.x + _GAP + column * self._width, around.y + _GAP + row * self._height
            found[one] = Box(x, y, self._width - _GAP, self._height - _GAP)
        return found
