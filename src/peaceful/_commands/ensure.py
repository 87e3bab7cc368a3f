"""`EnsureCmd`: brings items to their goals, also as a dry run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

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
from peaceful._commands.recording import StateRecorder, record_states
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
from peaceful._storage.stored_state import StateKind, StoredState


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
        results = await ItemPass(run, graph, asking.ask).results()
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
        change = "" if diff is None else f": {diff}"
        return shown_result(ItemStatus.DONE, after, f"would change{change}")

    def _unknown(self, ctx: ItemCtx, reason: str) -> ItemResult:
        self._predicted.add(ctx.item)
        return ItemResult(
            ItemStatus.DONE,
            message=f"would be looked at once the items before are there ({reason})",
        )


class EnsureBlock(_SelectedItemsBlock):
    """Brings every item to its goal, each after those that it refers to.

    For each: its current state, its goal, the difference, whether it needs applying; then it is
    applied, and only when its new state is on disk is it done.

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
            results = await ItemPass(run, graph, work.ensure).results()
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
