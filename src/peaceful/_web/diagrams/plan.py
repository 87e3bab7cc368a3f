"""Plans of diagrams: the items of a flow, or the places that they touch."""

from __future__ import annotations

import enum
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

import msgspec

from peaceful._commands.status import StatusCmd
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import DiagramTooLarge
from peaceful._graph.graph import EdgeKind
from peaceful._item.item import AnyItem
from peaceful._item.resolution import Unresolvable, example_of, resolve
from peaceful._model.codec import ItemId
from peaceful._model.location import Interaction, Location, LocationKind, Pull, Push, Within
from peaceful._model.state import State
from peaceful._present.text import count
from peaceful._runtime.block import States, diff_of
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._user_code import is_ctrl_c

MOST_BOXES: Final = 400
"""More are not drawn: nobody could take them in."""

MOST_ARROWS: Final = 1000
"""More are not drawn: Graphviz needs a second for these, and half a minute for twice as many."""

_MOST_TOLD: Final = 60
"""Relations that are described in words; the table of items has all."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_NOWHERE: Final = "nowhere"
"""The ID of the box with the items that declare no place."""


class Look(enum.StrEnum):
    """The kind of a node; a class of its box, for style sheets."""

    ITEM = "item"
    PLACE = "place"
    ACTOR = "actor"
    """An item, in a diagram of places."""


class PlanNode(msgspec.Struct, frozen=True):
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


class Link(msgspec.Struct, frozen=True):
    """An arrow from one node, by its ID, to another."""

    source: str
    target: str


class Plan(msgspec.Struct, frozen=True):
    """The nodes of a diagram, each after the one that it is in, and its arrows.

    `notes` are sentences about what cannot be drawn.
    """

    flow: str
    shows: str
    nodes: tuple[PlanNode, ...]
    links: tuple[Link, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The title of the diagram."""
        return f"{self.flow}: {self.shows}"

    @property
    def contents(self) -> Mapping[str | None, Sequence[PlanNode]]:
        """The nodes directly in each node, by ID; by `None`, those in no other."""
        found: dict[str | None, list[PlanNode]] = {None: []}
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
    def layers(self) -> Sequence[Sequence[PlanNode]]:
        """The nodes in layers, each after what it waits for and what it is in; without circles."""
        before: dict[str, list[str]] = {
            node.id: [] if node.inside is None else [node.inside] for node in self.nodes
        }
        for link in self.links:
            before[link.target].append(link.source)
        layer: dict[str, int] = {}
        found: dict[int, list[PlanNode]] = {}
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
        sentences = [count(len(self.nodes), "thing"), *relations[:_MOST_TOLD]]
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


def plan_of(ctx: CmdCtx, kind: str, *, to_draw: bool) -> Plan:
    """Return the plan of a diagram of a flow, of a kind: `progress` or `outcome`.

    Raise `DiagramTooLarge` if it is to be drawn and too large, and `StorageError`.
    """
    if to_draw:
        check_size(ctx.flow.id, len(ctx.flow.items))
    if kind == "outcome":
        return Outcome.of(ctx, to_draw=to_draw).plan()
    graph = ctx.flow.graph
    nodes = (PlanNode(item, item, graph.container_of(item), item=item) for item in graph.order)
    links = (Link(edge.source, edge.target) for edge in graph.edges if edge.kind is EdgeKind.LOGIC)
    return Plan(ctx.flow.id, "what waits for what", tuple(nodes), tuple(links))


class Touches(msgspec.Struct, frozen=True):
    """The interactions of an item with places, or the reason (`trouble`) why they are not known.

    The item `is_there` if it is as it should be, by stored states.
    """

    item: ItemId
    interactions: tuple[Interaction, ...] = ()
    is_there: bool = False
    trouble: str = ""


def touches_of(flow: BuiltFlow, known: States) -> Iterator[Touches]:
    """Yield the interactions of each item, by stored states, or examples if one is missing.

    Runs code of items, which may take its time.
    """
    states: dict[ItemId, State] = {}
    for item_id in flow.graph.order:
        declared = flow.items[item_id].item
        try:
            item = _with_values(declared, states)
            state = known.current.get(item_id)
            states[item_id] = item.state_example() if state is None else state
            interactions = tuple(item.interactions())
        except PeacefulError as error:
            yield Touches(item_id, trouble=error.message)
        except BaseException as error:  # an item's own code, on values that are examples
            if is_ctrl_c(error):
                raise
            # Only its kind: the message may hold secrets.
            yield Touches(item_id, trouble=type(error).__name__)
        else:
            yield Touches(item_id, interactions, _is_there(declared, item_id, known))


def _with_values(item: AnyItem, states: Mapping[ItemId, State]) -> AnyItem:
    try:
        return resolve(item, states.get)
    except Unresolvable:
        # An example need not be a value that the parameter may have.
        return example_of(item, states.get)


def _is_there(item: AnyItem, item_id: ItemId, known: States) -> bool:
    current, goal = known.current.get(item_id), known.goal.get(item_id)
    if current is None or goal is None:
        return False
    try:
        return diff_of(item, item_id, current, goal) is None
    except PeacefulError:
        # An item that cannot compare its states says so where they are compared.
        return False


