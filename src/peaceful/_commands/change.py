"""`EnsureCmd` and `CleanCmd`: the commands that change what is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import Final

from peaceful._commands.clean_order import clean_order
from peaceful._commands.diff import SyncCheck, SyncCheckBlock
from peaceful._commands.discover import DiscoverBlock, ParamsSpecsBlock, states_of
from peaceful._commands.item_access import (
    LeftItems,
    LeftItemsBlock,
    asked,
    asked_if_known,
    check_names,
    confirm,
    item_from_stored,
    load,
    partial_item,
    resolved_item,
    shown_result,
    state_from_stored,
)
from peaceful._commands.recording import (
    Observation,
    StateRecorder,
    is_left,
    may_be_left,
    record_states,
)
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import ItemFailure, ValueUnresolved
from peaceful._graph.graph import Graph
from peaceful._graph.traversal import Direction
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem
from peaceful._item.resolution import stored_params
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.codec import ItemId
from peaceful._model.outcome import CmdOutcome, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, States, diff_of, needs_apply
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import StateKind, StoredState

_NOTHING_KNOWN: Final = "nothing is known of it"

_KEPT: Final = "kept: it has left the flow, and its class is gone or has changed"


def selected(flow: BuiltFlow, only: Collection[ItemId]) -> Graph:
    """Return the graph of the selected items; paths through others still order them.

    Raises `NameUnknown`.
    """
    return flow.graph.restricted_to(only) if only else flow.graph


class _SelectedItemsBlock(CmdBlock[States]):
    def __init__(self, only: Iterable[ItemId] = ()) -> None:
        self._only = tuple(only)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return the selected items."""
        return selected(run.ctx.flow, self._only).order


def _stored_others(
    flow: BuiltFlow, graph: Graph, stored: Callable[[ItemId], StoredState | None]
) -> dict[ItemId, State]:
    """Return the stored states of the items that are not selected, as they were last seen."""
    others = ((item, flow.items[item].item) for item in flow.items if item not in graph)
    states = {item: state_from_stored(declared, stored(item)) for item, declared in others}
    return {item: state for item, state in states.items() if state is not None}


class EnsureDryBlock(_SelectedItemsBlock):
    """Goes through the items as `EnsureBlock` does, and asks each what it would become.

    Later items see that predicted state; as it is not there yet, they may not be able to say what
    they would do, which is no failure.

    Args:
        only: the items to go through; empty for all.
    """

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Ask the items."""
        graph = selected(run.ctx.flow, self._only)
        asking = _Asking(run)
        if self._only:
            stored = await load(run, StateKind.CURRENT)
            asking.states = _stored_others(run.ctx.flow, graph, stored.get)
        results = await ItemPass(run, graph, asking.ask, changes=False).results()
        return BlockResult(States(asking.states, asking.goal), results)


class _Asking:
    def __init__(self, run: BlockRun) -> None:
        self._run = run
        self._predicted: set[ItemId] = set()
        self.states: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    async def ask(self, ctx: ItemCtx) -> ItemResult:
        flow = self._run.ctx.flow
        item, _ = partial_item(flow.id, flow.items[ctx.item], self.states.get)
        try:
            current = await asked_if_known(self._run, item, "try_state_current", ctx)
            goal = await asked_if_known(self._run, item, "try_state_goal", ctx)
            if current is None or goal is None:
                return self._unknown(ctx, "a parameter is not known yet")
            return await self._compared(ctx, item, current, goal)
        except ItemFailure as failure:
            if self._predicted.isdisjoint(flow.graph.predecessors(ctx.item)):
                raise
            # What it looks at is not there yet, because the items before were not really applied.
            return self._unknown(ctx, failure.message)

    async def _compared(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State
    ) -> ItemResult:
        self.goal[ctx.item] = goal
        diff = diff_of(item, ctx.item, current, goal)
        if not needs_apply(item, ctx.item, current, goal, diff):
            self.states[ctx.item] = current
            return shown_result(ItemStatus.UNCHANGED, current, "nothing to do")
        after = await asked(self._run, item, "apply_dry", ctx, current, goal)
        self.states[ctx.item] = after
        self._predicted.add(ctx.item)
        status = await self._would(ctx, item, current)
        return shown_result(status, after, "" if diff is None else str(diff))

    async def _would(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemStatus:
        """Return what applying the item would do: create it if there is nothing to clean up."""
        try:
            clean = await asked_if_known(self._run, item, "state_clean", ctx)
        except PeacefulError:
            # Only `clean` needs it: an item that does not say what it is then can still be applied.
            clean = None
        return ItemStatus.WOULD_CREATE if current == clean else ItemStatus.WOULD_CHANGE

    def _unknown(self, ctx: ItemCtx, reason: str) -> ItemResult:
        self._predicted.add(ctx.item)
        return ItemResult(
            ItemStatus.UNKNOWN,
            message=f"it can be looked at once the items before are there ({reason})",
        )


class EnsureBlock(_SelectedItemsBlock):
    """Brings every item to its goal, each after those that it refers to.

    Each is looked at first: its current state, its goal, the difference, whether it needs applying.
    Then it is applied, unless an interrupt came meanwhile, and only when its new state is on disk
    is it done.

    Args:
        only: the items to bring to their goals; empty for all.
    """

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Apply the items."""
        graph = selected(run.ctx.flow, self._only)
        async with record_states(run, graph.order, applies=True) as record:
            work = _Ensuring(run, record)
            if self._only:
                work.current = _stored_others(run.ctx.flow, graph, record.stored_current)
            results = await ItemPass(run, graph, work.ensure, changes=True).results()
        return BlockResult(States(work.current, work.goal), results)


