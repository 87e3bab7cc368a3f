"""A diagram as SVG, for a page or a file, and in DOT.

There are no styles and no scripts in the SVG, so that the strictest policy lets it through. In a
page, only the attribute `data-status` depends on the status of an item: a script changes it, and
the style sheet says how that looks. In a file, attributes say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from peaceful._web.diagrams.dot import cut_off, edge, graph, quoted
from peaceful._web.diagrams.layout import (
    FONT_SIZE,
    SIGN_WIDTH,
    TEXT_AT,
    TITLE,
    Box,
    Layout,
    Line,
    size_of,
    written,
)
from peaceful._web.diagrams.plan import Look, Node, Plan, visible


@dataclass(frozen=True, slots=True)
class StatusLook:
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
}
"""By status; the first one is for items of which nothing is known."""

_PENDING: Final = next(iter(STATUSES))
_SIGN: Final = 12
_SIGN_AT: Final = 9.0
_FONT: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_INK: Final = "#1d2126"
_SOFT: Final = "#5d6670"
_LINE: Final = "#8b949e"
_EDGE: Final = "#d5d9dd"
_ROUND: Final[Mapping[Look, int]] = {Look.ITEM: 8, Look.PLACE: 6, Look.ACTOR: 12}
_BOX_IDS: Final = {"progress": "node-", "outcome": "outcome-"}


@dataclass(frozen=True, slots=True)
class Drawing:
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

    def _box(self, node: Node, *, holds: bool) -> str:
        box, look = self.layout.boxes[node.id], self._look(node)
        paint = "" if look is None else f' fill="{look.ground}" stroke="{look.ink}"'
        dashes = look.dashes if look is not None else "4 3" if node.by_example else ""
        paint += f' stroke-dasharray="{dashes}"' if dashes else ""
        group = (
            f"<g id={_quoted(_BOX_IDS[self.kind] + node.id)} "
            f"{self._attributes(node, 'container' if holds else '')}>"
            f"<title>{_text(node.label)}</title>"
            f'<rect {_at(box)} rx="{_ROUND[node.look]}"{paint}/>'
            f"{'' if holds else self._label(node, box)}</g>"
        )
        linked = self.in_page and node.item
        return f"<a href={_quoted(f'#row-{node.item}')}>{group}</a>" if linked else group

    def _title(self, node: Node) -> str:
        box, look = self.layout.boxes[node.id], self._look(node)
        ground = "" if look is None else f' fill="{look.ground}"'
        strip = Box(box.x + 4, box.y + 4, size_of(node)[0] - 8, TITLE - 8)
        return (
            f"<g {self._attributes(node, 'title')}><rect {_at(strip)}{ground}/>"
            f"{self._label(node, Box(*box[:3], TITLE))}</g>"
        )

    def _attributes(self, node: Node, more: str) -> str:
        words = ("node", node.look.value, node.sort, more, "by-example" if node.by_example else "")
        found = f'class="{" ".join(filter(None, words))}"'
        if not node.item:
            return found
        look, status = self._look(node), _quoted(self._status(node))
        ink = _LINE if look is None else look.ink
        return f'{found} data-item={_quoted(node.item)} data-status={status} color="{ink}"'

    def _label(self, node: Node, box: Box) -> str:
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

    def _status(self, node: Node) -> str:
        return self.statuses.get(node.item, _PENDING)

    def _look(self, node: Node) -> StatusLook | None:
        """Return the look of the status, which in a page is up to the style sheet."""
        return STATUSES.get(self._status(node)) if node.item and not self.in_page else None


def _line(line: Line) -> str:
    source, target = _quoted(" ".join(line.sources)), _quoted(" ".join(line.targets))
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


def _quoted(text: str) -> str:
    return quoteattr(visible(text))


def as_dot(plan: Plan, statuses: Mapping[str, str]) -> str:
    """Return a plan in DOT, with the colours of a file of its own."""
    holders = plan.contents.keys()

    def attributes(node: Node) -> list[str]:
        status = statuses.get(node.item, _PENDING)
        look = STATUSES.get(status, STATUSES[_PENDING])
        ink, ground = (look.ink, look.ground) if node.item else (_EDGE, "#ffffff")
        found = [f"label={quoted(node.label)}", f'color="{ink}"', f'fillcolor="{ground}"']
        if node.item:
            found.append(f"tooltip={quoted(status)}")
        if node.look is Look.ACTOR:
            found.append(f'fontcolor="{_SOFT}"')
        if node.id in holders:
            # Arrows cannot end at a cluster, so they end at a point in it that nobody sees.
            found += ['style="rounded,filled"', f"{quoted(node.id)} [shape=point, style=invis]"]
        return found

    head = (
        f"label={quoted(plan.title)}; labelloc=t; compound=true; rankdir=TB;\n"
        'graph [fontname="monospace", fontsize=12];\n'
        'node [shape=box, style="rounded,filled", fontname="monospace", fontsize=12];\n'
        f'edge [color="{_LINE}", arrowsize=0.7];'
    )
    edges = (edge(each.source, each.target, cut_off(each, holders)) for each in plan.arrows)
    return graph(plan, head, attributes, edges)
