"""Cleaning things up: those of the flow, and those that have left it; what was found stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from peaceful._commands.change import Change
from peaceful._commands.clean_order import clean_order
from peaceful._commands.item_access import (
    ItemClasses,
    NotAsItWas,
    asked,
    partial_item,
    resolved_item,
    shown_result,
)
from peaceful._commands.ownership import ownership_of
from peaceful._commands.recording import (
    Observation,
    StateRecorder,
    is_another,
    origin_if_there,
    places_of,
)
from peaceful._errors.running import NotCleaned, ValueUnresolved
from peaceful._graph.graph import Graph, GraphBuilder
from peaceful._graph.traversal import Direction
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff
from peaceful._item.item import AnyItem
from peaceful._item.resolution import stored_params
from peaceful._model.codec import ItemId
from peaceful._model.outcome import ItemResult, ItemStatus
from peaceful._model.state import State
from peaceful._runtime.block import (
    BlockRun,
    States,
    diff_of,
    identity_of,
    is_reached,
)
from peaceful._runtime.item_pass import ItemPass
from peaceful._storage.stored_state import Origin, StoredState

_NEVER_MADE: Final = "nothing of it was ever made"

_NOT_OURS: Final = "left alone: it was there before; clean --found removes it"

_NOTHING: Final = GraphBuilder().build()


class Removals(msgspec.Struct, frozen=True):
    """Things to be removed that no item of the flow looks after; see `clean_order`."""

    alone: Graph
    graph: Graph

    @property
    def items(self) -> tuple[ItemId, ...]:
        return (*self.alone.order, *self.graph.order[::-1])

    async def results(
        self, run: BlockRun, work: Cleaning, *, changes: bool = True
    ) -> Mapping[ItemId, ItemResult]:
        """Clean them up, each before what it stands on."""
        # One after the other: what they needed is not known any more.
        alone = await ItemPass(run, self.alone, work.clean, at_once=1, changes=changes).results()
        rest = await ItemPass(
            run, self.graph, work.clean, Direction.BACKWARD, changes=changes
        ).results()
        return {**alone, **rest}


def removal(run: BlockRun, names: Collection[ItemId]) -> Removals:
    if not names:
        return Removals(_NOTHING, _NOTHING)
    return Removals(*clean_order(run.ctx.flow.graph, names, ownership_of(run).needs, names))


class Cleaning(ABC):
    """One pass of cleaning up, and the states so far.

    Args:
        run: the block.
        stored: returns what is stored of an item.
        guarded: the items of the flow whose things stay: what they look after is not touched.
        known: the current states of items; by default, those that were discovered before.
        found: whether what was there before is removed as well.
    """

    def __init__(
        self,
        run: BlockRun,
        stored: Callable[[ItemId], StoredState | None],
        guarded: Collection[ItemId],
        *,
        known: Mapping[ItemId, State] | None = None,
        found: bool = False,
    ) -> None:
        self._run = run
        self._stored = stored
        self._guarded = guarded
        self._found = found
        self._classes = ItemClasses()
        discovered = run.scope.resources.try_get(States) or States()
        self._before = discovered.current if known is None else known
        self.current: dict[ItemId, State] = dict(self._before)

    async def clean(self, ctx: ItemCtx) -> ItemResult:
        """Clean an item up, in the flow or not."""
        stored = self._stored(ctx.item)
        if stored is not None and stored.origin is Origin.FOUND and not self._found:
            return ItemResult(ItemStatus.UNCHANGED, state=stored.state, message=_NOT_OURS)
        if ctx.item not in self._run.ctx.flow.items:
            assert stored is not None
            if stored.known:
                return await self._clean_left(ctx, stored)
            await self.forget(ctx.item)
            return ItemResult(ItemStatus.UNCHANGED, message=_NEVER_MADE)
        item = self._item(ctx, stored)
        if item is None:
            return ItemResult(ItemStatus.UNCHANGED, message=_NEVER_MADE)
        return await self._cleaned(ctx, item, self._before.get(ctx.item))

    async def _clean_left(self, ctx: ItemCtx, stored: StoredState) -> ItemResult:
        """Clean up what has left the flow, and forget it."""
        item = self._as_it_was(ctx, stored)
        self._check_guarded(ctx, item, stored)
        result = await self._cleaned(ctx, item, None)
        if result.status is not ItemStatus.NOT_STARTED:
            await self.forget(ctx.item)
        return result

    async def _cleaned(self, ctx: ItemCtx, item: AnyItem, current: State | None) -> ItemResult:
        if current is None:
            current = await asked(self._run, item, "state_current", ctx)
        goal = await asked(self._run, item, "state_clean", ctx)
        diff = diff_of(item, ctx.item, current, goal)
        if is_reached(item, ctx.item, current, goal, diff):
            return await self.unchanged(ctx, item, current)
        return await self.apply(ctx, item, current, goal, diff)

    def _item(self, ctx: ItemCtx, stored: StoredState | None) -> AnyItem | None:
        """Return the item with current values, or else with those that it was last applied with."""
        flow = self._run.ctx.flow
        declared = flow.items[ctx.item]
        try:
            return resolved_item(flow.id, declared, self._before.get)
        except ValueUnresolved:
            if stored is None or not stored.is_there:
                return None
            return self._as_it_was(ctx, stored, declared.item)

    def _as_it_was(
        self, ctx: ItemCtx, stored: StoredState, present: AnyItem | None = None
    ) -> AnyItem:
        try:
            return self._classes.as_it_was(stored, self._run.ctx.flow, present)
        except NotAsItWas as reason:
            raise NotCleaned(
                f"{ctx.item} is still there, and cannot be cleaned up: {reason}.",
                help="clean it up with the version of the program that made it; or remove it by "
                f"hand, and then drop it: `states forget {ctx.item}`",
            ) from None

    def _check_guarded(self, ctx: ItemCtx, item: AnyItem, stored: StoredState) -> None:
        """Raise `NotCleaned` if an item that stays may look after the same thing."""
        ownership = ownership_of(self._run)
        is_first = ctx.item in ownership.first
        for name in self._guarded:
            if is_first and ownership.replaced.get(name) == ctx.item:
                continue  # The item itself makes it anew.
            if self._may_be_same(item, stored, name):
                raise NotCleaned(
                    f"{ctx.item} may be what {name} looks after now, and stays.",
                    help=f'if {ctx.item} is an earlier name of {name}, write was="{ctx.item}" '
                    "where that is added; else remove it by hand, and drop it: "
                    f"`states forget {ctx.item}`",
                )

    def _may_be_same(self, item: AnyItem, stored: StoredState, name: ItemId) -> bool:
        flow = self._run.ctx.flow
        try:
            other, _ = partial_item(flow.id, flow.items[name], self._before.get)
            identity = identity_of(other, name)
            if stored.identity is not None and identity is not None:
                # Whose it is was found out before, unless only the class is another one.
                before, now = f"{stored.kind}:", f"{other.kind()}:"
                return (
                    before != now
                    and stored.identity.startswith(before)
                    and identity.startswith(now)
                    and stored.identity.removeprefix(before) == identity.removeprefix(now)
                )
            if other.kind() == stored.kind and stored_params(other) == stored.params:
                return True
            places = places_of(item)
            return bool(places) and places == places_of(other)
        except ValueUnresolved:
            # By what was stored of the items before, it may be known which thing it will be.
            planned = stored.identity and name in ownership_of(self._run).claimed.values()
            return not planned and flow.items[name].item.kind() == stored.kind

    @abstractmethod
    async def apply(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State, diff: StateDiff | None
    ) -> ItemResult:
        """Clean up an item that needs it."""

    @abstractmethod
    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        """Report an item that needs no clean-up."""

    @abstractmethod
    async def forget(self, item: ItemId) -> None:
        """Remove what is stored of something that has left the flow."""


class RealCleaning(Cleaning):
    def __init__(
        self,
        run: BlockRun,
        record: StateRecorder,
        guarded: Collection[ItemId],
        *,
        known: Mapping[ItemId, State] | None = None,
        found: bool = False,
    ) -> None:
        super().__init__(run, record.stored_current, guarded, known=known, found=found)
        self._record = record

    async def apply(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State, diff: StateDiff | None
    ) -> ItemResult:
        change = Change(self._run, self._record, Observation(ctx, item), self.current)
        return await change.make("clean", current, goal, diff, stored_goal=None)

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        self._record.gone(ctx.item)
        return await self._record.unchanged(Observation(ctx, item), current, None)

    async def forget(self, item: ItemId) -> None:
        await self._record.forget(item)


class DryCleaning(Cleaning):
    async def apply(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State, diff: StateDiff | None
    ) -> ItemResult:
        note = await self._note(ctx, item, current)
        # A real run discovers the flow's items first, and may find what nobody has made.
        is_discovered = ctx.item in self._run.ctx.flow.items and not note
        origin = origin_if_there(self._stored(ctx.item))
        if is_discovered and origin is Origin.FOUND and not self._found:
            return shown_result(ItemStatus.UNCHANGED, current, _NOT_OURS, current)
        message = "; ".join(part for part in ("" if diff is None else str(diff), note) if part)
        return shown_result(ItemStatus.WOULD_REMOVE, goal, message, current, diff)

    async def unchanged(self, ctx: ItemCtx, item: AnyItem, current: State) -> ItemResult:
        note = await self._note(ctx, item, current)
        status = ItemStatus.WOULD_REMOVE if note else ItemStatus.UNCHANGED
        return shown_result(status, current, note or "nothing to do")

    async def _note(self, ctx: ItemCtx, item: AnyItem, current: State) -> str:
        """Report what a real run's discovery would find that the item has looked after before."""
        found, before = Observation(ctx, item), self._stored(ctx.item)
        if before is None or not found.may_be_another(before):
            return ""
        if not await is_another(self._run, found, current, before):
            return ""
        return "what it was before its parameters changed is cleaned up, too"

    async def forget(self, item: ItemId) -> None:
        pass
