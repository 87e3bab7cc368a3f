"""Cleaning up: bringing items to what they are when nothing of them is left, in reverse order."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful.commands._discover import DiscoverBlock, states_of
from peaceful.commands._item_access import (
    asked,
    item_from_stored,
    resolved_item,
)
from peaceful.commands._left import LeftItems, left_items
from peaceful.commands._params_specs import ParamsSpecsBlock
from peaceful.commands._recording import Recording
from peaceful.commands._selection import selected
from peaceful.commands._sync_check import SyncCheck, SyncCheckBlock
from peaceful.errors import GoalNotReached, ValueUnresolved
from peaceful.graph import Direction
from peaceful.item import AnyItem, ItemCtx
from peaceful.model import CmdOutcome, ItemId, ItemResult, ItemStatus
from peaceful.model.state import State
from peaceful.runtime import (
    BlockResult,
    BlockRun,
    CmdBlock,
    CmdCtx,
    CmdExecution,
    ItemPass,
    States,
)
from peaceful.storage import StateKind


class CleanBlock(CmdBlock[States]):
    """Cleans every item up, each before those that it refers to.

    Needs the current states, which an earlier block discovered: an item's parameters may refer to
    states that are gone once the items before it are cleaned.

    Args:
        only: the items to clean up; empty for all.
        dry_run: whether to say what would be done, and do nothing.
    """

    def __init__(self, only: Iterable[ItemId] = (), *, dry_run: bool = False) -> None:
        self._only = tuple(only)
        self._dry_run = dry_run

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """The selected items, last first."""
        return selected(run.ctx.flow, self._only).order[::-1]

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Cleans the items up."""
        graph = selected(run.ctx.flow, self._only)
        recording = await Recording.open(run, graph.order, applies=not self._dry_run)
        left = left_items(run.ctx.flow, {} if self._only else recording.all_current)
        work = _Cleaning(run, recording, left, dry_run=self._dry_run)
        try:
            # First what has left the flow: it may lie in, or need, what is still there.
            left_ones = await ItemPass(run, left.graph, work.clean_left).results()
            results = await ItemPass(run, graph, work.clean, Direction.BACKWARD).results()
        finally:
            await recording.close()
        return BlockResult(States(work.current, {}), {**left_ones, **results})


class _Cleaning:
    """One pass of cleaning up: what is known of the items so far."""

    def __init__(
        self, run: BlockRun, recording: Recording, left: LeftItems, *, dry_run: bool
    ) -> None:
        self._run = run
        self._recording = recording
        self._left = left
        self._dry_run = dry_run
        self._before = run.scope.resources.get(States).current
        self.current: dict[ItemId, State] = dict(self._before)

    async def clean(self, ctx: ItemCtx) -> ItemResult:
        """Cleans an item of the flow up."""
        item = self._item(ctx)
        if item is None:
            return ItemResult(ItemStatus.UNCHANGED, message="nothing is known of it")
        current = self._before.get(ctx.item)
        if current is None:
            current = await asked(self._run, item, "state_current", ctx)
        return await self._cleaned(ctx, item, current)

    async def clean_left(self, ctx: ItemCtx) -> ItemResult:
        """Cleans an item up that has left the flow, and forgets it."""
        item = self._left.items[ctx.item]
        if item is None:
            return ItemResult(
                ItemStatus.UNCHANGED,
                message="kept: it has left the flow, and its class is gone or has changed",
            )
        current = await asked(self._run, item, "state_current", ctx)
        result = await self._cleaned(ctx, item, current)
        if not self._dry_run:
            await self._recording.forget(ctx.item)
        return result

    async def _cleaned(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        goal = await asked(self._run, item, "state_clean", ctx)
        if not self._needs_apply(item, ctx, current, goal):
            return await self._found(ctx, item, current)
        if self._dry_run:
            diff = self._run.calls.quick(item, "diff", ctx, current, goal)
            return _result(ItemStatus.DONE, goal, f"would clean: {diff}")
        self._recording.started(ctx)
        async with self._recording.partial_of(ctx, item):
            cleaned = await asked(self._run, item, "clean", ctx, current, goal)
        self.current[ctx.item] = cleaned
        result = await self._recording.made(ctx, item, cleaned, None)
        if self._needs_apply(item, ctx, cleaned, goal):
            diff = self._run.calls.quick(item, "diff", ctx, cleaned, goal)
            raise GoalNotReached(ctx.item, str(diff))
        return result

    def _item(self, ctx: ItemCtx) -> AnyItem | None:
        """The item with its values: from what is there, else from what it was last applied with."""
        flow = self._run.ctx.flow
        declared = flow.items[ctx.item]
        try:
            return resolved_item(flow.id, declared, self._before.get)
        except ValueUnresolved:
            stored = self._recording.stored_current(ctx.item)
            return None if stored is None else item_from_stored(type(declared.item), stored)

    async def _found(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        if self._dry_run:
            return _result(ItemStatus.UNCHANGED, current, "")
        return await self._recording.found(ctx, item, current, None)

    def _needs_apply(self, item: AnyItem, ctx: ItemCtx, current: State, goal: State) -> bool:
        calls = self._run.calls
        diff = calls.quick(item, "diff", ctx, current, goal)
        return bool(calls.quick(item, "apply_check", ctx, current, goal, diff))


def _result(status: ItemStatus, state: State, message: str) -> ItemResult:
    return ItemResult(
        status, state=state.model_dump(mode="json"), shown=str(state), message=message
    )


class CleanCmd:
    """Cleans everything up, in reverse order; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *, dry_run: bool = False, only: Iterable[ItemId] = (), sync: SyncCheck = SyncCheck.NONE
    ) -> tuple[CmdBlock[object], ...]:
        """The blocks of the command; see `exec`."""
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync),)
        return (
            ParamsSpecsBlock(),
            *checks,
            DiscoverBlock((StateKind.CURRENT,), store=not dry_run),
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
        """Runs the command.

        Args:
            ctx: the flow and profile.
            dry_run: whether to say what would be done, and do nothing.
            only: the items to clean up; empty for all.
            sync: which stored states must still be what is there, or the command is refused.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states are not what is there, and `sync` asks for it.
            NameUnknown: the flow has no item of a given name.
        """
        only = tuple(only)
        selected(ctx.flow, only)
        blocks = CleanCmd.blocks(dry_run=dry_run, only=only, sync=sync)
        return await CmdExecution("clean", blocks, states_of).run(ctx, dry_run=dry_run, only=only)
