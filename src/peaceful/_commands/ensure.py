"""Blocks that bring everything to its goal, and remove what is looked after no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeAlias

from peaceful._commands.change import Change
from peaceful._commands.item_access import (
    asked,
    asked_if_known,
    partial_item,
    resolved_item,
    shown_result,
    state_from_stored,
)
from peaceful._commands.ownership import Ownership, ownership_of
from peaceful._commands.recording import (
    StateRecorder,
    record_states,
)
from peaceful._commands.removal import DryCleaning, RealCleaning, Removals, removal
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ItemFailure, ReplacementNeeded
from peaceful._graph.graph import Graph
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem
from peaceful._model.codec import ItemId
from peaceful._model.outcome import ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import (
    BlockResult,
    BlockRun,
    CmdBlock,
    States,
    diff_of,
    needs_apply,
    replaces,
)
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import Origin, StoredState

Check: TypeAlias = Callable[[ItemId, State, State], None]
"""Refuses to change an item from a state to its goal, or does not."""


def _no_check(_item: ItemId, _current: State, _goal: State) -> None:
    pass


_ITEMS_BEFORE: Final = "the items before are there"
_EVERY_TIME: Final = "runs every time"


def selected(flow: BuiltFlow, only: Collection[ItemId]) -> Graph:
    """Return the graph of the selected items; paths through others still order them."""
    # Names may also be those of what has left the flow.
    kept = (item for item in only if item in flow.items)
    return flow.graph.restricted_to(kept) if only else flow.graph


def removed_by(
    ownership: Ownership, only: Collection[ItemId], *, prune: bool
) -> tuple[list[ItemId], list[ItemId]]:
    """Return what `ensure` removes before items are made, and what afterwards."""
    replaced = {name for item, name in ownership.replaced.items() if not only or item in only}
    # All that stands on it goes as well, selected or not.
    first = [name for name in ownership.left if name in ownership.first]
    last = [
        name
        for name, entry in ownership.left.items()
        if (name in replaced or (prune and (not only or name in only)))
        and name not in first
        and entry.origin is not Origin.FOUND
    ]
    return first, last


class _EnsuringBlock(CmdBlock[States]):
    """A block that goes through the items of a flow, and what they have looked after before.

    Args:
        only: the items to go through, and of what has left the flow to remove; empty for all.
        prune: whether what has left the flow is removed at last, too.
    """

    def __init__(self, only: Iterable[ItemId] = (), *, prune: bool = False) -> None:
        self._only = frozenset(only)
        self._prune = prune

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return what is removed at first, the selected items, and what is removed at last."""
        first, last = self._removals(run)
        return (*first.items, *selected(run.ctx.flow, self._only).order, *last.items)

    def _removals(self, run: BlockRun) -> tuple[Removals, Removals]:
        """Return what is removed before items are made, and what is afterwards."""
        first, last = removed_by(ownership_of(run), self._only, prune=self._prune)
        return removal(run, first), removal(run, last)


def _stored_others(
    flow: BuiltFlow, graph: Graph, stored: Callable[[ItemId], StoredState | None]
) -> dict[ItemId, State]:
    """Return the stored states of the items that are not selected, as they were last seen."""
    others = ((item, flow.items[item].item) for item in flow.items if item not in graph)
    states = {item: state_from_stored(declared, stored(item)) for item, declared in others}
    return {item: state for item, state in states.items() if state is not None}


