"""Finding out what items are and what they should be."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from peaceful.commands._item_access import asked_if_known, partial_item
from peaceful.commands._params_specs import ParamsSpecsBlock
from peaceful.commands._recording import Recording
from peaceful.item import ItemCtx, stored_params
from peaceful.model import CmdOutcome, ItemId, ItemResult, ItemStatus
from peaceful.model.state import State
from peaceful.resources import Resources
from peaceful.runtime import BlockResult, BlockRun, CmdBlock, CmdCtx, CmdExecution, ItemPass, States
from peaceful.storage import StateKind, StoredState

_LOG = logging.getLogger("peaceful.commands")

BOTH: Final = (StateKind.CURRENT, StateKind.GOAL)
"""Current and goal states."""


class DiscoverBlock(CmdBlock[States]):
    """Asks every item for its current state, its goal, or both, and stores what it says.

    A state that is not known yet, because a parameter is not, is left out: what was stored of it
    stays.

    Args:
        kinds: which states are asked for.
        store: whether what is found is stored.
        mend: whether damaged files are set aside first, so that all is discovered anew.
    """

    def __init__(
        self, kinds: tuple[StateKind, ...] = BOTH, *, store: bool = True, mend: bool = False
    ) -> None:
        self._kinds = kinds
        self._store = store
        self._mend = mend

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Every item of the flow."""
        return run.ctx.flow.graph.order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Asks the items, each after those that it refers to."""
        if not self._store:
            return await self._over_items(run, None)
        if self._mend:
            for path in await asyncio.to_thread(run.ctx.store.set_damaged_aside):
                _LOG.warning("a damaged file was set aside, and is discovered anew: %s", path)
        recording = await Recording.open(run, self.items(run), applies=False)
        try:
            return await self._over_items(run, recording)
        finally:
            await recording.close()

    async def _over_items(self, run: BlockRun, recording: Recording | None) -> BlockResult[States]:
        current: dict[ItemId, State] = {}
        goal: dict[ItemId, State] = {}

        async def discover(ctx: ItemCtx) -> ItemResult:
            news: dict[StateKind, StoredState | None] = {}
            for kind in self._kinds:
                known = current if kind is StateKind.CURRENT else goal
                item = partial_item(run.ctx.flow.id, run.ctx.flow.items[ctx.item], known.get)
                state = await asked_if_known(run, item, f"try_state_{kind}", ctx)
                if state is None:
                    continue
                known[ctx.item] = state
                if recording is not None:
                    entry = recording.entry(item, state, stored_params(item))
                    news[kind] = recording.if_news(kind, ctx.item, entry)
            if recording is not None:
                await recording.record(
                    ctx.item, news.get(StateKind.CURRENT), news.get(StateKind.GOAL)
                )
            changed = any(entry is not None for entry in news.values())
            return _result(current.get(ctx.item) or goal.get(ctx.item), changed=changed)

        results = await ItemPass(run, run.ctx.flow.graph, discover).results()
        return BlockResult(States(current, goal), results)


def _result(state: State | None, *, changed: bool) -> ItemResult:
    if state is None:
        return ItemResult(ItemStatus.UNCHANGED, message="not known yet")
    return ItemResult(
        ItemStatus.DONE if changed else ItemStatus.UNCHANGED,
        state=state.model_dump(mode="json"),
        shown=str(state),
    )


class DiscoverCmd:
    """Finds and stores current and goal states. Changes nothing but what is stored."""

    @staticmethod
    def blocks(kinds: tuple[StateKind, ...] = BOTH) -> tuple[CmdBlock[object], ...]:
        """The blocks of the command.

        Args:
            kinds: which states are asked for.
        """
        return (ParamsSpecsBlock(), DiscoverBlock(kinds, mend=True))

    @staticmethod
    async def exec(ctx: CmdCtx, kinds: tuple[StateKind, ...] = BOTH) -> CmdOutcome[States]:
        """Runs the command.

        Args:
            ctx: the flow and profile.
            kinds: which states are asked for.

        Raises:
            ProfileBusy: another execution runs on the profile.
        """
        return await CmdExecution("discover", DiscoverCmd.blocks(kinds), states_of).run(ctx)


def states_of(resources: Resources) -> States | None:
    """The states that blocks have gathered."""
    return resources.try_get(States)