class _Ensuring:
    """One pass of ensuring, and the states so far."""

    def __init__(self, run: BlockRun, record: StateRecorder) -> None:
        self._run = run
        self._record = record
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
        change = _Change(self._run, record, found, self.current)
        return await change.make("apply", current, goal, stored_goal=goal)


class _Change:
    """The change of one item that was looked at; notes in `known` what it then is."""

    def __init__(
        self, run: BlockRun, record: StateRecorder, found: Observation, known: dict[ItemId, State]
    ) -> None:
        self._run = run
        self._record = record
        self._found = found
        self._known = known

    async def make(
        self, function: str, current: State, goal: State, *, stored_goal: State | None
    ) -> ItemResult:
        """Call the item's function, unless an interrupt came; record what it is then."""
        run, record, found = self._run, self._record, self._found
        ctx, item = found.ctx, found.item
        begun = await record.started(ctx)
        # Between this question and the item's own code, nothing waits.
        if not run.may_change(ctx):
            self._known[ctx.item] = current
            return await record.not_changed(found, current, stored_goal)
        try:
            changed = await asked(run, item, function, ctx, current, goal)
        except StoppedAtSafePoint as stop:
            await record.stopped(found, stop, begun)
            raise
        self._known[ctx.item] = changed
        result = await record.made(found, changed, stored_goal)
        confirm(item, ctx, changed, goal)
        return result


