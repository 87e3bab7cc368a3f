"""`EnsureCmd`, and what a dry run says."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from peaceful._commands.discover import ParamsSpecsBlock, states_of
from peaceful._commands.item_access import (
    asked,
    asked_if_known,
    confirm,
    load,
    partial_item,
    resolved_item,
    shown_result,
    state_from_stored,
)
from peaceful._commands.recording import Recording, recording
from peaceful._commands.sync_check import SyncCheck, SyncCheckBlock
from peaceful._errors.running import ItemFailure
from peaceful._graph.graph import Graph
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import CmdOutcome, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock
from peaceful._runtime.calls import States, diff_of, needs_apply
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import StateKind


def selected(flow: BuiltFlow, only: Collection[ItemId]) -> Graph:
    """The graph of the selected items; ways through others still order them.

    Args:
        flow: the flow.
        only: the selected items; empty for all.

    Raises:
        NameUnknown: the flow has no item of a given name.
    """
    return flow.graph.restricted_to(only) if only else flow.graph


class EnsureDryBlock(CmdBlock[States]):
    """Goes through the items as `EnsureBlock` does, and asks each what it would become.

    What an item would become is what later items are told of it; as it is not there yet, they may
    not be able to say what they would do, and that is no failure.

    Args:
        only: the items to go through; empty for all.
    """

    def __init__(self, only: Iterable[ItemId] = ()) -> None:
        self._only = tuple(only)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """The selected items."""
        return selected(run.ctx.flow, self._only).order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Asks the items."""
        graph = selected(run.ctx.flow, self._only)
        asking = _Asking(run)
        if self._only:
            await asking.take_stored(set(run.ctx.flow.items) - set(graph))
        results = await ItemPass(run, graph, asking.ask).results()
        return BlockResult(States(asking.states, asking.goal), results)


class _Asking:
    def __init__(self, run: BlockRun) -> None:
        self._run = run
        self._predicted: set[ItemId] = set()
        self.states: dict[ItemId, State] = {}
        self.goal: dict[ItemId, State] = {}

    async def take_stored(self, items: set[ItemId]) -> None:
        stored = await load(self._run, StateKind.CURRENT)
        for item in items:
            declared = self._run.ctx.flow.items[item].item
            if (state := state_from_stored(declared, stored.get(item))) is not None:
                self.states[item] = state

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
        change = "" if diff is None else f": {diff}"
        return shown_result(ItemStatus.DONE, after, f"would change{change}")

    def _unknown(self, ctx: ItemCtx, reason: str) -> ItemResult:
        self._predicted.add(ctx.item)
        return ItemResult(
            ItemStatus.DONE,
            message=f"would be looked at once the items before are there ({reason})",
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
