"""`DiffCmd`, and the check that stored states are still what is there."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from peaceful._commands.discover import BOTH, DiscoverBlock, ParamsSpecsBlock
from peaceful._commands.item_access import load, read_stored, states_in, unreadable
from peaceful._commands.ownership import Ownership, OwnershipBlock, load_owned, ownership_of
from peaceful._errors.running import OutOfSync
from peaceful._errors.usage import UsageError
from peaceful._item.diff import StateDiff
from peaceful._model.codec import ItemId
from peaceful._model.outcome import CmdOutcome
from peaceful._model.state import State
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, StateDiffs, States, diff_of
from peaceful._runtime.ctx import CmdCtx, ProfilesFlowCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.stored_state import StateKind, StoredState

_SIDES: Final = ("what it is", "what it should be")


class DiffBlock(CmdBlock[StateDiffs]):
    """Compares the states that an earlier block discovered. Has no items of its own."""

    async def run(self, run: BlockRun) -> BlockResult[StateDiffs]:
        """Compare current states with goals."""
        states = run.scope.resources.get(States)
        compared = diffs_between(run.ctx.flow, states.current, states.goal)
        return BlockResult(_with_left(compared, ownership_of(run)))


class DiffCmd:
    """Shows what `ensure` would change, after discovering what is there now."""

    @staticmethod
    def blocks() -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command."""
        return (OwnershipBlock(), ParamsSpecsBlock(), DiscoverBlock(BOTH), DiffBlock())

    @staticmethod
    async def exec(ctx: CmdCtx) -> CmdOutcome[StateDiffs]:
        """Discover both states, store them, and compare.

        Raises:
            ProfileBusy: another execution runs on the profile.
            ItemCrashed: an item cannot compare its states.
        """
        execution = CmdExecution(
            "diff", DiffCmd.blocks(), lambda resources: resources.try_get(StateDiffs)
        )
        return await execution.run(ctx)

    @staticmethod
    def stored(ctx: CmdCtx) -> StateDiffs:
        """Return the differences of stored states, without an execution.

        Raises:
            StorageError: what is stored cannot be read.
            ItemCrashed: an item cannot compare its states.
        """
        ownership = load_owned(ctx.flow, ctx.store)
        current, goal = (states_in(ctx.flow, ownership.states[kind]) for kind in BOTH)
        found = _with_left(diffs_between(ctx.flow, current, goal), ownership)
        return _explained(found, ctx.flow, *(ownership.states[kind] for kind in StateKind))

    @staticmethod
    def profiles(ctx: ProfilesFlowCtx) -> StateDiffs:
        """Compare the stored states of the first profile with the second, without an execution.

        Items that only one of them has are unknown in the other: other parameters may make
        other items.

        Args:
            ctx: a flow of exactly two profiles.

        Raises:
            UsageError: there are not two profiles.
            StorageError: what is stored cannot be read.
            ItemCrashed: an item cannot compare its states.
        """
        if len(ctx.profiles) != 2:
            raise UsageError(
                f"{len(ctx.profiles)} profiles cannot be compared: it takes two.",
                help="name two profiles",
            )
        before, after = ctx.profiles
        flows = ctx.flows[before], ctx.flows[after]
        states = [
            states_in(flow, load_owned(flow, ctx.stores[profile]).current)
            for profile, flow in zip(ctx.profiles, flows, strict=True)
        ]
        compared = diffs_between(flows[0], states[0], states[1], (before, after), flows[1])
        others = {
            item: f"{before} does not have it"
            for item in flows[1].graph.order
            if item not in flows[0].items
        }
        found = StateDiffs(compared.diffs, {**compared.unknown, **others})
        for profile, flow in zip(ctx.profiles, flows, strict=True):
            found = _explained(found, flow, ctx.stores[profile].load(StateKind.CURRENT))
        return found


def _with_left(diffs: StateDiffs, ownership: Ownership) -> StateDiffs:
    return replace(
        diffs,
        left=tuple(ownership.left),
        taken_over=ownership.taken_over,
        replaced=ownership.replaced,
    )


