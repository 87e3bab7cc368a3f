"""`DiscoverCmd`: discovers and stores current and goal states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from peaceful._aio import run_in_thread
from peaceful._commands.item_access import asked_if_known, partial_item, shown_result
from peaceful._commands.ownership import OwnershipBlock
from peaceful._commands.recording import Observation, StateRecorder, record_states
from peaceful._item.ctx import ItemCtx
from peaceful._item.resolution import specs_of
from peaceful._model.codec import ItemId, JsonValue
from peaceful._model.outcome import CmdOutcome, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._resources import Resources
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, States
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import StateKind, StoredState

_CURRENT, _GOAL = StateKind.CURRENT, StateKind.GOAL

BOTH: Final = (_CURRENT, _GOAL)

_FUNCTIONS: Final = {_CURRENT: "try_state_current", _GOAL: "try_state_goal"}


class ParamsSpecsBlock(CmdBlock[None]):
    """Stores how each item's parameters are given, if that has changed. Has no items."""

    async def run(self, run: BlockRun) -> BlockResult[None]:
        """Store them, unless the flow could not be built."""
        if run.ctx.flow.problem is not None:
            return BlockResult(None)
        specs = _ParamsSpecs(run.ctx.flow)
        await run_in_thread(lambda: run.ctx.store.save_params_specs(specs))
        return BlockResult(None)


class _ParamsSpecs(Mapping[ItemId, JsonValue]):
    """By item and field, how the value is given, in its stored form; made when it is asked for."""

    def __init__(self, flow: BuiltFlow) -> None:
        self._items = flow.items

    def __getitem__(self, item: ItemId) -> JsonValue:
        return specs_of(self._items[item].item)

    def __iter__(self) -> Iterator[ItemId]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class DiscoverBlock(CmdBlock[States]):
    """Asks every item for its current state, its goal, or both, and stores them.

    A state that is not known yet, because a parameter is not, is left out: the stored one stays.

    Args:
        kinds: which states are asked for.
        store: whether they are stored.
    """

    def __init__(self, kinds: tuple[StateKind, ...] = BOTH, *, store: bool = True) -> None:
        self._kinds = kinds
        self._store = store

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return every item of the flow."""
        return run.ctx.flow.graph.order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Ask the items, each after those that it refers to."""
        if not self._store:
            return await self._over_items(run, None)
        async with record_states(run, self.items(run), applies=False) as record:
            return await self._over_items(run, record)

    async def _over_items(self, run: BlockRun, record: StateRecorder | None) -> BlockResult[States]:
        work = _Discovering(run, self._kinds, record)
        results = await ItemPass(run, run.ctx.flow.graph, work.discover, changes=False).results()
        return BlockResult(States(work.states[_CURRENT], work.states[_GOAL]), results)


class _Discovering:
    """One pass of discovering, and the states so far."""

    def __init__(
        self, run: BlockRun, kinds: tuple[StateKind, ...], record: StateRecorder | None
    ) -> None:
        self._run = run
        self._kinds = kinds
        self._record = record
        self.states: dict[StateKind, dict[ItemId, State]] = {kind: {} for kind in StateKind}

    async def discover(self, ctx: ItemCtx) -> ItemResult:
        flow, record = self._run.ctx.flow, self._record
        news: dict[StateKind, StoredState | None] = {}
        found: Observation | None = None
        for kind in self._kinds:
            states = self.states[kind]
            item, is_whole = partial_item(flow.id, flow.items[ctx.item], states.get)
            state = await asked_if_known(self._run, item, _FUNCTIONS[kind], ctx)
            if state is None:
                continue
            states[ctx.item] = state
            if record is None:
                continue
            if kind is _CURRENT:
                if is_whole:
                    found = await record.looked_at(ctx, item, state)
                else:
                    found = await record.glimpsed(ctx, item, state)
                if found is None:
                    continue
            elif found is None or found.item is not item:
                found = Observation(ctx, item)
            news[kind] = record.if_news(kind, found, record.entry(found, state))
        if record is not None and found is not None:
            await record.record(found, news.get(_CURRENT), news.get(_GOAL))
        return self._result(ctx.item, changed=any(news.values()))

    def _result(self, item: ItemId, *, changed: bool) -> ItemResult:
        state = self.states[self._kinds[0]].get(item)
        if state is None:
            return ItemResult(ItemStatus.UNKNOWN, message="not known yet")
        return shown_result(ItemStatus.DONE if changed else ItemStatus.UNCHANGED, state, "")


class DiscoverCmd:
    """Discovers and stores current and goal states. Changes nothing else."""

    @staticmethod
    def blocks(kinds: tuple[StateKind, ...] = BOTH) -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command; `kinds` are the states to ask for."""
        return (OwnershipBlock(mend=True), ParamsSpecsBlock(), DiscoverBlock(kinds))

    @staticmethod
    async def exec(ctx: CmdCtx, kinds: tuple[StateKind, ...] = BOTH) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile.
            kinds: which states are asked for.

        Raises:
            ProfileBusy: another execution runs on the profile.
        """
        return await CmdExecution("discover", DiscoverCmd.blocks(kinds), states_of).run(ctx)


def states_of(resources: Resources) -> States | None:
    return resources.try_get(States)
