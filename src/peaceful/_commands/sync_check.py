"""Check that stored states still match what is there, before anything is changed."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from peaceful._commands.discover import DiscoverBlock
from peaceful._commands.item_access import load, state_from_stored
from peaceful._errors.running import OutOfSync
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import ItemStatus
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock
from peaceful._runtime.calls import States, diff_of
from peaceful._storage.stored_state import StateKind, StoredState

_LOOKED_AT: Final = frozenset({ItemStatus.DONE, ItemStatus.UNCHANGED})


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
        if any(result.status not in _LOOKED_AT for result in found.items.values()):
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
                help="run discover and look at diff; run the command again if that is right",
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
            before = state_from_stored(item, stored.get(item_id))
            diff = None if before is None else diff_of(item, item_id, before, state)
            if diff is not None:
                yield item_id, f"{kind} state, stored → there now: {diff}"
