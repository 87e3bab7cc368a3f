"""Recorder of item states, including what moved items leave behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Final, assert_never

from msgspec.structs import replace

from peaceful._aio import run_in_thread, run_shielded
from peaceful._commands.item_access import (
    asked,
    checked,
    item_from_kind,
    item_from_stored,
    same_fact,
    stored_form_of,
)
from peaceful._disclosure import masked_data
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import StorageError, WorkspaceGone
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem
from peaceful._item.resolution import stored_params
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.codec import ItemId, JsonValue
from peaceful._model.location import Interaction, Location, Pull, Push, Within
from peaceful._model.outcome import NOT_CHANGED, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import BlockRun, diff_of, needs_apply
from peaceful._runtime.item_pass import BlockFailed
from peaceful._storage.stored_state import StateKind, StateWriter, StoredState
from peaceful._user_code import OwnProcess

_LOG: Final = logging.getLogger("peaceful.commands")

_BEFORE: Final = "__before"


def may_be_left(before: StoredState | None, item: AnyItem, params: Mapping[str, JsonValue]) -> bool:
    """Return whether what is stored may be of another thing than the item's.

    Quick, for every item.
    """
    return (
        before is not None
        and before.params is not None
        and (before.params != params or before.kind != item.kind())
    )


async def is_left(
    run: BlockRun, ctx: ItemCtx, item: AnyItem, current: State, before: StoredState
) -> bool:
    """Return whether what is stored is of another thing than the item's, and that thing exists."""
    same_kind = before.kind == item.kind()
    old = item_from_stored(type(item), before, item) if same_kind else item_from_kind(before)
    if old is None:
        # Of the same kind, its parameters are others by now, and say nothing of places. Of another
        # kind, it is another thing, which nobody can look at.
        return not same_kind
    places = places_of(item)
    if places and places == places_of(old):
        return False
    try:
        there = await asked(run, old, "state_current", ctx)
        clean = await asked(run, old, "state_clean", ctx)
        diff = diff_of(old, ctx.item, there, clean)
        if not needs_apply(old, ctx.item, there, clean, diff):
            return False
    except PeacefulError:
        # That it cannot be looked at does not mean that it is gone.
        return True
    return bool(places) or not same_kind or there != current


def places_of(item: AnyItem) -> frozenset[Location]:
    """Return the places where an item's thing is; empty if it does not say."""
    with OwnProcess():
        return frozenset(_place(interaction) for interaction in item.interactions())


def _place(interaction: Interaction) -> Location:
    match interaction:
        case Push(target=place) | Pull(client=place) | Within(location=place):
            return place
        case _:
            assert_never(interaction)


def names_for(item: ItemId) -> Iterator[ItemId]:
    """Yield names under which what an item left behind can be stored."""
    first = f"{item}{_BEFORE}"
    yield first
    for number in count(2):
        yield f"{first}_{number}"


def is_name_for(name: ItemId, item: ItemId) -> bool:
    """Return whether a name is one under which what an item left behind is stored."""
    number = name.removeprefix(f"{item}{_BEFORE}")
    return number != name and (not number or number.removeprefix("_").isdecimal())


def item_named_by(name: ItemId) -> ItemId:
    """Return the item that left behind what is stored under a name; the name itself if none did."""
    item = name.rpartition(_BEFORE)[0]
    return item if item and is_name_for(name, item) else name


class Observation:
    """An observation of an item: its parameters as stored, and a note for its message."""

    __slots__ = ("ctx", "item", "note", "params")

    def __init__(self, ctx: ItemCtx, item: AnyItem) -> None:
        self.ctx = ctx
        self.item = item
        self.params: Mapping[str, JsonValue] = stored_params(item)
        self.note = ""