class EnsureDryBlock(_EnsuringBlock):
    """Goes through everything as `EnsureBlock` does, and asks each item what it would become.

    Later items see that predicted state; as it is not there yet, they may not be able to say what
    they would do, which is no failure.
    """

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Ask the items."""
        graph = selected(run.ctx.flow, self._only)
        first, last = self._removals(run)
        asking = _Asking(run, {*first.items})
        stored = ownership_of(run).current.get
        if self._only:
            asking.states = _stored_others(run.ctx.flow, graph, stored)
        removing = DryCleaning(run, stored, run.ctx.flow.items, known=asking.states)
        results = dict(await first.results(run, removing, changes=False))
        results |= await ItemPass(run, graph, asking.ask, changes=False).results()
        results |= await last.results(run, removing, changes=False)
        return BlockResult(States(asking.states, asking.goal), results)


class _Asking:
    def __init__(self, run: BlockRun, in_the_way: Collection[ItemId]) -> None:
        self._run = run
        self._ownership = ownership_of(run)
        self._in_the_way = in_the_way
        self._predicted: set[ItemId] = set()
        self.states: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    async def ask(self, ctx: ItemCtx) -> ItemResult:
        flow = self._run.ctx.flow
        item, _ = partial_item(flow.id, flow.items[ctx.item], self.states.get)
        try:
            # What is made anew is looked at as it will be then.
            look = "state_clean" if self._is_made_anew(ctx.item) else "try_state_current"
            current = await asked_if_known(self._run, item, look, ctx)
            goal = await asked_if_known(self._run, item, "try_state_goal", ctx)
            if current is None or goal is None:
                return self._unknown(ctx, _ITEMS_BEFORE, "a parameter is not known yet")
            return await self._compared(ctx, item, current, goal)
        except ItemFailure as failure:
            former = self._ownership.replaced.get(ctx.item)
            if former in self._in_the_way:
                return self._unknown(ctx, f"{former} is removed", failure.message)
            if self._predicted.isdisjoint(flow.graph.predecessors(ctx.item)):
                raise
            # What it looks at is not there yet, because the items before were not really applied.
            return self._unknown(ctx, _ITEMS_BEFORE, failure.message)

    async def _compared(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State
    ) -> ItemResult:
        self.goal[ctx.item] = goal
        diff = diff_of(item, ctx.item, current, goal)
        if not needs_apply(item, ctx.item, current, goal, diff):
            self.states[ctx.item] = current
            return shown_result(ItemStatus.UNCHANGED, current, "nothing to do", current)
        after = await asked(self._run, item, "apply_dry", ctx, current, goal)
        self.states[ctx.item] = after
        self._predicted.add(ctx.item)
        status, message = ItemStatus.WOULD_REPLACE, _EVERY_TIME if diff is None else str(diff)
        if not self._is_made_anew(ctx.item):
            if replaces(item, ctx.item, current, goal):
                message = f"{message}; only with --replace {ctx.item}"
            elif diff is None:
                status = ItemStatus.WOULD_CHANGE
            else:
                status = await self._would(ctx, item, current)
        return shown_result(status, after, message, current, diff)

    def _is_made_anew(self, item: ItemId) -> bool:
        """Return whether the item's own thing is removed before."""
        former = self._ownership.replaced.get(item)
        if former is None or former not in self._in_the_way:
            return False
        identity = self._ownership.current[former].identity
        return identity is None or self._ownership.claimed.get(identity) == item

    async def _would(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemStatus:
        """Return what applying the item would do: create it if there is nothing to clean up."""
        try:
            clean = await asked_if_known(self._run, item, "state_clean", ctx)
        except PeacefulError:
            # Only `clean` needs it: an item that does not say what it is then can still be applied.
            clean = None
        return ItemStatus.WOULD_CREATE if current == clean else ItemStatus.WOULD_CHANGE

    def _unknown(self, ctx: ItemCtx, once: str, reason: str) -> ItemResult:
        self._predicted.add(ctx.item)
        message = f"it can be looked at once {once} ({reason})"
        return ItemResult(ItemStatus.UNKNOWN, message=message)


class EnsureBlock(_EnsuringBlock):
    """Brings every item to its goal, each after those that it refers to.

    Each is looked at first: its current state, its goal, the difference, whether it needs applying.
    Then it is applied, unless an interrupt came meanwhile, and only when its new state is on disk
    is it done. What an item has looked after before is removed: at last, or at first where both
    cannot be there at once.

    Args:
        only: the items to go through; empty for all.
        prune: whether what has left the flow is removed at last, too.
        check: raises `PeacefulError` if an item is not to be changed from a state to its goal.
    """

    def __init__(
        self, only: Iterable[ItemId] = (), *, prune: bool = False, check: Check = _no_check
    ) -> None:
        super().__init__(only, prune=prune)
        self._check = check

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Apply the items."""
        graph = selected(run.ctx.flow, self._only)
        first, last = self._removals(run)
        async with record_states(run, self.items(run), applies=True) as record:
            work = _Ensuring(run, record, self._check)
            if self._only:
                work.current = _stored_others(run.ctx.flow, graph, record.stored_current)
            removing = RealCleaning(run, record, run.ctx.flow.items, known=work.current)
            results = dict(await first.results(run, removing))
            if all(each.status.ended_well for each in results.values()):
                results |= await ItemPass(run, graph, work.ensure, changes=True).results()
            else:
                results |= _not_started(run, graph.order, "what it replaces is still there")
            if all(each.status.ended_well for each in results.values()):
                results |= await last.results(run, removing)
            else:
                results |= _not_started(run, last.items, "not everything else is as it should be")
        return BlockResult(States(work.current, work.goal), results)


def _not_started(
    run: BlockRun, items: Iterable[ItemId], message: str
) -> Mapping[ItemId, ItemResult]:
    results = {item: ItemResult(ItemStatus.NOT_STARTED, message=message) for item in items}
    run.results.update(results)
    return results


class _Ensuring:
    """One pass of ensuring, and the states so far."""

    def __init__(self, run: BlockRun, record: StateRecorder, check: Check) -> None:
        self._run = run
        self._record = record
        self._check = check
        self.current: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    async def ensure(self, ctx: ItemCtx) -> ItemResult:
        flow, record = self._run.ctx.flow, self._record
        item = resolved_item(flow.id, flow.items[ctx.item], self.current.get)
        current = await asked(self._run, item, "state_current", ctx)
        goal = self.goal[ctx.item] = await asked(self._run, item, "state_goal", ctx)
        found = await record.looked_at(ctx, item, current)
        diff = diff_of(item, ctx.item, current, goal)
        if not needs_apply(item, ctx.item, current, goal, diff):
            self.current[ctx.item] = current
            return await record.unchanged(found, current, goal)
        if replaces(item, ctx.item, current, goal):
            raise ReplacementNeeded(ctx.item, "it says so" if diff is None else str(diff))
        self._check(ctx.item, current, goal)
        change = Change(self._run, record, found, self.current)
        return await change.make("apply", current, goal, diff, stored_goal=goal)
