"""Things that an item leaves behind, because its parameters now mean another thing.

What a thing is found by, its path for instance, is a parameter like any other. Where parameters
have changed since the state was stored, the thing that they meant before may still be there, and
what is stored next replaces all that is known of it. So what was stored goes on under another name,
as that of an item that has left the flow: `status` shows it, and `clean` cleans it up. `ensure`
itself removes nothing: it was not asked to.

Whether both mean the same thing, the item says by its interactions. Where it declares none, the old
item is asked what it sees: the same as the new one, and both are taken to mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import assert_never

from peaceful.commands._item_access import asked, item_from_stored
from peaceful.commands._left import item_from_kind
from peaceful.errors import PeacefulError
from peaceful.item import AnyItem, ItemCtx
from peaceful.model import Interaction, ItemId, JsonValue, Location, Pull, Push, Within
from peaceful.model.state import State
from peaceful.runtime import BlockRun, diff_of, needs_apply
from peaceful.storage import StoredState


def may_be_left(before: StoredState | None, item: AnyItem, params: Mapping[str, JsonValue]) -> bool:
    """Whether what is stored may be of another thing than the item's. Quick, for every item.

    Args:
        before: what is stored of the item.
        item: the item, with all of its values.
        params: these values as they are stored.
    """
    return (
        before is not None
        and before.params is not None
        and (before.params != params or before.kind != item.kind())
    )


async def is_left(
    run: BlockRun, ctx: ItemCtx, item: AnyItem, current: State, before: StoredState
) -> bool:
    """Whether what is stored is of another thing than the item's, and that thing is there.

    Args:
        run: the block.
        ctx: the item's context.
        item: the item, with all of its values.
        current: what it is.
        before: what is stored of it.
    """
    same_kind = before.kind == item.kind()
    old = item_from_stored(type(item), before, item) if same_kind else item_from_kind(before)
    if old is None:
        # Of the same kind, its parameters are others by now, and say nothing of places. Of another
        # kind, it is another thing, which nobody can look at.
        return not same_kind
    places = places_of(item)
    if places and places == places_of(old):
        return False
    try:
        there = await asked(run, old, "state_current", ctx)
        clean = await asked(run, old, "state_clean", ctx)
        diff = diff_of(old, ctx.item, there, clean)
        if not needs_apply(old, ctx.item, there, clean, diff):
            return False
    except PeacefulError:
        # That it cannot be looked at does not mean that it is gone.
        return True
    return bool(places) or not same_kind or there != current


def places_of(item: AnyItem) -> frozenset[Location]:
    """The places where an item's thing is; empty where it does not say."""
    return frozenset(_place(interaction) for interaction in item.interactions())


def _place(interaction: Interaction) -> Location:
    match interaction:
        case Push(target=place) | Pull(client=place) | Within(location=place):
            return place
        case _:
            assert_never(interaction)


def names_for(item: ItemId) -> Iterator[ItemId]:
    """Names under which what an item left behind can be stored: the first that is free is taken."""
    first = f"{item}{_BEFORE}"
    yield first
    for number in count(2):
        yield f"{first}_{number}"


def is_name_for(name: ItemId, item: ItemId) -> bool:
    """Whether something is stored under a name because an item left it behind."""
    number = name.removeprefix(f"{item}{_BEFORE}")
    return number != name and (not number or number.removeprefix("_").isdecimal())


_BEFORE = "__before"
