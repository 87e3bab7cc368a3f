"""Diagrams: their text in DOT, their layout with places from Graphviz, and their drawing as SVG."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import ceil, dist, hypot, sqrt
from typing import Any, Final, NamedTuple, TypeAlias
from xml.sax.saxutils import escape, quoteattr

import msgspec

from peaceful._present.text import display_width, shortened
from peaceful._web.diagrams.plan import Link, Look, Plan, PlanNode, visible

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

_SIGN: Final = 12
_SIGN_AT: Final = 9.0
_FONT: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_INK: Final = "#1d2126"
_SOFT: Final = "#5d6670"
_LINE: Final = "#8b949e"
_EDGE: Final = "#d5d9dd"
_ROUND: Final[Mapping[Look, int]] = {Look.ITEM: 8, Look.PLACE: 6, Look.ACTOR: 12}

_BOX_IDS: Final = {"progress": "node-", "outcome": "outcome-"}


def graph(
    plan: Plan, head: str, attributes: Callable[[PlanNode], Sequence[str]], edges: Iterable[str]
) -> str:
    """Return a plan in DOT, with statements for its head and its edges.

    Nodes that hold others become clusters: then `attributes` returns statements about the cluster.
    """
    contents = plan.contents

    def nodes(holder: str | None) -> Iterator[str]:
        for node in contents[holder]:
            if node.id in contents:
                yield f"subgraph {cluster(node.id)} {{ {'; '.join(attributes(node))};"
                yield from nodes(node.id)
                yield "}"
            else:
                yield f"{_dot_quoted(node.id)} [{', '.join(attributes(node))}];"

    return "\n".join((f"digraph {_dot_quoted(plan.title)} {{", head, *nodes(None), *edges, "}\n"))


def edge(source: str, target: str, attributes: Sequence[str]) -> str:
    """Return the statement about an arrow between two nodes."""
    more = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{_dot_quoted(source)} -> {_dot_quoted(target)}{more};"


def cut_off(link: Link, holders: Container[str | None]) -> list[str]:
    """Return the attributes that cut an arrow off at the borders of clusters."""
    ends = (("ltail", link.source), ("lhead", link.target))
    return [f"{name}={cluster(one)}" for name, one in ends if one in holders]


def cluster(one: str) -> str:
    """Return the name of the cluster of a node."""
    return _dot_quoted(f"cluster_{one}")


def _dot_quoted(text: str) -> str:
    """Return a text as a string of DOT."""
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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


class Layout(msgspec.Struct, frozen=True):
    """The places of nodes by ID, of the frames around groups, and of arrows."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    frames: tuple[Box, ...]
    lines: tuple[Line, ...]


def written(node: PlanNode) -> str:
    """Return a label as it is written on its box: a long one without its middle.

    Both ends are kept, since names that are alike differ mostly there.
    """
    return shortened(visible(node.label), _MOST_LETTERS)


def size_of(node: PlanNode) -> Point:
    """Return the width and height of a box that holds no others."""
    width = _LETTER * display_width(written(node)) + 2 * TEXT_AT
    return width + (SIGN_WIDTH if node.item else 0), _HEIGHTS[node.look]


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

    def _attributes(self, node: PlanNode) -> Sequence[str]:
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


class StatusLook(msgspec.Struct, frozen=True):
    """The look of a box in a file of its own: colours, dashes, and a sign of 12 pixels."""

    ink: str
    ground: str
    dashes: str
    sign: str
    filled: bool = False


STATUSES: Final[Mapping[str, StatusLook]] = {
    "pending": StatusLook("#8b949e", "#f7f7f8", "", "M3.5 6a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z"),
    "queued": StatusLook("#6b7680", "#f1f2f3", "1 2", "M2.5 6h.01M6 6h.01M9.5 6h.01"),
    "running": StatusLook("#2563a8", "#e8f0fa", "", "M3.5 2.2l6 3.8-6 3.8z", filled=True),
    "finishing": StatusLook("#2563a8", "#e8f0fa", "6 2", "M2.5 2.5l4.5 3.5-4.5 3.5M9.5 2.5v7"),
    "done": StatusLook("#2f6f5e", "#e6f2ee", "", "M2 6.5l2.8 2.8L10 3.2"),
    "unchanged": StatusLook("#6d9a8d", "#f3f8f6", "", "M2.5 4.2h7M2.5 7.8h7"),
    "failed": StatusLook("#b3261e", "#fbe9e7", "", "M2.8 2.8l6.4 6.4M9.2 2.8l-6.4 6.4"),
    "abandoned": StatusLook("#9a5b00", "#fdf1dc", "", "M3 3h6v6h-6z", filled=True),
    "not_started": StatusLook("#9a5b00", "#ffffff", "4 3", "M2.5 6h7"),
    "looking": StatusLook("#2563a8", "#ffffff", "", "M1.5 6q4.5-5 9 0q-4.5 5-9 0zM5 6h2"),
    "stopped": StatusLook("#9a5b00", "#fdf1dc", "", "M4 2.5v7M8 2.5v7"),
    "would_create": StatusLook("#2f6f5e", "#ffffff", "6 3", "M6 2.2v7.6M2.2 6h7.6"),
    "would_change": StatusLook("#2563a8", "#ffffff", "6 3", "M2 6.8q2-3 4-.8t4-.8"),
    "would_replace": StatusLook("#b3261e", "#ffffff", "6 3", "M6 2v5M3.5 4.5h5M3.5 9.5h5"),
    "would_remove": StatusLook("#b3261e", "#ffffff", "6 3", "M2.2 6h7.6"),
    "unknown": StatusLook("#6b7680", "#ffffff", "1 2", "M4 4q0-2 2-2t2 2q0 1-2 2.5v.5M6 9.5h.01"),
    "asking": StatusLook("#9a5b00", "#fdf1dc", "", "M2 2.5h8v5h-4l-2.5 2.5v-2.5h-1.5z"),
}
"""By status; the first one is for items of which nothing is known."""

