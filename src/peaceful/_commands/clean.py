"""`CleanCmd`: cleans items up, in reverse order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Final

from peaceful._commands.discover import DiscoverBlock, ParamsSpecsBlock, states_of
from peaceful._commands.item_access import (
    LeftItems,
    LeftItemsBlock,
    asked,
    check_names,
    confirm,
    item_from_stored,
    load,
    resolved_item,
    shown_result,
)
from peaceful._commands.recording import (
    Observation,
    StateRecorder,
    is_left,
    may_be_left,
    record_states,
)
from peaceful._commands.sync_check import SyncCheck, SyncCheckBlock
from peaceful._errors.running import ValueUnresolved
from peaceful._graph.graph import Graph
from peaceful._graph.traversal import Direction
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem
from peaceful._item.resolution import stored_params
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import CmdOutcome, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock
from peaceful._runtime.calls import States, diff_of, needs_apply
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import StateKind, StoredState

_KEPT: Final = "kept: it has left the flow, and its class is gone or has changed"


class CleanBlock(CmdBlock[States]):
    """Cleans up removed items, then every item of the flow, each before those that it refers to.

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
        """Return the removed items, and the selected items, last first."""
        return (*_left(run).items, *self._graph(run).order[::-1])

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Clean the items up."""
        if self._dry_run:
            stored = await load(run, StateKind.CURRENT)
            return await self._over_items(run, _DryCleaning(run, stored.get))
        items = (*self._graph(run).order, *_left(run).items)
        async with record_states(run, items, applies=True) as record:
            return await self._over_items(run, _RealCleaning(run, record))

    async def _over_items(self, run: BlockRun, work: _Cleaning) -> BlockResult[States]:
        # One after the other, the last stored first: what they needed is not known any more.
        left = await ItemPass(run, _left(run).graph, work.clean_left, at_once=1).results()
        results = await ItemPass(run, self._graph(run), work.clean, Direction.BACKWARD).results()
        return BlockResult(States(work.current, {}), {**left, **results})

    def _graph(self, run: BlockRun) -> Graph:
        flow = run.ctx.flow
        if not self._only:
            return flow.graph
        return flow.graph.restricted_to(name for name in self._only if name in flow.items)


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
        item = self._item(ctx)
        if item is None:
            return ItemResult(ItemStatus.UNCHANGED, message="nothing is known of it")
        return await self._cleaned(ctx, item, self._before.get(ctx.item))

    async def clean_left(self, ctx: ItemCtx) -> ItemResult:
        """Clean a removed item up, and forget it."""
        item = self._left.items[ctx.item]
        if item is None:
            return ItemResult(ItemStatus.UNCHANGED, message=_KEPT)
        result = await self._cleaned(ctx, item, None)
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
        found = Observation(ctx, item)
        begun = self._record.started(ctx)
        try:
            cleaned = await asked(self._run, item, "clean", ctx, current, goal)
        except StoppedAtSafePoint as stop:
            await self._record.stopped(found, stop, begun)
            raise
        self.current[ctx.item] = cleaned
        result = await self._record.made(found, cleaned, None)
        confirm(item, ctx, cleaned, goal)
        return result

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        return await self._record.unchanged(Observation(ctx, item), current, None)

    async def forget(self, item: ItemId) -> None:
        await self._record.forget(item)


class _DryCleaning(_Cleaning):
    async def apply(self, ctx: ItemCtx, item: AnyItem, current: State, goal: State) -> ItemResult:
        diff = diff_of(item, ctx.item, current, goal)
        change = "" if diff is None else f": {diff}"
        note = await self._note(ctx, item, current)
        return shown_result(ItemStatus.DONE, goal, f"would clean{change}{note}")

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        note = await self._note(ctx, item, current)
        return shown_result(ItemStatus.UNCHANGED, current, f"nothing to do{note}")

    async def _note(self, ctx: ItemCtx, item: AnyItem, current: State) -> str:
        """Report what a real run's discovery would find that the item has left behind."""
        before = self._stored(ctx.item)
        if before is None or not may_be_left(before, item, stored_params(item)):
            return ""
        if not await is_left(self._run, ctx, item, current, before):
            return ""
        return "; would clean up what it was before its parameters changed, too"

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
