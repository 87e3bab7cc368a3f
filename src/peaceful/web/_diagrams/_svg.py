"""A drawing as SVG: for a page, whose style sheet says how it looks, or as a file of its own.

In a page, the one thing that depends on how an item stands is the attribute `data-status` of its
group: a page brings a diagram to life by changing it. There are no styles and no scripts in it, so
that the strictest policy lets it through; attributes say how it looks without a style sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from peaceful.web._diagrams._inside import TITLE
from peaceful.web._diagrams._layout import SIGN_AT, TEXT_AFTER_SIGN, TEXT_AT
from peaceful.web._diagrams._measure import FONT_SIZE, visible
from peaceful.web._diagrams._model import Box, Drawing, Frame, Line, Look, Point
from peaceful.web._diagrams._statuses import PENDING, SIGN, STATUSES, StatusLook
from peaceful.web._diagrams._words import told

_FONT: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_INK: Final = "#1d2126"
_SOFT: Final = "#5d6670"
_LINE: Final = "#8b949e"
_EDGE: Final = "#d5d9dd"
_ROUND: Final[Mapping[Look, int]] = {Look.ITEM: 8, Look.PLACE: 6, Look.ACTOR: 12}
_ARROW: Final = 5.0
_STRAIGHT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Style:
    """What a drawing is made for.

    Attributes:
        name: with this begin the IDs of its title and the like, which are unique in a page.
        boxes: with this begin the IDs of its boxes.
        rows: with this begins the address to which an item leads, as `#row-`; empty for no links.
        alone: whether it is a file of its own, with colours by how items stand.
    """

    name: str = "diagram"
    boxes: str = "node-"
    rows: str = ""
    alone: bool = True


def svg(drawing: Drawing, statuses: Mapping[str, str], style: Style) -> str:
    """Writes a drawing as SVG.

    Args:
        drawing: what is written.
        statuses: by item, how it stands; those that are not named are pending.
        style: what it is made for.
    """
    return "".join(_parts(drawing, statuses, style))


def _parts(drawing: Drawing, statuses: Mapping[str, str], style: Style) -> Iterator[str]:
    width, height = _number(drawing.width), _number(drawing.height)
    # What has links in it is no image to a screen reader, which would not let anyone reach them.
    role = "group" if style.rows else "img"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="{role}" '
        f'aria-labelledby="{style.name}-title" aria-describedby="{style.name}-desc" '
        f'font-family="{_FONT}" font-size="{FONT_SIZE}">'
        f'<title id="{style.name}-title">{_text(drawing.plan.name)}</title>'
        f'<desc id="{style.name}-desc">{_text(told(drawing.plan))}</desc>'
    )
    yield _signs(style.name)
    if style.alone:
        yield '<rect class="ground" width="100%" height="100%" fill="#ffffff"/>'
    boxes = [_box(box, statuses, style) for box in drawing.boxes]
    yield f'<g class="containers" fill="#ffffff" stroke="{_EDGE}">'
    yield from (text for box, text in zip(drawing.boxes, boxes, strict=True) if box.holds)
    yield f'</g><g class="frames" fill="none" stroke="{_EDGE}" stroke-dasharray="2 3">'
    yield from map(_frame, drawing.frames)
    yield f'</g><g class="edges" fill="none" stroke="{_LINE}" stroke-width="1.2">'
    yield from map(_line, drawing.lines)
    yield f'</g><g class="nodes" fill="#ffffff" stroke="{_EDGE}">'
    yield from (text for box, text in zip(drawing.boxes, boxes, strict=True) if not box.holds)
    yield "</g></svg>"


def _signs(name: str) -> str:
    """All signs in a row; each box shows one of them, by moving the row to the left."""
    drawn = "".join(
        f'<path d="{look.sign}" transform="translate({number * SIGN} 0)"{_filled(look)}/>'
        for number, look in enumerate(STATUSES.values())
    )
    return (
        f'<defs><g id="{name}-signs" fill="none" stroke-width="1.5" stroke-linecap="round" '
        f'stroke-linejoin="round">{drawn}</g></defs>'
    )


def _filled(look: StatusLook) -> str:
    return ' fill="currentColor" stroke="none"' if look.filled else ' stroke="currentColor"'


def _box(box: Box, statuses: Mapping[str, str], style: Style) -> str:
    item = box.node.item
    status = statuses.get(item, PENDING) if item else ""
    paint = STATUSES.get(status) if style.alone else None
    attributes = f'class="{_classes(box)}" id={_quoted(style.boxes + box.node.id)}'
    if item:
        ink = _LINE if paint is None else paint.ink
        attributes += f' data-item={_quoted(item)} data-status={_quoted(status)} color="{ink}"'
    sign = _sign(box, status, style) if item else ""
    title = f"<title>{_text(box.node.label)}</title>"
    group = f"<g {attributes}>{title}{_rect(box, paint)}{sign}{_label(box)}</g>"
    return f"<a href={_quoted(style.rows + item)}>{group}</a>" if style.rows and item else group


def _classes(box: Box) -> str:
    node = box.node
    words = ["node", node.look.value, node.sort, *(["container"] if box.holds else [])]
    return " ".join([*filter(None, words), *(["by-example"] if node.by_example else [])])


def _rect(box: Box, paint: StatusLook | None) -> str:
    more = "" if paint is None else f' fill="{paint.ground}" stroke="{paint.ink}"'
    if paint is not None and paint.dashes:
        more += f' stroke-dasharray="{paint.dashes}"'
    elif box.node.by_example:
        more += ' stroke-dasharray="4 3"'
    return (
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{_number(box.height)}" rx="{_ROUND[box.node.look]}"{more}/>'
    )


def _sign(box: Box, status: str, style: Style) -> str:
    """A window of the size of one sign, behind which the row of signs stands."""
    number = list(STATUSES).index(status) if style.alone and status in STATUSES else 0
    at = f' x="{-number * SIGN}"' if number else ""
    x, y = _number(box.x + SIGN_AT), _number(_middle(box) - SIGN / 2)
    return (
        f'<svg class="sign" x="{x}" y="{y}" width="{SIGN}" height="{SIGN}" overflow="hidden">'
        f'<use href="#{style.name}-signs"{at}/></svg>'
    )


def _label(box: Box) -> str:
    x = box.x + (TEXT_AFTER_SIGN if box.node.item else TEXT_AT)
    y = _middle(box) + FONT_SIZE * 0.35
    ink = _INK if box.node.item else _SOFT
    at = f'x="{_number(x)}" y="{_number(y)}"'
    return f'<text {at} fill="{ink}" stroke="none">{_text(box.text)}</text>'


def _middle(box: Box) -> float:
    return box.y + (TITLE if box.holds else box.height) / 2


def _frame(frame: Frame) -> str:
    return (
        f'<rect class="frame" x="{_number(frame.x)}" y="{_number(frame.y)}" '
        f'width="{_number(frame.width)}" height="{_number(frame.height)}" rx="12"/>'
    )


def _line(line: Line) -> str:
    upper, lower = " ".join(line.sources), " ".join(line.targets)
    source, target = (lower, upper) if line.back else (upper, lower)
    return (
        f'<path class="edge" data-from={_quoted(source)} data-to={_quoted(target)} '
        f'd="{path_of(line.points, back=line.back)}"/>'
    )


def path_of(points: Sequence[Point], *, back: bool = False) -> str:
    """A line through points as a path: straight down where it can be, else in a soft bend.

    Its end is an open arrow, drawn in the same stroke: markers would need names in the page.

    Args:
        points: from above to below.
        back: whether the arrow is at the beginning.
    """
    (x, y), *inner, (end_x, end_y) = points
    steps = [f"M{_number(x)} {_number(y)}"]
    if back:
        steps.append(
            f"m-3.5 5l3.5-4.5 3.5 4.5M{_number(x)} {_number(y + 0.5)}V{_number(y + _ARROW)}"
        )
        y += _ARROW
    for to_x, to_y in (*inner, (end_x, end_y - (0 if back else _ARROW))):
        if abs(to_x - x) < _STRAIGHT:
            steps.append(f"V{_number(to_y)}")
        else:
            middle = _number((y + to_y) / 2)
            steps.append(
                f"C{_number(x)} {middle} {_number(to_x)} {middle} {_number(to_x)} {_number(to_y)}"
            )
            x = to_x
        y = to_y
    if not back:
        steps.append(f"V{_number(end_y - 0.5)}m-3.5-4.5l3.5 4.5 3.5-4.5")
    return "".join(steps)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(visible(text))


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
