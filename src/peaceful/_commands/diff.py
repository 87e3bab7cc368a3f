"""`DiffCmd`, and the check that stored states are still what is there."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from peaceful._commands.discover import BOTH, DiscoverBlock, ParamsSpecsBlock
from peaceful._commands.item_access import (
    load,
    read_stored,
    state_from_stored,
    states_in,
    unreadable,
)
from peaceful._commands.ownership import Ownership, OwnershipBlock, load_owned, ownership_of
from peaceful._commands.status import KnownState, known_states
from peaceful._errors.running import OutOfSync
from peaceful._errors.usage import UsageError
from peaceful._item.diff import Change, StateDiff, plain_changes, shown
from peaceful._item.diff import diff_of as diff_of_changes
from peaceful._model.codec import ItemId, JsonValue, ProfileName
from peaceful._model.outcome import CmdOutcome
from peaceful._model.state import State
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, StateDiffs, States, diff_of
from peaceful._runtime.ctx import CmdCtx, ParamValue, ProfilesFlowCtx
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
        """Compare a flow of the first profile with that of the second, without an execution.

        By what is stored: states, also of what has left the flow, and parameters. What only one of
        them has, or is of another kind in each, differs in its `kind`, `identity` and `state`.

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
        one, other = (_Side.of(ctx, profile) for profile in ctx.profiles)
        diffs: dict[ItemId, StateDiff | None] = {}
        unknown: dict[ItemId, str] = {}
        for item in dict.fromkeys((*one.things, *other.things)):
            reason = one.unknown(item, other) or other.unknown(item, one)
            if reason:
                unknown[item] = reason
            else:
                diffs[item] = one.diff(item, other)
        params = [ctx.params.get(profile, {}) for profile in ctx.profiles]
        return StateDiffs(
            diffs,
            unknown,
            left=tuple(dict.fromkeys((*one.left, *other.left))),
            params=tuple(_params_changes(*params)),
        )


class _Side(msgspec.Struct, frozen=True):
    """A flow in one of two profiles that are compared; the things are its items, and what left."""

    profile: ProfileName
    flow: BuiltFlow
    things: Mapping[ItemId, KnownState]

    @classmethod
    def of(cls, ctx: ProfilesFlowCtx, profile: ProfileName) -> _Side:
        flow = ctx.flows[profile]
        known = known_states(flow, load_owned(flow, ctx.stores[profile]).current)
        there = {
            item: each
            for item, each in known.items()
            if each.in_flow or (each.stored is not None and each.stored.is_there)
        }
        return cls(profile, flow, there)

    @property
    def left(self) -> Iterator[ItemId]:
        return (item for item, each in self.things.items() if not each.in_flow)

    def unknown(self, item: ItemId, other: _Side) -> str:
        """Return why it is not known how an item differs, as far as that is this side's."""
        thing = self.things.get(item)
        if thing is None:
            is_built = self.flow.problem is None
            return "" if is_built else f"not known: the flow cannot be built in {self.profile}"
        if self._state(item) is not None or other._kind(item) != self._kind(item):
            return ""
        return thing.note or f"not known: what it is in {self.profile} ({thing.shown})"

    def diff(self, item: ItemId, other: _Side) -> StateDiff | None:
        """Return what turns an item of this side into that of the other."""
        before, after = self.things.get(item), other.things.get(item)
        if before and after and before.in_flow and self._kind(item) == other._kind(item):
            declared = self.flow.items[item].item
            states = [state_from_stored(declared, each.stored) for each in (before, after)]
            if None not in states:
                return diff_of(declared, item, *states)
        facts = zip(self._facts(item), other._facts(item), strict=True)
        return diff_of_changes(
            Change(name, was, is_now, words, words_now)
            for (name, was, words), (_, is_now, words_now) in facts
            if (was, words) != (is_now, words_now)
        )

    def _facts(self, item: ItemId) -> Iterator[tuple[str, JsonValue, str]]:
        """Yield what a thing is: facts by name, each as JSON and in words."""
        thing = self.things.get(item)
        stored = None if thing is None else thing.stored
        yield "kind", self._kind(item), ""
        yield "identity", None if stored is None else stored.identity, ""
        yield "state", self._state(item), "" if thing is None else thing.shown

    def _kind(self, item: ItemId) -> str | None:
        if item in self.flow.items:
            return self.flow.items[item].item.kind()
        thing = self.things.get(item)
        return None if thing is None or thing.stored is None else thing.stored.kind

    def _state(self, item: ItemId) -> JsonValue:
        """Return a state in its stored form; None if there is none, or it is in doubt."""
        thing = self.things.get(item)
        stored = None if thing is None else thing.stored
        if stored is None or stored.in_progress_since is not None:
            return None
        if (
            item in self.flow.items
            and state_from_stored(self.flow.items[item].item, stored) is None
        ):
            return None
        return stored.state


def _params_changes(
    before: Mapping[str, ParamValue], after: Mapping[str, ParamValue]
) -> Iterator[Change]:
    """Yield the parameters that differ, or of which that is not known."""
    for name in before:
        one, other = before[name], after[name]
        if one.unknown or other.unknown:
            if (one.unknown, one.source) != (other.unknown, other.source):
                yield Change(name, one.value, other.value, _words(one), _words(other))
            continue
        for change in plain_changes(name, one.value, other.value):
            shown_ones = (change.before_shown, change.after_shown)
            said = [
                text if words and not each.is_default else _by_default(words, each)
                for each, words, text in zip((one, other), change.words, shown_ones, strict=True)
            ]
            yield replace(change, before_shown=said[0], after_shown=said[1])
        for path in {**one.secrets, **other.secrets}:
            was, is_now = one.secrets.get(path), other.secrets.get(path)
            if was != is_now:
                now = "another secret" if is_now is not None and was is not None else "a secret"
                yield Change(
                    f"{name}{path}",
                    None,
                    None,
                    _by_default("" if was is None else "a secret", one),
                    _by_default("" if is_now is None else now, other),
                )


def _by_default(words: str, param: ParamValue) -> str:
    return f"{words or 'none'}{' (default)' if param.is_default else ''}"


def _words(param: ParamValue) -> str:
    """Return a parameter in words, where another one is not known."""
    if param.unknown:
        return param.unknown
    words = "" if param.value is None else shown(param.value)
    return _by_default("a secret" if param.secrets else words, param)


def _with_left(diffs: StateDiffs, ownership: Ownership) -> StateDiffs:
    return replace(
        diffs,
        left=tuple(ownership.left),
        taken_over=ownership.taken_over,
        replaced=ownership.replaced,
    )


def diffs_between(
    flow: BuiltFlow, current: Mapping[ItemId, State], goal: Mapping[ItemId, State]
) -> StateDiffs:
    """Return, item by item, the differences between current states and goals.

    Raises:
        PeacefulError: an item cannot compare its states, and says why.
        ItemCrashed: an item cannot compare its states.
    """
    diffs: dict[ItemId, StateDiff | None] = {}
    unknown: dict[ItemId, str] = {}
    for item_id in flow.graph.order:
        missing = [
            side
            for side, states in zip(_SIDES, (current, goal), strict=True)
            if item_id not in states
        ]
        if missing:
            unknown[item_id] = f"not known yet: {' and '.join(missing)}"
        else:
            item = flow.items[item_id].item
            diffs[item_id] = diff_of(item, item_id, current[item_id], goal[item_id])
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
