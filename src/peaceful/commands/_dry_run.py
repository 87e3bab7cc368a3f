"""Saying what a command would do, without doing it."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful.commands._item_access import (
    asked,
    asked_if_known,
    load,
    partial_item,
    shown_result,
    state_from_stored,
)
from peaceful.commands._selection import selected
from peaceful.errors import ItemFailure
from peaceful.item import AnyItem, ItemCtx
from peaceful.model import ItemId, ItemResult, ItemStatus
from peaceful.model.state import State
from peaceful.runtime import (
    BlockResult,
    BlockRun,
    CmdBlock,
    ItemPass,
    States,
    diff_of,
    needs_apply,
)
from peaceful.storage import StateKind


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