class Outcome:
    """The places that the items of a flow touch, each after the one that it is in.

    An act is an item with the IDs of two places, the same one twice if it acts within it. Items
    that declare no place are kept with the reason, if there is any.
    """

    def __init__(self, flow: str, touches: Iterable[Touches]) -> None:
        self._flow = flow
        self._touches = tuple(touches)
        pairs = [(each, _ends(act)) for each in self._touches for act in each.interactions]
        places, ids = _places(location for _, ends in pairs for location in ends)
        acts = [(each.item, ids[source], ids[target]) for each, (source, target) in pairs]
        self.acts: Final = tuple(dict.fromkeys(acts))
        self.without_places: Final = {
            each.item: each.trouble for each in self._touches if not each.interactions
        }
        made = {act[2] for act, (each, _) in zip(acts, pairs, strict=True) if each.is_there}
        targets = {target for _, _, target in acts}
        self.places: Final = tuple(
            PlanNode(
                place.id,
                place.label,
                place.inside,
                Look.PLACE,
                sort=place.kind.value,
                # Groups and hosts are there before any item acts on them.
                by_example=place.kind is LocationKind.PATH and place.id in targets - made,
            )
            for place in places
        )

    @classmethod
    def of(cls, ctx: CmdCtx, *, to_draw: bool) -> Outcome:
        """Return the outcome of a flow, by stored states; read files, and run code of items.

        Raise `StorageError`; and if it is to be drawn, `DiagramTooLarge` as soon as it is known.
        """
        touches: list[Touches] = []
        boxes = 0
        for each in touches_of(ctx.flow, StatusCmd.states(ctx)):
            touches.append(each)
            boxes += len(set(each.interactions)) or 1
            if to_draw:
                check_size(ctx.flow.id, boxes)
        return cls(ctx.flow.id, touches)

    def plan(self) -> Plan:
        """Return the diagram: places in places, and items in a place or between two of them."""
        nodes, links = list(self.places), list[Link]()
        inside = {node.id: node.inside for node in nodes}

        def around(place: str | None) -> Iterator[str]:
            while place is not None:
                yield place
                place = inside[place]

        number = Counter[ItemId]()

        def actor(item: ItemId, holder: str | None) -> PlanNode:
            # An item may do several things; names of items have no dash in them.
            number[item] += 1
            more = f"-{number[item]}" if number[item] > 1 else ""
            return PlanNode(f"item-{item}{more}", item, holder, Look.ACTOR, item)

        for item, source, target in self.acts:
            common = set(around(source))
            nodes.append(actor(item, next((one for one in around(target) if one in common), None)))
            if source != target:
                links += [Link(source, nodes[-1].id), Link(nodes[-1].id, target)]
        if self.without_places:
            nodes.append(PlanNode(_NOWHERE, "declares no place", None, Look.PLACE, sort=_NOWHERE))
            nodes += [actor(item, _NOWHERE) for item in self.without_places]
        notes = (
            f"The places of {each.item} cannot be told: {each.trouble}"
            for each in self._touches
            if each.trouble
        )
        return Plan(self._flow, "what it touches", tuple(nodes), tuple(links), tuple(notes))


def _ends(interaction: Interaction) -> tuple[Location, Location]:
    """Return the source and the target; the same place twice for an act within it."""
    match interaction:
        case Push(source=source, target=target) | Pull(client=target, server=source):
            return source, target
        case Within(location=place):
            return place, place
        case _:
            assert_never(interaction)


class _Place(msgspec.Struct):
    """A place, or a folder that is only on the way to some: then it is not `meant`.

    Its ID, its label with the folders that hold nothing else before it, and the ID of the place
    around it are known once it is shown.
    """

    name: str
    kind: LocationKind
    meant: bool = False
    parts: dict[tuple[LocationKind, str], _Place] = {}
    id: str = ""
    label: str = ""
    inside: str | None = None

    def shown(self) -> Iterator[tuple[str, _Place]]:
        """Yield its parts with labels: a folder that holds one thing is joined with that."""
        for part in self.parts.values():
            place, label = part, part.name
            while not place.meant and len(place.parts) == 1:
                (place,) = place.parts.values()
                label = f"{label.removesuffix('/')}/{place.name}"
            if place.meant or label != "/":
                yield label, place
            else:
                # That all of them begin at the root says nothing.
                yield from ((f"/{inner}", each) for inner, each in place.shown())


def _places(locations: Iterable[Location]) -> tuple[list[_Place], Mapping[Location, str]]:
    """Return places, each after the one that it is in, and the ID of the place of each location.

    Paths are sorted into the folders that they share.
    """
    top = _Place("", LocationKind.GROUP, meant=True)
    found: dict[Location, _Place] = {}

    def place_of(location: Location) -> _Place:
        if location not in found:
            place = top if location.parent is None else place_of(location.parent)
            for name in _names(location):
                place = place.parts.setdefault((location.kind, name), _Place(name, location.kind))
            place.meant = True
            found[location] = place
        return found[location]

    for location in locations:
        place_of(location)
    shown = [top]
    for holder in shown:
        for label, place in holder.shown():
            place.id, place.label, place.inside = f"place-{len(shown)}", label, holder.id or None
            shown.append(place)
    return shown[1:], {location: place.id for location, place in found.items()}


def _names(location: Location) -> list[str]:
    """Return the names on the way to a location: of a path, those of its folders and its own."""
    name = location.name
    if location.kind is not LocationKind.PATH:
        return [name]
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return ["/", *parts] if name.startswith("/") else parts or [name]