class StateRecorder:
    """Recorder of the states of one block, with what was stored before it.

    If something cannot be written, as on a full disk, its methods raise `BlockFailed`: what is done
    and cannot be recorded would be done again, so nothing else may start.
    """

    def __init__(
        self,
        run: BlockRun,
        writer: StateWriter,
        stored: Mapping[StateKind, Mapping[ItemId, StoredState]],
    ) -> None:
        self._run = run
        self._clock = run.scope.clock
        self._writer = writer
        self._stored = stored

    def stored_current(self, item: ItemId) -> StoredState | None:
        """Return the current state that was stored before the block."""
        return self._stored[StateKind.CURRENT].get(item)

    async def looked_at(self, ctx: ItemCtx, item: AnyItem, current: State) -> Observation:
        """Return an observation of an item: from now on, its record is of its present parameters.

        What is stored is kept under another name if it is of another thing that still exists.
        """
        found = Observation(ctx, item)
        before = self.stored_current(ctx.item)
        if before is not None and may_be_left(before, item, found.params):
            await self._forget_same(found)
            if await is_left(self._run, ctx, item, current, before):
                found.note = await self._kept(ctx.item, before)
        return found

    async def started(self, ctx: ItemCtx) -> datetime:
        """Record that the item is about to be changed; return the time once it may be.

        Only the first in a block waits for the disk, and those that come while it does.
        """
        now = self._clock.now()
        try:
            with _WRITING:
                await self._writer.started(ctx.item, now)
        except asyncio.CancelledError:
            # It is as it was. Who is cancelled waits for no disk: should that be lost, it is looked
            # at anew.
            with suppress(StorageError):
                _ = self._writer.settled(ctx.item)
            raise
        except BlockFailed as failed:
            if isinstance(failed.error, WorkspaceGone):
                message = "looked at; the workspace is gone"
                failed.result = ItemResult(ItemStatus.NOT_STARTED, message=message)
            raise
        return now

    async def unchanged(self, found: Observation, current: State, goal: State | None) -> ItemResult:
        """Record that nothing had to be done; return the result once that is on disk."""
        return await self._as_found(ItemStatus.UNCHANGED, found, current, goal, found.note)

    async def not_changed(
        self, found: Observation, current: State, goal: State | None
    ) -> ItemResult:
        """Record what was found of an item that would be changed, but for an interrupt.

        Returns the result once that is on disk.
        """
        message = f"{NOT_CHANGED}; {found.note}" if found.note else NOT_CHANGED
        return await self._as_found(ItemStatus.NOT_STARTED, found, current, goal, message)

    async def _as_found(
        self,
        status: ItemStatus,
        found: Observation,
        current: State,
        goal: State | None,
        message: str,
    ) -> ItemResult:
        entry = self.entry(found, current)
        news = self.if_news(StateKind.CURRENT, found, entry)
        result = _result(status, entry, current, message)
        stored_goal = self._goal(found, goal, current, entry)
        await self.record(found, news, stored_goal, result, settles=True)
        return result

    async def made(self, found: Observation, current: State, goal: State | None) -> ItemResult:
        """Record a new state; return the result once it is on disk."""
        entry = self.entry(found, current, self._needs(found.ctx.item))
        message = _joined(found.ctx.progress.last_message, found.note)
        result = _result(ItemStatus.DONE, entry, current, message)
        await self.record(found, entry, self._goal(found, goal, current, entry), result)
        return result

    async def stopped(self, found: Observation, stop: StoppedAtSafePoint, begun: datetime) -> None:
        """Record the partial state of an item that ended at a safe point, if it gives one."""
        if stop.partial is not None:
            partial = checked(found.item, "safe_point", found.ctx, stop.partial)
            now = self._clock.now()
            needs = self._still_needs(found.ctx.item)
            entry = stored_form_of(
                found.item, partial, found.params, now, needs=needs, unfinished=begun
            )
            await self.record(found, entry, None)

    def entry(
        self, found: Observation, state: State, needs: tuple[ItemId, ...] | None = None
    ) -> StoredState:
        """Return a state in its stored form, as of now; by default, the item was only found so."""
        if needs is None:
            needs = self._still_needs(found.ctx.item)
        return stored_form_of(found.item, state, found.params, self._clock.now(), needs=needs)

    def _needs(self, item: ItemId) -> tuple[ItemId, ...]:
        """Return what an item stands on when it is made now."""
        flow = self._run.ctx.flow
        if item in flow.items:
            return flow.graph.predecessors(item)
        before = self.stored_current(item)
        return () if before is None else before.needs

    def _still_needs(self, item: ItemId) -> tuple[ItemId, ...]:
        """Return what an item stands on that was not made anew: also what has left the flow."""
        needs, before = self._needs(item), self.stored_current(item)
        if before is None or not before.needs:
            return needs
        flow, stored = self._run.ctx.flow, self._stored[StateKind.CURRENT]
        left = (name for name in before.needs if name not in flow.items and name in stored)
        return tuple(dict.fromkeys((*needs, *left)))

    def if_news(
        self, kind: StateKind, found: Observation, entry: StoredState
    ) -> StoredState | None:
        """Return the entry, or None if the same is stored already."""
        return None if same_fact(self._stored[kind].get(found.ctx.item), entry) else entry

    async def record(
        self,
        found: Observation,
        current: StoredState | None,
        goal: StoredState | None,
        result: ItemResult | None = None,
        *,
        settles: bool = False,
    ) -> None:
        """Return once the entries are on disk; at once if there is none.

        If it `settles`, the item was not changed. After a loss of power, one without a record that
        says so looks like one that was being changed, so that is waited for as well.

        If they went away with the workspace, the item ends with the `result` all the same.
        """
        if not (current or goal or settles):
            return
        _warn_of_secrets(found.ctx.item, current, goal)
        try:
            with _WRITING, self._run.disk_waits:
                # Both before either is waited for: one sync is of both.
                waits: list[Awaitable[None]] = []
                if current or goal:
                    waits.append(self._writer.record(found.ctx.item, current=current, goal=goal))
                if settles:
                    waits.append(self._writer.settled(found.ctx.item))
                for wait in waits:
                    await wait
        except BlockFailed as failed:
            if result is not None and isinstance(failed.error, WorkspaceGone):
                message = _joined(result.message, failed.error.records)
                failed.result = replace(result, message=message)
            raise

    async def forget(self, item: ItemId) -> None:
        """Return once nothing is stored of an item any more."""
        with _WRITING:
            await self._writer.forget((item,))

    async def _kept(self, item: ItemId, before: StoredState) -> str:
        """Keep what is stored of an item under another name; return a note once that is on disk."""
        taken = {*self._stored[StateKind.CURRENT], *self._run.ctx.flow.items}
        name = next(name for name in names_for(item) if name not in taken)
        with _WRITING:
            await self._writer.record(name, current=before)
        return f"what it was before its parameters changed is still there, as {name}"

    async def _forget_same(self, found: Observation) -> None:
        """Forget what was left behind before, and is this item's again."""
        stored = self._stored[StateKind.CURRENT]
        for name in self._left:
            kept = stored[name]
            if (
                is_name_for(name, found.ctx.item)
                and kept.kind == found.item.kind()
                and kept.params == found.params
            ):
                await self.forget(name)

    @cached_property
    def _left(self) -> list[ItemId]:
        """The stored items that the flow does not have."""
        items = self._run.ctx.flow.items
        return [name for name in self._stored[StateKind.CURRENT] if name not in items]

    def _goal(
        self, found: Observation, goal: State | None, current: State, entry: StoredState
    ) -> StoredState | None:
        if goal is None:
            return None
        # As most items return the very goal when they have reached it, it is written down already.
        stored = entry if goal is current else self.entry(found, goal, entry.needs)
        return self.if_news(StateKind.GOAL, found, stored)


