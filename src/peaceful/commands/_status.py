"""Reading what is stored. Not executions: they need no lock, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peaceful.commands._item_access import state_from_stored
from peaceful.model import ItemId
from peaceful.runtime import CmdCtx
from peaceful.storage import StateKind, StoredState


@dataclass(frozen=True, slots=True)
class KnownState:
    """What is stored of one item.

    Attributes:
        stored: the entry, or none where there is none.
        shown: its state in a few words.
        in_flow: whether the flow has the item; entries of items that it had before are kept.
    """

    stored: StoredState | None
    shown: str
    in_flow: bool


class StatusCmd:
    """Reads stored states."""

    @staticmethod
    def exec(ctx: CmdCtx, kind: StateKind = StateKind.CURRENT) -> Mapping[ItemId, KnownState]:
        """Reads the stored states of a flow's items, then those of items that it no longer has.

        Args:
            ctx: the flow and profile.
            kind: which states.

        Raises:
            StorageError: they cannot be read.
        """
        stored = ctx.store.load(kind)
        items = ctx.flow.items
        known = {
            item_id: _known(ctx, item_id, stored.get(item_id)) for item_id in ctx.flow.graph.order
        }
        others = {
            item_id: KnownState(entry, _raw(entry), in_flow=False)
            for item_id, entry in stored.items()
            if item_id not in items
        }
        return {**known, **others}


def _known(ctx: CmdCtx, item_id: ItemId, entry: StoredState | None) -> KnownState:
    if entry is None:
        return KnownState(None, "not discovered yet", in_flow=True)
    if entry.in_progress_since is not None:
        since = entry.in_progress_since.isoformat(timespec="seconds")
        return KnownState(
            entry, f"in progress since {since}, not known what it is now", in_flow=True
        )
    state = state_from_stored(ctx.flow.items[item_id].item, entry)
    return KnownState(entry, _raw(entry) if state is None else str(state), in_flow=True)


def _raw(entry: StoredState) -> str:
    if not isinstance(entry.state, Mapping):
        return str(entry.state)
    facts = [f"{name}={value}" for name, value in entry.state.items() if value is not None]
    return ", ".join(facts) or "absent"
