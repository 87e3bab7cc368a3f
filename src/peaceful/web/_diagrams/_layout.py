"""From a plan to a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from peaceful.errors import DiagramTooLarge
from peaceful.web._diagrams._inside import moved
from peaceful.web._diagrams._level import GROUP, Levels
from peaceful.web._diagrams._measure import shortened, visible, width_of
from peaceful.web._diagrams._model import Box, Drawing, Frame, Line, Link, Look, Node, Plan, Point
from peaceful.web._diagrams._nest import TOP, Nest
from peaceful.web._diagrams._twins import FRAME, Grid, Twins, grid_of, twins_of

MARGIN: Final = 10.0
"""The room around everything."""

MOST_NODES: Final = 400
"""So many boxes can be taken in at a glance; more are not drawn."""

_WIDTH: Final = 960.0
_LETTERS: Final[Mapping[Look, int]] = {Look.ITEM: 26, Look.PLACE: 34, Look.ACTOR: 26}
_HEIGHTS: Final[Mapping[Look, float]] = {Look.ITEM: 30.0, Look.PLACE: 30.0, Look.ACTOR: 24.0}
TEXT_AT: Final = 12.0
"""Where a text begins, from the left edge of its box; and where it ends, from the right."""

SIGN_AT: Final = 9.0
"""Where the sign of how an item stands begins."""

TEXT_AFTER_SIGN: Final = 26.0
"""Where a text with such a sign before it begins."""

_NEAR: Final = 0.01

_Place: TypeAlias = tuple[float, float, float, float]


def drawn(plan: Plan, width: float = _WIDTH) -> Drawing:
    """Puts everything in its place. The same plan gives the same drawing.

    What is in a thing is drawn in it; every arrow goes down; what stands alike is put into blocks.

    Args:
        plan: what is drawn.
        width: how wide the drawing may become, where that can be helped.

    Raises:
        DiagramTooLarge: there are more boxes than anyone could take in.
    """
    if len(plan.nodes) > MOST_NODES:
        raise DiagramTooLarge(plan.name, len(plan.nodes), MOST_NODES)
    texts = {one.id: shortened(visible(one.label), _LETTERS[one.look]) for one in plan.nodes}
    sizes = {one.id: _size(one, texts[one.id]) for one in plan.nodes}
    twins = twins_of(plan.nodes, plan.links)
    joined = {end for link in twins.links for end in (link.source, link.target)}
    grids = {
        name: grid_of(ids, sizes, width, FRAME if name in joined else 0.0)
        for name, ids in twins.members.items()
    }
    sizes.update({name: (grid.width, grid.height) for name, grid in grids.items()})
    inside = {twins.block_of[node.id]: node.inside or TOP for node in plan.nodes}
    levels = Levels(Nest(inside, twins.links), sizes, width)
    places = _places(levels, grids)
    whole = levels.insides[TOP]
    return Drawing(
        plan,
        whole.width + 2 * MARGIN,
        whole.height + 2 * MARGIN,
        tuple(
            Box(node, *places[node.id], texts[node.id], node.id in levels.nest.contents)
            for node in plan.nodes
        ),
        tuple(Frame(twins.members[name], *places[name]) for name in grids if name in joined),
        tuple(_line(link, levels, twins, places) for link in levels.nest.links),
    )


def _size(node: Node, text: str) -> Point:
    before = TEXT_AFTER_SIGN if node.item else TEXT_AT
    return (width_of(text) + before + TEXT_AT, _HEIGHTS[node.look])


def _places(levels: Levels, grids: Mapping[str, Grid]) -> dict[str, _Place]:
    """By thing, block and group, its left and upper edge, its width and its height."""
    whole = levels.insides[TOP]
    places: dict[str, _Place] = {TOP: (MARGIN, MARGIN, whole.width, whole.height)}
    pending = [TOP]
    for around in pending:
        left, top, _, _ = places[around]
        inside = levels.insides[around]
        for one, (x, y) in inside.spots.items():
            places[one] = (left + x, top + y, *inside.sizes[one])
            # What shares rows was placed with all that is in it.
            if one in levels.insides and not around.startswith(GROUP):
                pending.append(one)
    for name, grid in grids.items():
        left, top, _, _ = places[name]
        for one, (x, y, width, height) in grid.spots.items():
            places[one] = (left + x, top + y, width, height)
    return places


def _line(link: Link, levels: Levels, twins: Twins, places: Mapping[str, _Place]) -> Line:
    level = levels.nest.level_of(link)
    out, into = _owners(link.source, level, levels), _owners(link.target, level, levels)
    group = _group_around(level, levels)
    if group is None and out and into and out[-1] == into[-1]:
        group = out[-1]
    if group is not None:
        pieces = [(group, levels.insides[group].links[link])]
    else:
        pieces = [
            *((one, levels.insides[one].out[link.source]) for one in out),
            (level, levels.insides[level].links[link]),
            *((one, levels.insides[one].into[link.target]) for one in reversed(into)),
        ]
    way: list[Point] = []
    for owner, piece in pieces:
        x, y, _, _ = places[owner]
        way += moved(piece, x, y)
    sources = twins.members.get(link.source, (link.source,))
    targets = twins.members.get(link.target, (link.target,))
    return Line(sources, targets, _without_repeats(way), link.back)


def _group_around(level: str, levels: Levels) -> str | None:
    """The outermost group that a thing is in, itself or with what is around it; or none."""
    around = [level, *levels.nest.around(level)] if level != TOP else []
    return next((levels.group_of[one] for one in reversed(around) if one in levels.group_of), None)


def _owners(one: str, level: str, levels: Levels) -> list[str]:
    """What a line from or to a thing goes through below a level, from the inside out."""
    owners: list[str] = []
    for unit in levels.nest.units(one, level):
        # A group stands for all that is in it; and what is in nothing at this level owns no piece.
        group = levels.group_of.get(unit)
        if group is not None:
            owners = [group]
        elif unit != one:
            owners.append(unit)
    return owners


def _without_repeats(way: Sequence[Point]) -> tuple[Point, ...]:
    """A way without points that are where the one before is, or between two straight above."""
    kept: list[Point] = []
    for x, y in way:
        if kept and abs(kept[-1][0] - x) < _NEAR and abs(kept[-1][1] - y) < _NEAR:
            continue
        if len(kept) > 1 and all(abs(kept[at][0] - x) < _NEAR for at in (-1, -2)):
            kept.pop()
        kept.append((x, y))
    return tuple(kept)