def _warn_of_secrets(item: ItemId, *entries: StoredState | None) -> None:
    """Say that an entry holds a secret. It is stored as it is: others are compared with it."""
    data = [part for each in entries if each is not None for part in (each.state, each.params)]
    if masked_data(data) != data:
        _LOG.warning(
            "%s: its state or parameters hold the value of a secret as plain text, and are stored "
            "so. Give that field a type such as SecretStr, or leave it out of the state.",
            item,
        )


class _Writing:
    """Converts storage errors. There is one instance, because every item uses it several times."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, StorageError):
            raise BlockFailed(error) from error


_WRITING: Final = _Writing()


@asynccontextmanager
async def record_states(
    run: BlockRun, items: Sequence[ItemId], *, applies: bool
) -> AsyncGenerator[StateRecorder]:
    """Record states of a block; on exit, they are in the files that people read.

    If it `applies`, it changes things, so that an item without a record may be half done.
    """
    store = run.ctx.store
    opened: list[StateWriter] = []

    def open_and_load() -> Mapping[StateKind, Mapping[ItemId, StoredState]]:
        # In this order: the journal of an unclean ending is folded in first.
        opened.append(store.open(run.scope.execution.id, items, applies=applies))
        return {kind: store.load(kind) for kind in StateKind}

    failed = False
    try:
        stored = await run_in_thread(open_and_load)
        for text in opened[0].warnings:
            run.warn(text)
        yield StateRecorder(run, opened[0], stored)
    except StorageError:
        failed = True
        raise
    finally:
        for writer in opened:
            try:
                # Not to be left half done: the profile's lock is let go soon.
                await run_shielded(writer.close())
            except StorageError:
                # What cannot be written cannot be closed; what came first says more.
                if not failed:
                    raise


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _result(status: ItemStatus, entry: StoredState, state: State, message: str) -> ItemResult:
    return ItemResult(status, state=entry.state, shown=str(state), message=message)
