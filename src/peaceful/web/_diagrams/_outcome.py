"""The diagram of the outcome: the places that a flow touches, and the items that act on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, assert_never

from peaceful.model import (
    Interaction,
    ItemId,
    JsonValue,
    Location,
    LocationKind,
    Pull,
    Push,
    Within,
)
from peaceful.web._diagrams._acyclic import without_circles
from peaceful.web._diagrams._model import Link, Look, Node, Plan
from peaceful.web._diagrams._places import Places
from peaceful.web._diagrams._touches import Touches

NOWHERE: Final = "nowhere"
"""The ID of the box with the items that declare no place."""


def outcome_plan(flow: str, touches: Sequence[Touches]) -> Plan:
    """Places as boxes in boxes; items stand in a place, or between two of them.

    Args:
        flow: the flow's name.
        touches: what its items touch, in their order.
    """
    acts = _all_acts(touches)
    places = _places(acts)
    nodes = list(_place_nodes(places, acts))
    links: list[Link] = []
    names = _Names()
    for act in acts:
        source, target = places.id_of(act.source), places.id_of(act.target)
        actor = names.new(act.item)
        around = places.common(source, target)
        nodes.append(Node(actor, act.item, around, Look.ACTOR, act.item))
        if source != target:
            links += [Link(source, actor), Link(actor, target)]
    without = [each for each in touches if not each.interactions]
    if without:
        nodes.append(Node(NOWHERE, "declares no place", None, Look.PLACE, sort=NOWHERE))
        nodes += [
            Node(names.new(each.item), each.item, NOWHERE, Look.ACTOR, each.item)
            for each in without
        ]
    return Plan(
        flow=flow,
        shows="what it touches",
        nodes=tuple(nodes),
        links=without_circles(nodes, links),
        notes=tuple(
            f"The places of {each.item} cannot be told: {each.trouble}"
            for each in touches
            if each.trouble
        ),
    )


def outcome_view(touches: Sequence[Touches]) -> dict[str, JsonValue]:
    """The same as data: places, and what each item does from where to where."""
    acts = _all_acts(touches)
    places = _places(acts)
    return {
        "places": [
            {
                "id": node.id,
                "name": node.label,
                "kind": node.sort,
                "inside": node.inside,
                "by_example": node.by_example,
            }
            for node in _place_nodes(places, acts)
        ],
        "acts": [
            {
                "item": act.item,
                "source": places.id_of(act.source),
                "target": places.id_of(act.target),
            }
            for act in acts
        ],
        "without_places": {each.item: each.trouble for each in touches if not each.interactions},
    }


@dataclass(frozen=True, slots=True)
class _Act:
    """An item, and from where to where it acts; the same place twice where it acts in it."""

    item: ItemId
    source: Location
    target: Location
    is_there: bool


def _all_acts(touches: Iterable[Touches]) -> list[_Act]:
    acts: dict[_Act, None] = {}
    for each in touches:
        for interaction in each.interactions:
            source, target = ends_of(interaction)
            acts[_Act(each.item, source, target, each.is_there)] = None
    return list(acts)


def _places(acts: Iterable[_Act]) -> Places:
    return Places(place for act in acts for place in (act.source, act.target))


def ends_of(interaction: Interaction) -> tuple[Location, Location]:
    """From where to where something goes; the same place twice where it happens in one."""
    match interaction:
        case Push(source=source, target=target) | Pull(client=target, server=source):
            return source, target
        case Within(location=place):
            return place, place
        case _:
            assert_never(interaction)


def _place_nodes(places: Places, acts: Iterable[_Act]) -> Iterator[Node]:
    made: dict[str, bool] = {}
    for act in acts:
        target = places.id_of(act.target)
        made[target] = made.get(target, False) or act.is_there
    for place in places.all:
        # Groups and hosts are there before any item acts on them.
        by_example = place.kind is LocationKind.PATH and not made.get(place.id, True)
        yield Node(
            place.id,
            place.name,
            place.parent,
            Look.PLACE,
            sort=place.kind.value,
            by_example=by_example,
        )


class _Names:
    """IDs for what items do: an item may do several things."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, item: ItemId) -> str:
        """An ID that is not taken."""
        names = (f"item-{item}" if n == 1 else f"item-{item}-{n}" for n in count(1))
        name = next(each for each in names if each not in self._taken)
        self._taken.add(name)
        return name
