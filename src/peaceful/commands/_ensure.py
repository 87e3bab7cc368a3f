"""Bringing items from what they are to what they should be."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful.commands._discover import states_of
from peaceful.commands._dry_run import EnsureDryBlock
from peaceful.commands._item_access import asked, resolved_item, state_from_stored
from peaceful.commands._params_specs import ParamsSpecsBlock
from peaceful.commands._recording import Recording
from peaceful.commands._selection import selected
from peaceful.commands._sync_check import SyncCheck, SyncCheckBlock
from peaceful.errors import GoalNotReached
from peaceful.item import AnyItem, ItemCtx
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
        recording = await Recording.open(run, graph.order, applies=True)
        work = _Ensuring(run, recording)
        if self._only:
            work.take_stored(set(run.ctx.flow.items) - set(graph))
        try:
            results = await ItemPass(run, graph, work.ensure).results()
        finally:
            await recording.close()
        return BlockResult(States(work.current, work.goal), results)


class _Ensuring:
    """One pass of ensuring: what is known of the items so far."""

    def __init__(self, run: BlockRun, recording: Recording) -> None:
        self._run = run
        self._recording = recording
        self.current: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    def take_stored(self, items: set[ItemId]) -> None:
        """Items that are not selected are referred to as they were last seen."""
        for item in items:
            declared = self._run.ctx.flow.items[item].item
            state = state_from_stored(declared, self._recording.stored_current(item))
            if state is not None:
                self.current[item] = state

    async def ensure(self, ctx: ItemCtx) -> ItemResult:
        flow = self._run.ctx.flow
        item = resolved_item(flow.id, flow.items[ctx.item], self.current.get)
        current = await asked(self._run, item, "state_current", ctx)
        goal = self.goal[ctx.item] = await asked(self._run, item, "state_goal", ctx)
        if not self._needs_apply(item, ctx, current, goal):
            self.current[ctx.item] = current
            return await self._recording.found(ctx, item, current, goal)
        self._recording.started(ctx)
        async with self._recording.partial_of(ctx, item):
            applied = await asked(self._run, item, "apply", ctx, current, goal)
        self.current[ctx.item] = applied
        result = await self._recording.made(ctx, item, applied, goal)
        self._confirm(item, ctx, applied, goal)
        return result

    def _needs_apply(self, item: AnyItem, ctx: ItemCtx, current: State, goal: State) -> bool:
        calls = self._run.calls
        diff = calls.quick(item, "diff", ctx, current, goal)
        return bool(calls.quick(item, "apply_check", ctx, current, goal, diff))

    def _confirm(self, item: AnyItem, ctx: ItemCtx, applied: State, goal: State) -> None:
        if self._needs_apply(item, ctx, applied, goal):
            diff = self._run.calls.quick(item, "diff", ctx, applied, goal)
            raise GoalNotReached(ctx.item, str(diff))


class EnsureCmd:
    """Brings current states to goal states; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *, dry_run: bool = False, only: Iterable[ItemId] = (), sync: SyncCheck = SyncCheck.NONE
    ) -> tuple[CmdBlock[object], ...]:
        """The blocks of the command; see `exec`."""
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync),)
        ensure = EnsureDryBlock(only) if dry_run else EnsureBlock(only)
        return (ParamsSpecsBlock(), *checks, ensure)

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
            sync: which stored states must still be what is there, or the command is refused.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states are not what is there, and `sync` asks for it.
            NameUnknown: the flow has no item of a given name.
        """
        only = tuple(only)
        selected(ctx.flow, only)
        blocks = EnsureCmd.blocks(dry_run=dry_run, only=only, sync=sync)
        return await CmdExecution("ensure", blocks, states_of).run(ctx, dry_run=dry_run, only=only)
