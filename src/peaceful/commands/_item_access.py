"""From declared items to items that can be called, and from states to what is stored of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from peaceful.errors import ItemCrashed, ValueUnresolved
from peaceful.item import (
    AnyItem,
    ItemCtx,
    Unresolvable,
    checked_state,
    partially_resolved,
    resolved,
)
from peaceful.model import ItemId, JsonValue
from peaceful.model.state import State
from peaceful.params import StateLookup, plain_form
from peaceful.runtime import BlockRun, FlowItem
from peaceful.storage import StateKind, StoredState


def resolved_item(flow_id: str, flow_item: FlowItem, state_of: StateLookup) -> AnyItem:
    """The item with every parameter's value.

    Raises:
        ValueUnresolved: a value is not known, or has the wrong type; it names flow, item, field,
            and where the field was set.
    """
    try:
        return resolved(flow_item.item, state_of)
    except Unresolvable as error:
        raise _explained(flow_id, flow_item, error) from error


def partial_item(flow_id: str, flow_item: FlowItem, state_of: StateLookup) -> AnyItem:
    """The item with the values that are known; reading another one raises `ValueUnresolved`.

    Raises:
        ValueUnresolved: a known value has the wrong type.
    """
    try:
        return partially_resolved(flow_item.item, state_of)[0]
    except Unresolvable as error:
        raise _explained(flow_id, flow_item, error) from error


def _explained(flow_id: str, flow_item: FlowItem, error: Unresolvable) -> ValueUnresolved:
    fields = ", ".join(error.reasons)
    return ValueUnresolved(
        f"{flow_item.id} has no usable value for {fields}.",
        details=(
            *error.reasons.items(),
            ("item", f"{flow_item.id} of flow {flow_id}"),
            ("declared in", flow_item.origin),
        ),
        help="ensure the items that it refers to first, or correct the parameter",
    )


async def asked(run: BlockRun, item: AnyItem, function: str, ctx: ItemCtx, *states: State) -> State:
    """What an item says of its state.

    Raises:
        PeacefulError: the item failed.
    """
    state = await run.calls(item, function, ctx, *states)
    return _checked(item, function, ctx, state)


async def asked_if_known(run: BlockRun, item: AnyItem, function: str, ctx: ItemCtx) -> State | None:
    """What an item says of its state, while not every parameter may be known; none means unknown.

    Raises:
        PeacefulError: the item failed for another reason than a value that is not known.
    """
    try:
        state = await run.calls(item, function, ctx)
    except ValueUnresolved:
        return None
    return None if state is None else _checked(item, function, ctx, state)


def _checked(item: AnyItem, function: str, ctx: ItemCtx, state: object) -> State:
    try:
        return checked_state(item, state)
    except TypeError as error:
        raise ItemCrashed(ctx.item, function, error) from error


def stored_form_of(
    item: AnyItem,
    state: State,
    params: Mapping[str, JsonValue],
    at: datetime,
    *,
    unfinished: datetime | None = None,
) -> StoredState:
    """A state as it is stored, with what it was found or made with.

    Args:
        item: the item.
        state: what it is.
        params: what it was found or made with.
        at: when that was found or made; UTC.
        unfinished: since when it is half done, or none where it is whole.
    """
    return StoredState(
        kind=item.kind(),
        version=type(state).version,
        state=plain_form(state),
        params=params,
        at=at,
        in_progress_since=unfinished,
    )


def same_fact(before: StoredState | None, after: StoredState) -> bool:
    """Whether what is stored already says the same, apart from when it was found."""
    return (
        before is not None
        and before.in_progress_since is None
        and (before.state, before.version, before.kind, before.params)
        == (after.state, after.version, after.kind, after.params)
    )


def state_from_stored(item: AnyItem, stored: StoredState | None) -> State | None:
    """The state that is stored; none where it is stale, or of another kind or version."""
    if stored is None or stored.in_progress_since is not None:
        return None
    state_type: type[State] = item.state_type()
    if stored.kind != item.kind() or stored.version != state_type.version:
        return None
    try:
        return state_type.model_validate(stored.state)
    except ValidationError:
        # What is stored does not fit the class any more: it is discovered anew.
        return None


async def load(run: BlockRun, kind: StateKind) -> Mapping[ItemId, StoredState]:
    """What is stored of the flow's states; read in a thread, because it may be much."""
    return await asyncio.to_thread(run.ctx.store.load, kind)


def item_from_stored(item_type: type[AnyItem], stored: StoredState) -> AnyItem | None:
    """The item as it was when its state was stored, or none where that cannot be told any more."""
    if stored.params is None or stored.kind != item_type.kind():
        return None
    try:
        return item_type(**stored.params)
    except ValidationError:
        # Its parameters have changed since, or one was a secret, which is stored nowhere.
        return None
