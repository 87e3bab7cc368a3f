"""Bringing items from what they are to what they should be."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful.commands._discover import states_of
from peaceful.commands._dry_run import EnsureDryBlock
from peaceful.commands._item_access import asked, confirm, resolved_item, state_from_stored
from peaceful.commands._params_specs import ParamsSpecsBlock
from peaceful.commands._recording import Recording, recording
from peaceful.commands._selection import selected
from peaceful.commands._sync_check import SyncCheck, SyncCheckBlock
from peaceful.item import ItemCtx, StoppedAtSafePoint
from peaceful.model import CmdOutcome, ItemId, ItemResult
from peaceful.model.state import State
from peaceful.runtime import (
    BlockResult,
    BlockRun,
    CmdBlock,
    CmdCtx,
    CmdExecution,
    ItemPass,
    States,
    diff_of,
    needs_apply,
)


class EnsureBlock(CmdBlock[States]):
    """Brings every item to its goal, each after those that it refers to.

    For each: what it is, what it should be, what differs, whether there is something to do; then it
    is applied, and only when its new state is on disk is it done.

    Args:
        only: the items to bring to their goals; empty for all.
    """

    def __init__(self, only: Iterable[ItemId] = ()) -> None:
        self._only = tuple(only)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """The selected items."""
        return selected(run.ctx.flow, self._only).order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Applies the items."""
        graph = selected(run.ctx.flow, self._only)
        async with recording(run, graph.order, applies=True) as record:
            work = _Ensuring(run, record)
            if self._only:
                work.take_stored(set(run.ctx.flow.items) - set(graph))
            results = await ItemPass(run, graph, work.ensure).results()
        return BlockResult(States(work.current, work.goal), results)


class _Ensuring:
    """One pass of ensuring: what is known of the items so far."""

    def __init__(self, run: BlockRun, record: Recording) -> None:
        self._run = run
        self._record = record
        self.current: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    def take_stored(self, items: set[ItemId]) -> None:
        """Items that are not selected are referred to as they were last seen."""
        for item in items:
            declared = self._run.ctx.flow.items[item].item
            state = state_from_stored(declared, self._record.stored_current(item))
            if state is not None:
                self.current[item] = state

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
        begun = record.started(ctx)
        try:
            applied = await asked(self._run, item, "apply", ctx, current, goal)
        except StoppedAtSafePoint as stop:
            await record.stopped(found, stop, begun)
            raise
        self.current[ctx.item] = applied
        result = await record.made(found, applied, goal)
        confirm(item, ctx, applied, goal)
        return result


class EnsureCmd:
    """Brings current states to goal states; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *, dry_run: bool = False, only: Iterable[ItemId] = (), sync: SyncCheck = SyncCheck.NONE
    ) -> tuple[CmdBlock[object], ...]:
        """The blocks of the command; see `exec`."""
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
        """Runs the command.

        Args:
            ctx: the flow and profile.
            dry_run: whether to say what would be done, and do nothing.
            only: the items to bring to their goals; what they refer to is taken as last seen. Empty
                for all.
            sync: which stored states of these items must still be what is there, or the command is
                refused.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states are not what is there, and `sync` asks for it.
            NameUnknown: the flow has no item of a given name.
        """
        only = tuple(only)
        selected(ctx.flow, only)
        blocks = EnsureCmd.blocks(dry_run=dry_run, only=only, sync=sync)
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, dry_run=dry_run, only=only)
