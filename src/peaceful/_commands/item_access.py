"""Items as commands use them, including those that were removed from the flow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import cast

import msgspec
from pydantic import ValidationError

from peaceful._aio import run_in_thread
from peaceful._errors.running import GoalNotReached, ItemCrashed, ValueUnresolved
from peaceful._errors.usage import NameUnknown
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem, Item
from peaceful._item.resolution import Unresolvable, check_state, resolve, resolve_partially
from peaceful._model.codec import ItemId, JsonValue
from peaceful._model.outcome import ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._params.plain import holds_secret, plain_form
from peaceful._params.specs import StateLookup
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, diff_of, needs_apply
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow, FlowItem
from peaceful._storage.stored_state import StateKind, StateStore, StoredState


def resolved_item(flow_id: str, flow_item: FlowItem, state_of: StateLookup) -> AnyItem:
    """Return the item with every parameter's value, or raise `ValueUnresolved`."""
    try:
        return resolve(flow_item.item, state_of)
    except Unresolvable as error:
        raise _explained(flow_id, flow_item, error) from error


def partial_item(flow_id: str, flow_item: FlowItem, state_of: StateLookup) -> tuple[AnyItem, bool]:
    """Return the item with the known values, and whether all are known.

    Reading another value raises `ValueUnresolved`, as does a known one of the wrong type here.
    """
    try:
        item, unknown = resolve_partially(flow_item.item, state_of)
    except Unresolvable as error:
        raise _explained(flow_id, flow_item, error) from error
    return item, not unknown


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
    """Return the state that a function of an item returns.

    Raises `PeacefulError` if the item fails.
    """
    state = await run.calls(item, function, ctx, *states)
    return checked(item, function, ctx, state)


async def asked_if_known(run: BlockRun, item: AnyItem, function: str, ctx: ItemCtx) -> State | None:
    """Return the state that a function of an item returns; None while a parameter is unknown."""
    try:
        state = await run.calls(item, function, ctx)
    except ValueUnresolved:
        return None
    return None if state is None else checked(item, function, ctx, state)


def checked(item: AnyItem, function: str, ctx: ItemCtx, state: object) -> State:
    """Return what a function of an item returned, or raise `ItemCrashed` if it is not its state."""
    try:
        return check_state(item, state)
    except TypeError as error:
        raise ItemCrashed(ctx.item, function, error) from error


def confirm(item: AnyItem, ctx: ItemCtx, state: State, goal: State) -> None:
    """Raise `GoalNotReached` if the item would still need applying."""
    diff = diff_of(item, ctx.item, state, goal)
    if needs_apply(item, ctx.item, state, goal, diff):
        raise GoalNotReached(ctx.item, "it says so itself" if diff is None else str(diff))


def stored_form_of(
    item: AnyItem,
    state: State,
    params: Mapping[str, JsonValue],
    at: datetime,
    *,
    needs: tuple[ItemId, ...] = (),
    unfinished: datetime | None = None,
) -> StoredState:
    """Return a state in its stored form.

    If it is the partial state of an item that stopped, `unfinished` is since when it was changed.
    """
    return StoredState(
        kind=item.kind(),
        version=type(state).state_version,
        state=plain_form(state),
        params=params,
        at=at,
        in_progress_since=unfinished,
        stopped=unfinished is not None,
        needs=needs,
    )


def same_fact(before: StoredState | None, after: StoredState) -> bool:
    """Return whether the stored entry says the same, apart from the time."""
    return (
        before is not None
        and before.in_progress_since is None
        and (before.state, before.version, before.kind, before.params, before.needs)
        == (after.state, after.version, after.kind, after.params, after.needs)
    )


def state_from_stored(item: AnyItem, stored: StoredState | None) -> State | None:
    """Return the stored state; None if it is in doubt, or of another kind or version."""
    if stored is None or stored.in_progress_since is not None:
        return None
    state_type: type[State] = item.state_type()
    if stored.kind != item.kind() or stored.version != state_type.state_version:
        return None
    try:
        return state_type.model_validate(stored.state)
    except ValidationError:
        # What is stored does not fit the class any more: it is discovered anew.
        return None


def stored_states(flow: BuiltFlow, store: StateStore, kind: StateKind) -> dict[ItemId, State]:
    """Return the stored states of a flow's items, without those in doubt or of another kind."""
    stored = store.load(kind)
    return {
        item_id: state
        for item_id, flow_item in flow.items.items()
        if (state := state_from_stored(flow_item.item, stored.get(item_id))) is not None
    }