_PENDING: Final = next(iter(STATUSES))


class Drawing(msgspec.Struct, frozen=True):
    """A diagram as SVG: for a page, with links to `#row-ITEM`, or as a file of its own.

    IDs begin with its kind, `progress` or `outcome`, so that both can be in one page. Items without
    a status are pending.
    """

    kind: str
    plan: Plan
    layout: Layout
    statuses: Mapping[str, str]
    in_page: bool

    def svg(self) -> str:
        """Return the SVG."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        width, height = _number(self.layout.width), _number(self.layout.height)
        # What has links in it is no image to a screen reader: nobody could reach them.
        role = "group" if self.in_page else "img"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" role="{role}" '
            f'aria-labelledby="{self.kind}-title" aria-describedby="{self.kind}-desc" '
            f'font-family="{_FONT}" font-size="{FONT_SIZE}">'
            f'<title id="{self.kind}-title">{_text(self.plan.title)}</title>'
            f'<desc id="{self.kind}-desc">{_text(self.plan.in_words())}</desc>'
            # All signs in a row; each box shows one of them, by moving the row to the left.
            f'<defs><g id="{self.kind}-signs" fill="none" stroke-width="1.5" '
            'stroke-linecap="round" stroke-linejoin="round">'
        )
        for number, look in enumerate(STATUSES.values()):
            paint = 'fill="currentColor" stroke="none"' if look.filled else 'stroke="currentColor"'
            yield f'<path d="{look.sign}" transform="translate({number * _SIGN} 0)" {paint}/>'
        yield "</g></defs>"
        if not self.in_page:
            yield '<rect class="ground" width="100%" height="100%" fill="#ffffff"/>'
        holders = self.plan.contents.keys()
        held = [node for node in self.plan.nodes if node.id not in holders]
        holding = [node for node in self.plan.nodes if node.id in holders]
        yield f'<g class="containers" fill="#ffffff" stroke="{_EDGE}">'
        yield from (self._box(node, holds=True) for node in holding)
        yield f'</g><g class="frames" fill="none" stroke="{_EDGE}" stroke-dasharray="2 3">'
        yield from (f'<rect class="frame" {_at(frame)} rx="12"/>' for frame in self.layout.frames)
        yield f'</g><g class="edges" fill="none" stroke="{_LINE}" stroke-width="1.2">'
        yield from map(_line, self.layout.lines)
        # Arrows cross the strips in which names stand: so these come after them, to be seen only.
        yield '</g><g class="titles" fill="#ffffff" pointer-events="none" aria-hidden="true">'
        yield from (self._title(node) for node in holding)
        yield f'</g><g class="nodes" fill="#ffffff" stroke="{_EDGE}">'
        yield from (self._box(node, holds=False) for node in held)
        yield "</g></svg>"

    def _box(self, node: PlanNode, *, holds: bool) -> str:
        box, look = self.layout.boxes[node.id], self._look(node)
        paint = "" if look is None else f' fill="{look.ground}" stroke="{look.ink}"'
        dashes = look.dashes if look is not None else "4 3" if node.by_example else ""
        paint += f' stroke-dasharray="{dashes}"' if dashes else ""
        group = (
            f"<g id={_xml_quoted(_BOX_IDS[self.kind] + node.id)} "
            f"{self._attributes(node, 'container' if holds else '')}>"
            f"<title>{_text(node.label)}</title>"
            f'<rect {_at(box)} rx="{_ROUND[node.look]}"{paint}/>'
            f"{'' if holds else self._label(node, box)}</g>"
        )
        linked = self.in_page and node.item
        return f"<a href={_xml_quoted(f'#row-{node.item}')}>{group}</a>" if linked else group

    def _title(self, node: PlanNode) -> str:
        box, look = self.layout.boxes[node.id], self._look(node)
        ground = "" if look is None else f' fill="{look.ground}"'
        strip = Box(box.x + 4, box.y + 4, size_of(node)[0] - 8, TITLE - 8)
        return (
            f"<g {self._attributes(node, 'title')}><rect {_at(strip)}{ground}/>"
            f"{self._label(node, Box(*box[:3], TITLE))}</g>"
        )

    def _attributes(self, node: PlanNode, more: str) -> str:
        words = ("node", node.look.value, node.sort, more, "by-example" if node.by_example else "")
        found = f'class="{" ".join(filter(None, words))}"'
        if not node.item:
            return found
        look, status = self._look(node), _xml_quoted(self._status(node))
        ink = _LINE if look is None else look.ink
        return f'{found} data-item={_xml_quoted(node.item)} data-status={status} color="{ink}"'

    def _label(self, node: PlanNode, box: Box) -> str:
        """Return the label, after the sign of an item: one of a row of signs behind a window."""
        x, middle, sign = box.x + TEXT_AT, box.y + box.height / 2, ""
        if node.item:
            x += SIGN_WIDTH
            number = 0 if self._look(node) is None else list(STATUSES).index(self._status(node))
            window = Box(box.x + _SIGN_AT, middle - _SIGN / 2, _SIGN, _SIGN)
            sign = (
                f'<svg class="sign" {_at(window)} overflow="hidden">'
                f'<use href="#{self.kind}-signs" x="{-number * _SIGN}"/></svg>'
            )
        return (
            f'{sign}<text x="{_number(x)}" y="{_number(middle + FONT_SIZE * 0.35)}" stroke="none" '
            f'fill="{_INK if node.item else _SOFT}">{_text(written(node))}</text>'
        )

    def _status(self, node: PlanNode) -> str:
        return self.statuses.get(node.item, _PENDING)

    def _look(self, node: PlanNode) -> StatusLook | None:
        """Return the look of the status, which in a page is up to the style sheet."""
        return STATUSES.get(self._status(node)) if node.item and not self.in_page else None


def _line(line: Line) -> str:
    source, target = _xml_quoted(" ".join(line.sources)), _xml_quoted(" ".join(line.targets))
    start, *curves, tip = (f"{_number(x)} {_number(y)}" for x, y in line.way)
    (x, y), (to_x, to_y) = line.way[-2:]
    length = hypot(to_x - x, to_y - y) or 1.0
    along, across = (to_x - x) / length, (to_y - y) / length
    # An open arrow, drawn in the same stroke: a marker would need a name in the page.
    left, right = (
        f"{_number(to_x - 5 * along + side * across)} {_number(to_y - 5 * across - side * along)}"
        for side in (3.5, -3.5)
    )
    path = f"M{start}C{' '.join(curves)}L{tip}M{left}L{tip}L{right}"
    return f'<path class="edge" data-from={source} data-to={target} d="{path}"/>'


def _at(box: Box) -> str:
    return " ".join(f'{name}="{_number(each)}"' for name, each in box._asdict().items())


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(visible(text))


def _xml_quoted(text: str) -> str:
    return quoteattr(visible(text))


def as_dot(plan: Plan, statuses: Mapping[str, str]) -> str:
    """Return a plan in DOT, with the colours of a file of its own."""
    holders = plan.contents.keys()

    def attributes(node: PlanNode) -> list[str]:
        status = statuses.get(node.item, _PENDING)
        look = STATUSES.get(status, STATUSES[_PENDING])
        ink, ground = (look.ink, look.ground) if node.item else (_EDGE, "#ffffff")
        found = [f"label={_dot_quoted(node.label)}", f'color="{ink}"', f'fillcolor="{ground}"']
        if node.item:
            found.append(f"tooltip={_dot_quoted(status)}")
        if node.look is Look.ACTOR:
            found.append(f'fontcolor="{_SOFT}"')
        if node.id in holders:
            # Arrows cannot end at a cluster, so they end at a point in it that nobody sees.
            found += [
                'style="rounded,filled"',
                f"{_dot_quoted(node.id)} [shape=point, style=invis]",
            ]
        return found

    head = (
        f"label={_dot_quoted(plan.title)}; labelloc=t; compound=true; rankdir=TB;\n"
        'graph [fontname="monospace", fontsize=12];\n'
        'node [shape=box, style="rounded,filled", fontname="monospace", fontsize=12];\n'
        f'edge [color="{_LINE}", arrowsize=0.7];'
    )
    edges = (edge(each.source, each.target, cut_off(each, holders)) for each in plan.arrows)
    return graph(plan, head, attributes, edges)
