"""Items as commands use them, including those that were removed from the flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import cast

from pydantic import ValidationError

from peaceful._aio import run_in_thread
from peaceful._errors.running import GoalNotReached, ItemCrashed, ValueUnresolved
from peaceful._errors.usage import StateNotReadable
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff
from peaceful._item.item import AnyItem, Item, kinds_of
from peaceful._item.readable import loss_of
from peaceful._item.resolution import Unresolvable, check_state, resolve, resolve_partially
from peaceful._item.upgrades import Reading, read_state
from peaceful._model.codec import ItemId
from peaceful._model.outcome import ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.plain import plain_form
from peaceful._params.secrets import secrets_in, with_secrets
from peaceful._params.specs import StateLookup
from peaceful._present.text import name_list
from peaceful._runtime.block import BlockRun, diff_of, is_reached
from peaceful._runtime.flow import BuiltFlow, FlowItem
from peaceful._storage.stored_state import StateKind, StoredState


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
    """Return what a function of an item returned.

    Raises `ItemCrashed` if it is not its state, and `StateNotReadable` if it would not read back.
    """
    try:
        known = check_state(item, state)
    except TypeError as error:
        raise ItemCrashed(ctx.item, function, error) from error
    state_type: type[State] = item.state_type()
    loss = loss_of(known, state_type)
    if loss is not None:
        # By default, the functions for what is not known call those that the item wrote.
        place = f"{type(item).__name__}.{function.removeprefix('try_')}"
        raise StateNotReadable(ctx.item, place, state_type.__name__, *loss[:2], help=loss.help)
    return known


def confirm(item: AnyItem, ctx: ItemCtx, state: State, goal: State) -> None:
    """Raise `GoalNotReached` if there is still something to do."""
    diff = diff_of(item, ctx.item, state, goal)
    if not is_reached(item, ctx.item, state, goal, diff):
        raise GoalNotReached(ctx.item, str(diff))


def same_fact(before: StoredState | None, after: StoredState) -> bool:
    """Return whether the stored entry says the same, apart from the time and who stored it."""
    return (
        before is not None
        and before.in_progress_since is None
        and replace(before, at=after.at, app_version=after.app_version) == after
    )


def read_stored(item: AnyItem, stored: StoredState | None) -> Reading:
    """Return the stored state, upgraded if it is old; none if it is in doubt or of another kind."""
    if stored is None or stored.in_progress_since is not None:
        return Reading(None)
    if stored.kind not in kinds_of(type(item)):
        return Reading(None)
    return read_state(item.state_type(), stored.version, stored.state)


def state_from_stored(item: AnyItem, stored: StoredState | None) -> State | None:
    """Return the stored state as `read_stored` does, or None."""
    return read_stored(item, stored).state


def unreadable(flow: BuiltFlow, stored: Mapping[ItemId, StoredState]) -> dict[ItemId, str]:
    """Return by item why its stored state cannot be read."""
    readings = {item: read_stored(each.item, stored.get(item)) for item, each in flow.items.items()}
    return {item: each.note for item, each in readings.items() if each.state is None and each.note}


def states_in(flow: BuiltFlow, stored: Mapping[ItemId, StoredState]) -> dict[ItemId, State]:
    """Return the stored states of a flow's items, without those in doubt or of another kind."""
    return {
        item_id: state
        for item_id, flow_item in flow.items.items()
        if (state := state_from_stored(flow_item.item, stored.get(item_id))) is not None
    }


async def load(run: BlockRun, kind: StateKind) -> Mapping[ItemId, StoredState]:
    """Return the stored states of the flow; read in a thread, because they may be many."""
    return await run_in_thread(lambda: run.ctx.store.load(kind))


class NotAsItWas(ValueError):
    """A stored item cannot be made again: its class is gone, or does not take what is stored."""


def tells_identity(item_type: type[AnyItem]) -> bool:
    """Return whether items of a class say which thing they look after."""
    return bool(item_type.identifies) or item_type.identity is not AnyItem.identity


class ItemClasses:
    """The loaded classes of items by kind: what is stored must not decide what is imported."""

    @cached_property
    def _by_kind(self) -> Mapping[str, type[AnyItem]]:
        pending = cast("list[type[AnyItem]]", Item.__subclasses__())
        for item_type in pending:
            pending += item_type.__subclasses__()
        earlier = [(kind, each) for each in pending for kind in kinds_of(each)]
        claims = Counter(kind for kind, _ in earlier)
        # Which of two classes an earlier kind belongs to, nobody can tell.
        known = {kind: each for kind, each in earlier if claims[kind] == 1}
        return {**known, **{item_type.kind(): item_type for item_type in pending}}

    def tell_identity(self, kind: str) -> bool:
        """Return whether items of a kind say which thing they look after."""
        item_type = self._by_kind.get(kind)
        return item_type is not None and tells_identity(item_type)

    def identity_of(self, stored: StoredState) -> str | None:
        """Return the stored identity; by default the kind is in it, which may have changed."""
        item_type, before = self._by_kind.get(stored.kind), f"{stored.kind}:"
        if item_type is None or stored.identity is None or not stored.identity.startswith(before):
            return stored.identity
        return f"{item_type.kind()}:{stored.identity.removeprefix(before)}"

    def as_it_was(
        self, stored: StoredState, flow: BuiltFlow, present: AnyItem | None = None
    ) -> AnyItem:
        """Return the item as it was when its state was stored, or raise `NotAsItWas`.

        Secrets, which are not stored, are those that the flow's parameters have now, or else those
        of the `present` item of that name, if its parameter is otherwise the same.
        """
        item_type = self._by_kind.get(stored.kind) if present is None else type(present)
        if item_type is None or stored.kind not in kinds_of(item_type):
            raise NotAsItWas(f"its class {stored.kind} is not in this program")
        if stored.params is None:
            raise NotAsItWas("its parameters are not stored")
        is_later = stored.version > item_type.state_type().state_version
        if is_later or stored.item_version > item_type.item_version:
            raise NotAsItWas("a later version of the program stored it")
        secrets = {
            path: flow.secrets[name]
            for path, name in stored.secrets.items()
            if name in flow.secrets
        }
        now: Mapping[str, object] = {} if present is None else present.__dict__
        for path, secret in secrets_in(now.items()):
            name = path.partition(".")[0]
            if plain_form(now[name]) == stored.params.get(name):
                secrets.setdefault(path, secret)
        try:
            return item_type(**with_secrets(stored.params, secrets))
        except ValidationError as error:
            missing = [name for name in stored.secrets.values() if name not in flow.secrets]
            if missing:
                names = name_list(missing, 5)
                raise NotAsItWas(f"of the flow's parameters, it needs {names} as well") from None
            wrong = "; ".join(f"{name}: {why}" for name, why in problems_in(error, item_type))
            raise NotAsItWas(f"its class takes other parameters now ({wrong})") from None


def shown_result(
    status: ItemStatus,
    state: State,
    message: str,
    before: State | None = None,
    diff: StateDiff | None = None,
) -> ItemResult:
    """Return the result of an item whose state is not stored; of a dry run, with what it found."""
    return ItemResult(
        status,
        state=plain_form(state),
        shown=str(state),
        message=message,
        before=None if before is None else plain_form(before),
        changes=() if diff is None else diff.changes,
    )
