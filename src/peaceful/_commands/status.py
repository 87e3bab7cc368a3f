"""`StatusCmd`: the stored states of a flow. Needs nothing that runs commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from peaceful._commands.item_access import (
    ItemClasses,
    NotAsItWas,
    read_stored,
    states_in,
)
from peaceful._commands.ownership import load_owned
from peaceful._item.item import AnyItem
from peaceful._item.upgrades import Reading
from peaceful._model.codec import ItemId
from peaceful._params.plain import plain_form
from peaceful._runtime.block import States
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.stored_state import StateKind, StoredState


class KnownState(msgspec.Struct, frozen=True):
    """The stored state of one item.

    Attributes:
        stored: the entry, or None.
        shown: its state in a few words.
        in_flow: whether the flow has the item; entries of removed items are kept.
        stopped_at: its partial state in a few words, if it stopped at a safe point; else empty.
        note: that an earlier version of its class stored it, which `stored` and `shown` have
            upgraded; or why it could not be read. Else empty.
    """

    stored: StoredState | None
    shown: str
    in_flow: bool
    stopped_at: str = ""
    note: str = ""


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
        return known_states(ctx.flow, load_owned(ctx.flow, ctx.store).states[kind])

    @staticmethod
    def states(ctx: CmdCtx) -> States:
        """Return the stored states of a flow's items, without those in doubt.

        Raises `StorageError`.
        """
        stored = load_owned(ctx.flow, ctx.store).states
        return States(
            states_in(ctx.flow, stored[StateKind.CURRENT]),
            states_in(ctx.flow, stored[StateKind.GOAL]),
        )


def known_states(
    flow: BuiltFlow, stored: Mapping[ItemId, StoredState]
) -> Mapping[ItemId, KnownState]:
    """Return the stored states of a flow's items, then those of removed items."""
    items, classes = flow.items, ItemClasses()
    known = {
        item_id: _known(items[item_id].item, stored.get(item_id), in_flow=True)
        for item_id in flow.graph.order
    }
    others = {
        item_id: _known(_as_it_was(classes, entry, flow), entry, in_flow=False)
        for item_id, entry in stored.items()
        if item_id not in items
    }
    return {**known, **others}


def _as_it_was(classes: ItemClasses, entry: StoredState, flow: BuiltFlow) -> AnyItem | None:
    try:
        return classes.as_it_was(entry, flow)
    except NotAsItWas:
        return None


def _known(item: AnyItem | None, entry: StoredState | None, *, in_flow: bool) -> KnownState:
    if entry is None:
        return KnownState(None, "not discovered yet", in_flow)
    since = entry.in_progress_since
    if since is not None and not entry.stopped:
        words = in_progress_words(since.isoformat(timespec="seconds"), "")
        return KnownState(entry, words, in_flow)
    settled = replace(entry, in_progress_since=None)
    state, note = Reading(None) if item is None else read_stored(item, settled)
    shown = _raw(entry) if state is None else str(state)
    if note:
        shown = f"{shown} ({note})"
    if note and state is not None:
        entry = replace(entry, state=plain_form(state), version=state.state_version)
    if since is None:
        return KnownState(entry, shown, in_flow, note=note)
    words = in_progress_words(since.isoformat(timespec="seconds"), shown)
    return KnownState(entry, words, in_flow, shown, note)


def in_progress_words(since: str, stopped_at: str) -> str:
    """Return what is known of an item that was in progress when its last command ended."""
    known = f"stopped at: {stopped_at}" if stopped_at else "not known what it is now"
    return f"in progress since {since}, {known}"


def _raw(entry: StoredState) -> str:
    if not isinstance(entry.state, Mapping):
        return str(entry.state)
    facts = [f"{name}={value}" for name, value in entry.state.items() if value is not None]
    return ", ".join(facts) or "absent"
