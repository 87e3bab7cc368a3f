"""Recorder of item states, including what moved items leave behind."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import Final, assert_never

from msgspec.structs import replace

from peaceful._aio import run_in_thread, run_shielded
from peaceful._commands.item_access import (
    ItemClasses,
    NotAsItWas,
    asked,
    checked,
    read_stored,
    same_fact,
)
from peaceful._commands.ownership import is_name_for, names_for, ownership_of
from peaceful._disclosure import masked_data
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import (
    IdentityTaken,
    StateTooNew,
    StorageError,
    ValueUnresolved,
    WorkspaceGone,
)
from peaceful._item.ctx import ItemCtx
from peaceful._item.item import AnyItem, kinds_of
from peaceful._item.resolution import stored_params
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful._model.codec import ItemId, JsonValue
from peaceful._model.execution import Approval
from peaceful._model.location import Interaction, Location, Pull, Push, Within
from peaceful._model.outcome import NOT_CHANGED, ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._params.plain import plain_form
from peaceful._params.secrets import secrets_in
from peaceful._runtime.block import BlockRun, diff_of, identity_of, is_reached
from peaceful._runtime.item_pass import BlockFailed
from peaceful._storage.stored_state import Origin, StateKind, StateWriter, StoredState
from peaceful._user_code import OwnProcess

_LOG: Final = logging.getLogger("peaceful.commands")


class Observation:
    """What is known of an item that is looked at, and a note for its message.

    Attributes:
        params: its parameters, as they are stored; none if they are not all known.
        identity: the thing that it looks after, if it says so.
    """

    __slots__ = ("ctx", "identity", "item", "note", "params")

    def __init__(self, ctx: ItemCtx, item: AnyItem) -> None:
        self.ctx = ctx
        self.item = item
        self.params: Mapping[str, JsonValue] | None = stored_params(item)
        self.identity: str | None = None
        # Not every parameter may be known.
        with suppress(ValueUnresolved):
            self.identity = identity_of(item, ctx.item)
        self.note = ""

    def may_be_another(self, before: StoredState) -> bool:
        """Return whether what is stored may be of another thing. Quick, for every item."""
        if before.params is None or (before.params == self.params and self._same_kind(before)):
            return False
        return self.identity is None or before.identity is None or self.identity != before.identity

    def _same_kind(self, before: StoredState) -> bool:
        return before.kind in kinds_of(type(self.item))


async def is_another(
    run: BlockRun, found: Observation, current: State, before: StoredState
) -> bool:
    """Return whether what is stored is of another thing than the item's, and that thing exists."""
    ctx, item = found.ctx, found.item
    if found.identity is not None and before.identity is not None:
        return found.identity != before.identity and before.origin is not Origin.ABSENT
    same_kind = before.kind in kinds_of(type(item))
    try:
        old = ItemClasses().as_it_was(before, run.ctx.flow, item if same_kind else None)
    except NotAsItWas:
        # Of the same kind, its parameters are others by now, and say nothing of places. Of another
        # kind, it is another thing, which nobody can look at.
        return not same_kind
    places = places_of(item)
    if places and places == places_of(old):
        return False
    try:
        there = await asked(run, old, "state_current", ctx)
        if await is_clean(run, old, ctx, there):
            return False
    except PeacefulError:
        # That it cannot be looked at does not mean that it is gone.
        return True
    return bool(places) or not same_kind or there != current


async def is_clean(run: BlockRun, item: AnyItem, ctx: ItemCtx, current: State) -> bool:
    """Return whether there is nothing to clean up. Raises like functions of the item."""
    clean = await asked(run, item, "state_clean", ctx)
    if current == clean:
        return True
    diff = diff_of(item, ctx.item, current, clean)
    return is_reached(item, ctx.item, current, clean, diff)