def diffs_between(
    flow: BuiltFlow,
    before: Mapping[ItemId, State],
    after: Mapping[ItemId, State],
    sides: tuple[str, str] = _SIDES,
    flow_after: BuiltFlow | None = None,
) -> StateDiffs:
    """Return, item by item, the differences between two sets of states.

    Args:
        flow: the flow whose items are compared.
        before: their states on one side.
        after: their states on the other side.
        sides: what the sides are called.
        flow_after: the flow on the other side, if it is another one.

    Raises:
        PeacefulError: an item cannot compare its states, and says why.
        ItemCrashed: an item cannot compare its states.
    """
    diffs: dict[ItemId, StateDiff | None] = {}
    unknown: dict[ItemId, str] = {}
    others = flow if flow_after is None else flow_after
    for item_id in flow.graph.order:
        item = flow.items[item_id].item
        if item_id not in others.items:
            unknown[item_id] = f"{sides[1]} does not have it"
        elif type(others.items[item_id].item).kind() != item.kind():
            unknown[item_id] = "it is of another kind on each side"
        elif item_id in before and item_id in after:
            diffs[item_id] = diff_of(item, item_id, before[item_id], after[item_id])
        else:
            missing = [
                side
                for side, states in zip(sides, (before, after), strict=True)
                if item_id not in states
            ]
            unknown[item_id] = f"not known yet: {' and '.join(missing)}"
    return StateDiffs(diffs, unknown)


def _explained(
    found: StateDiffs, flow: BuiltFlow, *stored: Mapping[ItemId, StoredState]
) -> StateDiffs:
    """Return the same, and say of what cannot be read why, instead of that it is unknown."""
    if not found.unknown:
        return found
    notes = {item: note for each in stored for item, note in unreadable(flow, each).items()}
    unknown = {item: notes.get(item, reason) for item, reason in found.unknown.items()}
    return replace(found, unknown=unknown)


class SyncCheck(enum.StrEnum):
    """Which stored states must still match what is there."""

    NONE = "none"
    """None: whatever is there is brought to the goal."""
    CURRENT = "current"
    """Current states: nobody may have changed things since they were last discovered."""
    BOTH = "both"
    """Current and goal states: what will be done is what the last diff showed."""

    @property
    def kinds(self) -> tuple[StateKind, ...]:
        """The states that are compared."""
        return _KINDS[self]


_KINDS: Mapping[SyncCheck, tuple[StateKind, ...]] = {
    SyncCheck.NONE: (),
    SyncCheck.CURRENT: (StateKind.CURRENT,),
    SyncCheck.BOTH: (StateKind.CURRENT, StateKind.GOAL),
}


class SyncCheckBlock(CmdBlock[States]):
    """Compares stored states with what is there, and refuses to go on if they differ.

    What was never stored, or was in progress when the last command ended, is not compared.

    Args:
        check: which states are compared.
        only: the items whose states are compared; empty for all.
    """

    def __init__(self, check: SyncCheck, only: Iterable[ItemId] = ()) -> None:
        self._check = check
        self._only = frozenset(only)
        self._discover = DiscoverBlock(check.kinds, store=False)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return every item of the flow: referenced ones must be discovered, too."""
        return self._discover.items(run)

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Compare the states.

        Raises:
            OutOfSync: something differs; it says what.
        """
        found = await self._discover.run(run)
        if not all(result.status.ended_well for result in found.items.values()):
            # An interrupt, or an item's failure, ends the command before anything is changed.
            return found
        differing = [
            difference
            for kind in self._check.kinds
            for difference in self._differing(run, kind, found.value, await load(run, kind))
        ]
        if differing:
            raise OutOfSync(
                differing,
                help="see what has changed: `discover`, then `diff`; or run the command again",
            )
        return found

    def _differing(
        self, run: BlockRun, kind: StateKind, found: States, stored: Mapping[ItemId, StoredState]
    ) -> Iterator[tuple[ItemId, str]]:
        states = found.current if kind is StateKind.CURRENT else found.goal
        for item_id, state in states.items():
            if self._only and item_id not in self._only:
                continue
            item = run.ctx.flow.items[item_id].item
            before, note = read_stored(item, stored.get(item_id))
            if before is None and note:
                yield item_id, f"{kind} state, stored: {note}"
            diff = None if before is None else diff_of(item, item_id, before, state)
            if diff is not None:
                yield item_id, f"{kind} state, stored → there now: {diff}"
