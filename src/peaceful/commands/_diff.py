"""What differs: between what is and what should be, and between two profiles."""

from __future__ import annotations

from collections.abc import Mapping

from peaceful.commands._discover import BOTH, DiscoverBlock
from peaceful.commands._item_access import state_from_stored
from peaceful.commands._params_specs import ParamsSpecsBlock
from peaceful.errors import NameUnknown
from peaceful.item import StateDiff
from peaceful.model import CmdOutcome, ItemId
from peaceful.resources import Resources
from peaceful.runtime import (
    BlockResult,
    BlockRun,
    BuiltFlow,
    CmdBlock,
    CmdCtx,
    CmdExecution,
    ProfilesFlowCtx,
    StateDiffs,
    States,
)
from peaceful.storage import StateKind, StateStore


class DiffBlock(CmdBlock[StateDiffs]):
    """Compares the states that an earlier block discovered. Has no items of its own."""

    async def run(self, run: BlockRun) -> BlockResult[StateDiffs]:
        """Compares current states with goals."""
        states = run.scope.resources.get(States)
        return BlockResult(diffs_between(run.ctx.flow, states.current, states.goal))


class DiffCmd:
    """Shows what `ensure` would change, after looking at what is there now."""

    @staticmethod
    def blocks() -> tuple[CmdBlock[object], ...]:
        """The blocks of the command."""
        return (ParamsSpecsBlock(), DiscoverBlock(BOTH), DiffBlock())

    @staticmethod
    async def exec(ctx: CmdCtx) -> CmdOutcome[StateDiffs]:
        """Runs the command: discovers both states, stores them, and compares.

        Raises:
            ProfileBusy: another execution runs on the profile.
        """
        return await CmdExecution("diff", DiffCmd.blocks(), _diffs_of).run(ctx)

    @staticmethod
    def stored(ctx: CmdCtx) -> StateDiffs:
        """What differs by what is stored, without looking at what is there. Not an execution."""
        flow = ctx.flow
        return diffs_between(
            flow,
            _stored_states(flow, ctx.store, StateKind.CURRENT),
            _stored_states(flow, ctx.store, StateKind.GOAL),
        )


class DiffProfilesCmd:
    """Shows how the stored current states of two profiles differ. Not an execution."""

    @staticmethod
    def exec(ctx: ProfilesFlowCtx) -> StateDiffs:
        """Compares the first profile with the second.

        Args:
            ctx: a flow of exactly two profiles.

        Raises:
            NameUnknown: there are not two profiles.
        """
        if len(ctx.profiles) != 2:
            raise NameUnknown("pair of profiles", ", ".join(ctx.profiles), ctx.flows)
        before, after = ctx.profiles
        flow = ctx.flows[before]
        return diffs_between(
            flow,
            _stored_states(flow, ctx.stores[before], StateKind.CURRENT),
            _stored_states(ctx.flows[after], ctx.stores[after], StateKind.CURRENT),
        )


def diffs_between(
    flow: BuiltFlow, before: Mapping[ItemId, object], after: Mapping[ItemId, object]
) -> StateDiffs:
    """Item by item, what differs between two sets of states."""
    diffs: dict[ItemId, StateDiff | None] = {}
    unknown: dict[ItemId, str] = {}
    for item_id in flow.graph.order:
        if item_id in before and item_id in after:
            item = flow.items[item_id].item
            diffs[item_id] = item.diff(before[item_id], after[item_id])
        else:
            sides = [
                side
                for side, states in (("what it is", before), ("what it should be", after))
                if item_id not in states
            ]
            unknown[item_id] = f"not known yet: {' and '.join(sides)}"
    return StateDiffs(diffs, unknown)


def _stored_states(flow: BuiltFlow, store: StateStore, kind: StateKind) -> dict[ItemId, object]:
    stored = store.load(kind)
    return {
        item_id: state
        for item_id, flow_item in flow.items.items()
        if (state := state_from_stored(flow_item.item, stored.get(item_id))) is not None
    }


def _diffs_of(resources: Resources) -> StateDiffs | None:
    return resources.try_get(StateDiffs)