class EnsureCmd:
    """Brings current states to goal states; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *, dry_run: bool = False, only: Iterable[ItemId] = (), sync: SyncCheck = SyncCheck.NONE
    ) -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command; see `exec`."""
        only = tuple(only)
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync, only),)
        if dry_run:
            return (*checks, EnsureDryBlock(only))
        return (ParamsSpecsBlock(), *checks, EnsureBlock(only))

    @staticmethod
    async def exec(
        ctx: CmdCtx,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
    ) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile.
            dry_run: whether to show what would be done, and do nothing.
            only: the items to bring to their goals; others are taken as last seen. Empty for all.
            sync: which stored states of these items must match what is there.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
            NameUnknown: the flow has no item of a given name.
        """
        only = tuple(only)
        selected(ctx.flow, only)
        blocks = EnsureCmd.blocks(dry_run=dry_run, only=only, sync=sync)
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, dry_run=dry_run, only=only)


class CleanBlock(CmdBlock[States]):
    """Cleans up every item of the flow and removed items, each before those that it stands on.

    Needs the current states, which an earlier block discovered: an item's parameters may refer to
    states that are gone once the items before it are cleaned. Removed items are those that a
    `LeftItemsBlock` found before.

    Args:
        only: the items to clean up; empty for all.
        dry_run: whether to show what would be done, and do nothing.
    """

    def __init__(self, only: Iterable[ItemId] = (), *, dry_run: bool = False) -> None:
        self._only = tuple(only)
        self._dry_run = dry_run

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return the removed items and the selected items, in the order of cleaning up."""
        alone, graph = self._graphs(run)
        return (*alone.order, *graph.order[::-1])

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Clean the items up."""
        if self._dry_run:
            stored = await load(run, StateKind.CURRENT)
            return await self._over_items(run, _DryCleaning(run, stored.get))
        async with record_states(run, self.items(run)[::-1], applies=True) as record:
            return await self._over_items(run, _RealCleaning(run, record))

    async def _over_items(self, run: BlockRun, work: _Cleaning) -> BlockResult[States]:
        alone, graph = self._graphs(run)
        # One after the other: what they needed is not known any more.
        left = await ItemPass(
            run, alone, work.clean, at_once=1, changes=not self._dry_run
        ).results()
        results = await ItemPass(
            run, graph, work.clean, Direction.BACKWARD, changes=not self._dry_run
        ).results()
        return BlockResult(States(work.current, {}), {**left, **results})

    def _graphs(self, run: BlockRun) -> tuple[Graph, Graph]:
        left = _left(run)
        return clean_order(run.ctx.flow.graph, left.items, left.needs, self._only)


def _left(run: BlockRun) -> LeftItems:
    return run.scope.resources.try_get(LeftItems) or LeftItems()


class _Cleaning(ABC):
    """One pass of cleaning up, and the states so far."""

    def __init__(self, run: BlockRun, stored: Callable[[ItemId], StoredState | None]) -> None:
        self._run = run
        self._stored = stored
        self._before = run.scope.resources.get(States).current
        self._left = _left(run)
        self.current: dict[ItemId, State] = dict(self._before)

    async def clean(self, ctx: ItemCtx) -> ItemResult:
        if ctx.item in self._left.items:
            return await self._clean_left(ctx)
        item = self._item(ctx)
        if item is None:
            return self.not_known()
        return await self._cleaned(ctx, item, self._before.get(ctx.item))

    async def _clean_left(self, ctx: ItemCtx) -> ItemResult:
        """Clean a removed item up, and forget it."""
        item = self._left.items[ctx.item]
        if item is None:
            return ItemResult(ItemStatus.UNCHANGED, message=_KEPT)
        result = await self._cleaned(ctx, item, None)
        if result.status is not ItemStatus.NOT_STARTED:
            await self.forget(ctx.item)
        return result

    async def _cleaned(self, ctx: ItemCtx, item: AnyItem, current: State | None) -> ItemResult:
        if current is None:
            current = await asked(self._run, item, "state_current", ctx)
        goal = await asked(self._run, item, "state_clean", ctx)
        diff = diff_of(item, ctx.item, current, goal)
        if needs_apply(item, ctx.item, current, goal, diff):
            return await self.apply(ctx, item, current, goal)
        return await self.unchanged(ctx, item, current)

    def _item(self, ctx: ItemCtx) -> AnyItem | None:
        """Return the item with current values, or else with those that it was last applied with."""
        flow = self._run.ctx.flow
        declared = flow.items[ctx.item]
        try:
            return resolved_item(flow.id, declared, self._before.get)
        except ValueUnresolved:
            stored = self._stored(ctx.item)
            if stored is None:
                return None
            return item_from_stored(type(declared.item), stored, declared.item)

    def not_known(self) -> ItemResult:
        """Report an item of which neither parameters nor anything stored is known."""
        return ItemResult(ItemStatus.UNCHANGED, message=_NOTHING_KNOWN)

    @abstractmethod
    async def apply(self, ctx: ItemCtx, item: AnyItem, current: State, goal: State) -> ItemResult:
        """Clean up an item that needs it."""

    @abstractmethod
    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        """Report an item that needs no clean-up."""

    @abstractmethod
    async def forget(self, item: ItemId) -> None:
        """Remove what is stored of a removed item."""


class _RealCleaning(_Cleaning):
    def __init__(self, run: BlockRun, record: StateRecorder) -> None:
        super().__init__(run, record.stored_current)
        self._record = record

    async def apply(self, ctx: ItemCtx, item: AnyItem, current: State, goal: State) -> ItemResult:
        change = _Change(self._run, self._record, Observation(ctx, item), self.current)
        return await change.make("clean", current, goal, stored_goal=None)

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        return await self._record.unchanged(Observation(ctx, item), current, None)

    async def forget(self, item: ItemId) -> None:
        await self._record.forget(item)


class _DryCleaning(_Cleaning):
    def not_known(self) -> ItemResult:
        return ItemResult(ItemStatus.UNKNOWN, message=_NOTHING_KNOWN)

    async def apply(self, ctx: ItemCtx, item: AnyItem, current: State, goal: State) -> ItemResult:
        diff = diff_of(item, ctx.item, current, goal)
        note = await self._note(ctx, item, current)
        message = "; ".join(part for part in ("" if diff is None else str(diff), note) if part)
        return shown_result(ItemStatus.WOULD_REMOVE, goal, message)

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        note = await self._note(ctx, item, current)
        status = ItemStatus.WOULD_REMOVE if note else ItemStatus.UNCHANGED
        return shown_result(status, current, note or "nothing to do")

    async def _note(self, ctx: ItemCtx, item: AnyItem, current: State) -> str:
        """Report what a real run's discovery would find that the item has left behind."""
        before = self._stored(ctx.item)
        if before is None or not may_be_left(before, item, stored_params(item)):
            return ""
        if not await is_left(self._run, ctx, item, current, before):
            return ""
        return "what it was before its parameters changed is cleaned up, too"

    async def forget(self, item: ItemId) -> None:
        pass


class CleanCmd:
    """Cleans everything up, in reverse order; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *, dry_run: bool = False, only: Iterable[ItemId] = (), sync: SyncCheck = SyncCheck.NONE
    ) -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command; see `exec`."""
        only = tuple(only)
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync, only),)
        specs = () if dry_run else (ParamsSpecsBlock(),)
        return (
            *specs,
            *checks,
            DiscoverBlock((StateKind.CURRENT,), store=not dry_run),
            LeftItemsBlock(only),
            CleanBlock(only, dry_run=dry_run),
        )

    @staticmethod
    async def exec(
        ctx: CmdCtx,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
    ) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile.
            dry_run: whether to show what would be done, and do nothing.
            only: the items to clean up, removed ones included; empty for all.
            sync: which stored states of these items must match what is there.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
            NameUnknown: neither the flow nor what is stored has an item of a given name.
        """
        only = tuple(only)
        await check_names(ctx, only)
        blocks = CleanCmd.blocks(dry_run=dry_run, only=only, sync=sync)
        execution = CmdExecution("clean", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, dry_run=dry_run, only=only)
