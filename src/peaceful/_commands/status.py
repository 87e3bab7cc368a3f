"""`StatusCmd`: the stored states of a flow. Needs nothing that runs commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from peaceful._commands.item_access import left_items, state_from_stored, stored_states
from peaceful._item.item import AnyItem
from peaceful._model.codec import ItemId
from peaceful._runtime.block import States
from peaceful._runtime.ctx import CmdCtx
from peaceful._storage.stored_state import StateKind, StoredState


class KnownState(msgspec.Struct, frozen=True):
    """The stored state of one item.

    Attributes:
        stored: the entry, or None.
        shown: its state in a few words.
        in_flow: whether the flow has the item; entries of removed items are kept.
        stopped_at: its partial state in a few words, if it stopped at a safe point; else empty.
    """

    stored: StoredState | None
    shown: str
    in_flow: bool
    stopped_at: str = ""


class StatusCmd:
    """Reads stored states."""

    @staticmethod
    def exec(ctx: CmdCtx, kind: StateKind = StateKind.CURRENT) -> Mapping[ItemId, KnownState]:
        """Return the stored states of a flow's items, then those of removed items.

        Args:
            ctx: the flow and profile.
            kind: which states.

        Raises:
            StorageError: they cannot be read.
        """
        stored = ctx.store.load(kind)
        items = ctx.flow.items
        known = {
            item_id: _known(items[item_id].item, stored.get(item_id), in_flow=True)
            for item_id in ctx.flow.graph.order
        }
        left = left_items(ctx.flow, stored).items
        others = {
            item_id: _known(left[item_id], entry, in_flow=False)
            for item_id, entry in stored.items()
            if item_id in left
        }
        return {**known, **others}

    @staticmethod
    def states(ctx: CmdCtx) -> States:
        """Return the stored states of a flow's items, without those in doubt.

        Raises `StorageError`.
        """
        return States(
            stored_states(ctx.flow, ctx.store, StateKind.CURRENT),
            stored_states(ctx.flow, ctx.store, StateKind.GOAL),
        )


def _known(item: AnyItem | None, entry: StoredState | None, *, in_flow: bool) -> KnownState:
    if entry is None:
        return KnownState(None, "not discovered yet", in_flow)
    since = entry.in_progress_since
    if since is None:
        return KnownState(entry, _shown(item, entry), in_flow)
    partial = _shown(item, replace(entry, in_progress_since=None)) if entry.stopped else ""
    words = in_progress_words(since.isoformat(timespec="seconds"), partial)
    return KnownState(entry, words, in_flow, partial)


def in_progress_words(since: str, stopped_at: str) -> str:
    """Return what is known of an item that was in progress when its last command ended."""
    known = f"stopped at: {stopped_at}" if stopped_at else "not known what it is now"
    return f"in progress since {since}, {known}"


def _shown(item: AnyItem | None, entry: StoredState) -> str:
    state = None if item is None else state_from_stored(item, entry)
    return _raw(entry) if state is None else str(state)


def _raw(entry: StoredState) -> str:
    if not isinstance(entry.state, Mapping):
        return str(entry.state)
    facts = [f"{name}={value}" for name, value in entry.state.items() if value is not None]
    return ", ".join(facts) or "absent"
