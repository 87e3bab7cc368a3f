"""What each item of a flow touches: for real where that is known, else by example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peaceful.errors import PeacefulError
from peaceful.item import AnyItem, Unresolvable, example_of, resolved
from peaceful.model import Interaction, ItemId
from peaceful.model.state import State
from peaceful.runtime import BuiltFlow, States, diff_of


@dataclass(frozen=True, slots=True)
class Touches:
    """What an item touches.

    Attributes:
        item: the item.
        interactions: how it touches places; nothing where it declares none.
        is_there: whether its thing is as it should be, by what is stored.
        trouble: why its places cannot be told; empty where they can.
    """

    item: ItemId
    interactions: tuple[Interaction, ...] = ()
    is_there: bool = False
    trouble: str = ""


def touches_of(flow: BuiltFlow, known: States) -> tuple[Touches, ...]:
    """Asks every item for its places. Runs code of items, which may take its time.

    Args:
        flow: the flow.
        known: the stored states. Where one is missing, an example of it is taken.
    """
    states: dict[ItemId, State] = {}
    found: list[Touches] = []
    for item_id in flow.graph.order:
        declared = flow.items[item_id].item
        try:
            item = _with_values(declared, states)
            state = known.current.get(item_id)
            states[item_id] = item.state_example() if state is None else state
            interactions = tuple(item.interactions())
        except Exception as error:  # noqa: BLE001 - an item's own code, on values that are examples
            found.append(Touches(item_id, trouble=_told(error)))
        else:
            there = _is_there(declared, item_id, known)
            found.append(Touches(item_id, interactions, there))
    return tuple(found)


def _with_values(item: AnyItem, states: Mapping[ItemId, State]) -> AnyItem:
    try:
        return resolved(item, states.get)
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


def _told(error: Exception) -> str:
    """What an error says; of an item's own errors only the kind, since they may hold secrets."""
    return error.message if isinstance(error, PeacefulError) else type(error).__name__