def origin_if_there(before: StoredState | None) -> Origin:
    """Return whether a thing that is there was made or found, by what was stored of it."""
    if before is None or not before.known:
        return Origin.FOUND
    if before.origin is Origin.ABSENT:
        # In doubt: a run was lost while it was being made.
        return Origin.FOUND if before.in_progress_since is None else Origin.MADE
    return before.origin


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
        self._claimed = dict(ownership_of(run).claimed)
        self._origins: dict[ItemId, Origin] = {}
        self._approvals: dict[ItemId, tuple[Approval, ...]] = {}
        self._gone: set[ItemId] = set()

    def stored_current(self, item: ItemId) -> StoredState | None:
        """Return the current state that was stored before the block."""
        return self._stored[StateKind.CURRENT].get(item)

    async def looked_at(self, ctx: ItemCtx, item: AnyItem, current: State) -> Observation:
        """Return an observation of an item: from now on, its record is of its present parameters.

        What is stored is kept under another name if it is of another thing that still exists.
        Raises `IdentityTaken` where another item of the flow looks after the same thing.
        """
        found = Observation(ctx, item)
        self._claim(found)
        before = self.stored_current(ctx.item)
        if before is not None and found.may_be_another(before):
            again = await self._looked_after_again(found)
            if await is_another(self._run, found, current, before):
                if self._claimed.get(before.identity or "", ctx.item) == ctx.item:
                    found.note = await self._kept(ctx.item, before)
                before = again
        self._origins[ctx.item] = await self._origin(found, before, current)
        return found

    async def glimpsed(self, ctx: ItemCtx, item: AnyItem, current: State) -> Observation | None:
        """Return an observation of an item of which not every parameter is known.

        Its record keeps the complete parameters. None if it may be of another thing than these are.
        """
        found, before = Observation(ctx, item), self.stored_current(ctx.item)
        known = found.params or {}
        if before is None or before.params is None:
            found.params = None
        elif before.kind != item.kind() or any(before.params.get(n) != known[n] for n in known):
            return None
        else:
            found.params, found.identity = before.params, before.identity
        self._origins[ctx.item] = await self._origin(found, before, current)
        return found

    def _claim(self, found: Observation) -> None:
        if found.identity is not None:
            owner = self._claimed.setdefault(found.identity, found.ctx.item)
            if owner != found.ctx.item:
                raise IdentityTaken(found.identity, owner)

    async def _origin(
        self, found: Observation, before: StoredState | None, current: State
    ) -> Origin:
        """Return whether there is anything, and whether it was made or found."""
        if before is not None and not before.known:
            before = None
        in_doubt = before is not None and before.in_progress_since is not None
        if before is not None and not in_doubt and before.state == plain_form(current):
            return before.origin
        try:
            clean = await is_clean(self._run, found.item, found.ctx, current)
        except PeacefulError:
            # Only `clean` needs to know what it is then.
            clean = False
        return Origin.ABSENT if clean else origin_if_there(before)

    async def started(self, found: Observation, current: State) -> datetime:
        """Record that the item is about to be changed; return the time once it may be.

        What it is about to change is on disk then: else, if the item leaves the flow after a crash,
        nobody would know what it had begun to make. If that is known already, only the first item
        in a block waits for the disk, and those that come while it does.
        """
        ctx, now = found.ctx, self._clock.now()
        try:
            known = self.if_news(StateKind.CURRENT, found, self.entry(found, current))
            with _WRITING:
                if known is not None:
                    # Nothing else starts meanwhile: what comes next is more than a wait.
                    _warn_of_secrets(ctx.item, known)
                    await self._writer.record(ctx.item, current=known)
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

    def approvals(self, item: ItemId) -> tuple[Approval, ...]:
        """Return what was approved of an item, and it has not done since."""
        before = self.stored_current(item)
        return self._approvals.get(item, () if before is None else before.approvals)

    async def approved(
        self, found: Observation, current: State, begun: datetime, approval: Approval
    ) -> None:
        """Record an approval of an item that is being changed; return once it is on disk.

        Raises `StorageError`.
        """
        item = found.ctx.item
        approvals = (*self.approvals(item), approval)
        entry = dataclasses.replace(
            self.entry(found, current), in_progress_since=begun, approvals=approvals
        )
        await self._writer.record(item, current=entry)
        self._approvals[item] = approvals

    async def unchanged(self, found: Observation, current: State, goal: State | None) -> ItemResult:
        """Record that nothing had to be done; return the result once that is on disk."""
        if found.ctx.item in self._gone:
            self._origins[found.ctx.item] = Origin.ABSENT
        self._approvals[found.ctx.item] = ()
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
        self._origins[found.ctx.item] = self._origin_after(found)
        self._approvals[found.ctx.item] = ()
        entry = self.entry(found, current, self._needs(found.ctx.item))
        message = _joined(found.ctx.progress.last_message, found.note)
        result = _result(ItemStatus.DONE, entry, current, message)
        await self.record(found, entry, self._goal(found, goal, current, entry), result)
        return result

    async def stopped(self, found: Observation, stop: StoppedAtSafePoint, begun: datetime) -> None:
        """Record the partial state of an item that ended at a safe point, if it gives one."""
        if stop.partial is not None:
            partial = checked(found.item, "safe_point", found.ctx, stop.partial)
            self._origins[found.ctx.item] = self._origin_after(found)
            entry = dataclasses.replace(
                self.entry(found, partial),
                in_progress_since=begun,
                stopped=True,
                approvals=self.approvals(found.ctx.item),
            )
            await self.record(found, entry, None)

    def gone(self, item: ItemId) -> None:
        """Take note that a thing is not there any more."""
        self._gone.add(item)

    def _origin_after(self, found: Observation) -> Origin:
        """Return whether a thing that an item has changed is made or found."""
        item = found.ctx.item
        if item in self._gone:
            return Origin.ABSENT
        before = self._origins.get(item)
        if before is None:
            # It is being cleaned up.
            stored = self.stored_current(item)
            return Origin.MADE if stored is None else stored.origin
        return Origin.MADE if before is Origin.ABSENT or found.item.takes_over else before

    def entry(
        self, found: Observation, state: State, needs: tuple[ItemId, ...] | None = None
    ) -> StoredState:
        """Return a state in its stored form, as of now; by default, the item was only found so.

        It is without approvals, which only an item that is not done keeps.
        """
        item, flow = found.ctx.item, self._run.ctx.flow
        if needs is None:
            needs = self._still_needs(item)
        before = self.stored_current(item)
        if item in flow.items:
            inside = flow.graph.container_of(item)
        else:
            inside = None if before is None else before.inside
        return StoredState(
            kind=found.item.kind(),
            version=type(state).state_version,
            state=plain_form(state),
            params=found.params,
            at=self._clock.now(),
            needs=needs,
            inside=inside or "",
            identity=found.identity,
            origin=self._origins.get(item, Origin.MADE if before is None else before.origin),
            app_version=flow.app_version,
            item_version=found.item.item_version,
            secrets=self._secrets(found.item),
        )

    def _secrets(self, item: AnyItem) -> Mapping[str, str]:
        """Return from which parameters of the flow the item's secrets came."""
        known = self._run.ctx.flow.secrets
        if not known:
            return {}
        return {
            path: name
            for path, secret in secrets_in(item.__dict__.items())
            if (name := next((name for name in known if known[name] == secret), ""))
        }

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
        """Return the entry, or None if the same is stored already.

        Of what the item is, it keeps what was approved: it has not done that yet.
        """
        if kind is StateKind.CURRENT and (approvals := self.approvals(found.ctx.item)):
            entry = dataclasses.replace(entry, approvals=approvals)
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
            kept = dataclasses.replace(before, approvals=())
            await self._writer.record(name, current=kept)
        return f"what it was before its parameters changed is still there, as {name}"

    async def _looked_after_again(self, found: Observation) -> StoredState | None:
        """Return the entry of what the item looked after before, and looks after again.

        It is forgotten under its other name.
        """
        stored = self._stored[StateKind.CURRENT]
        again: StoredState | None = None
        for name in self._left:
            kept = stored[name]
            if (
                is_name_for(name, found.ctx.item)
                and kept.kind in kinds_of(type(found.item))
                and kept.params == found.params
            ):
                await self.forget(name)
                again = kept
        return again

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
        for text in _of_other_versions(run, stored[StateKind.CURRENT]):
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


def _of_other_versions(run: BlockRun, stored: Mapping[ItemId, StoredState]) -> Iterator[str]:
    """Yield which stored states are not readable any more; raise `StateTooNew` for a later one."""
    for item, declared in run.ctx.flow.items.items():
        state_type = declared.item.state_type()
        entry, version = stored.get(item), state_type.state_version
        if entry is None or not entry.known or entry.version == version:
            continue
        if entry.version > version and entry.kind in kinds_of(type(declared.item)):
            raise StateTooNew(item, state_type.__name__, entry.version, version)
        state, note = read_stored(declared.item, entry)
        if state is None and note:
            yield f"{item} is discovered anew, and its stored state kept until then: {note}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _result(status: ItemStatus, entry: StoredState, state: State, message: str) -> ItemResult:
    return ItemResult(status, state=entry.state, shown=str(state), message=message)
