"""Checking that what is stored is still what is there, before anything is changed."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from peaceful.commands._discover import DiscoverBlock
from peaceful.commands._item_access import load, state_from_stored
from peaceful.errors import OutOfSync
from peaceful.item import StateDiff
from peaceful.model import ItemId
from peaceful.runtime import BlockResult, BlockRun, CmdBlock, States
from peaceful.storage import StateKind


class SyncCheck(enum.StrEnum):
    """Which stored states must still be what is there."""

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
    """Compares what is stored with what is there, and refuses to go on where they differ.

    What was never stored, or was in progress when the last command ended, is not compared.

    Args:
        check: which states are compared.
    """

    def __init__(self, check: SyncCheck) -> None:
        self._check = check
        self._discover = DiscoverBlock(check.kinds, store=False)

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Every item of the flow."""
        return self._discover.items(run)

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Compares.

        Raises:
            OutOfSync: something differs; it says what.
        """
        found = await self._discover.run(run)
        differing: list[tuple[str, str]] = []
        for kind in self._check.kinds:
            states = found.value.current if kind is StateKind.CURRENT else found.value.goal
            stored = await load(run, kind)
            for item_id, state in states.items():
                item = run.ctx.flow.items[item_id].item
                before = state_from_stored(item, stored.get(item_id))
                diff = None if before is None else item.diff(before, state)
                if diff is not None:
                    differing.append((item_id, _sentence(kind, diff)))
        if differing:
            raise OutOfSync(
                differing,
                help="run discover and look at diff; run the command again if that is right",
            )
        return found


def _sentence(kind: StateKind, diff: StateDiff) -> str:
    return f"{kind} state, stored → there now: {diff}"