async def load(run: BlockRun, kind: StateKind) -> Mapping[ItemId, StoredState]:
    """Return the stored states of the flow; read in a thread, because they may be many."""
    return await run_in_thread(lambda: run.ctx.store.load(kind))


def item_from_stored(
    item_type: type[AnyItem], stored: StoredState, secrets_of: AnyItem | None = None
) -> AnyItem | None:
    """Return the item as it was when its state was stored, or None if its class has changed.

    Secrets, which are not stored, are taken from the present item `secrets_of` if the parameter is
    otherwise the same.
    """
    if stored.params is None or stored.kind != item_type.kind():
        return None
    now: Mapping[str, object] = {} if secrets_of is None else secrets_of.__dict__
    secrets: dict[str, object] = {
        name: now[name]
        for name, value in stored.params.items()
        if holds_secret(now.get(name)) and plain_form(now[name]) == value
    }
    try:
        return item_type(**{**stored.params, **secrets})
    except ValidationError:
        # Its parameters have changed since, or one was a secret that is not known any more.
        return None


def shown_result(status: ItemStatus, state: State, message: str) -> ItemResult:
    """Return the result of an item whose state is not stored."""
    return ItemResult(status, state=plain_form(state), shown=str(state), message=message)


class LeftItems(msgspec.Struct, frozen=True):
    """Items that are stored and were removed from the flow.

    Attributes:
        items: by ID, the item as it was; None if its class is gone or has changed. The last stored
            comes first: what came after others may lie in them, or need them.
        needs: by ID, also of items of the flow, what an item stood on when it was stored; what was
            stored last comes first.
    """

    items: Mapping[ItemId, AnyItem | None] = msgspec.field(
        default_factory=dict[ItemId, AnyItem | None]
    )
    needs: Mapping[ItemId, tuple[ItemId, ...]] = msgspec.field(
        default_factory=dict[ItemId, tuple[ItemId, ...]]
    )


class LeftItemsBlock(CmdBlock[LeftItems]):
    """Finds items that are stored and were removed from the flow. Has no items of its own.

    Args:
        only: the items that the command is limited to; empty for all.
    """

    def __init__(self, only: Iterable[ItemId] = ()) -> None:
        self._only = frozenset(only)

    async def run(self, run: BlockRun) -> BlockResult[LeftItems]:
        """Read what is stored."""
        stored = await load(run, StateKind.CURRENT)
        return BlockResult(left_items(run.ctx.flow, stored, self._only))


def left_items(
    flow: BuiltFlow, stored: Mapping[ItemId, StoredState], only: Collection[ItemId] = ()
) -> LeftItems:
    """Return the items that are stored and not in the flow, limited to `only` if not empty."""
    left = [
        item_id
        for item_id in reversed([*stored])
        if item_id not in flow.items and (not only or item_id in only)
    ]
    if not left:
        return LeftItems()
    classes = _item_classes()
    newest = sorted(stored, key=lambda item_id: stored[item_id].at, reverse=True)
    return LeftItems(
        {item_id: _as_it_was(stored[item_id], classes) for item_id in left},
        {item_id: stored[item_id].needs for item_id in newest},
    )


def item_from_kind(stored: StoredState) -> AnyItem | None:
    """Return the item as it was stored; None if its stored class is gone or has changed."""
    return _as_it_was(stored, _item_classes())


def _as_it_was(stored: StoredState, classes: Mapping[str, type[AnyItem]]) -> AnyItem | None:
    item_type = classes.get(stored.kind)
    return None if item_type is None else item_from_stored(item_type, stored)


def _item_classes() -> Mapping[str, type[AnyItem]]:
    """Return every loaded class of items by kind: a file must not decide what is imported."""
    pending = cast("list[type[AnyItem]]", Item.__subclasses__())
    for item_type in pending:
        pending += item_type.__subclasses__()
    return {item_type.kind(): item_type for item_type in pending}


async def check_names(ctx: CmdCtx, only: Collection[ItemId]) -> None:
    """Raise `NameUnknown` if a name is neither of an item of the flow nor of a stored one.

    Raises `StorageError` if what is stored cannot be read.
    """
    items = ctx.flow.items
    others = [name for name in only if name not in items]
    if others:
        stored = await run_in_thread(lambda: ctx.store.load(StateKind.CURRENT))
        for name in others:
            if name not in stored:
                raise NameUnknown("item", name, {*items, *stored})
