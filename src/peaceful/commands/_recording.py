"""Writing down what a block finds and makes, item by item."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

from peaceful.commands._item_access import same_fact, stored_form_of
from peaceful.item import AnyItem, ItemCtx, StoppedAtSafePoint, stored_params
from peaceful.model import ItemId, ItemResult, ItemStatus, JsonValue
from peaceful.model.state import State
from peaceful.runtime import BlockRun
from peaceful.storage import StateKind, StateWriter, StoredState


class Recording:
    """Writes states of one block down, and knows what was stored before it."""

    def __init__(
        self,
        run: BlockRun,
        writer: StateWriter,
        stored: Mapping[StateKind, Mapping[ItemId, StoredState]],
    ) -> None:
        self._clock = run.scope.clock
        self._writer = writer
        self._stored = stored

    @classmethod
    async def open(cls, run: BlockRun, items: Sequence[ItemId], *, applies: bool) -> Recording:
        """Begins to write down.

        Args:
            run: the block.
            items: the items that it goes through.
            applies: whether it changes things, so that an item without a record may be half done.

        Raises:
            StorageError: what is stored cannot be read, or nothing can be written.
        """
        store = run.ctx.store

        def opened() -> Recording:
            # One thread for all of it: reading may take long, and the journal is folded in first.
            writer = store.open(run.scope.execution_id, items, applies=applies)
            return cls(run, writer, {kind: store.load(kind) for kind in StateKind})

        return await asyncio.to_thread(opened)

    async def close(self) -> None:
        """Folds what was written into the files that people read."""
        await self._writer.close()

    @property
    def all_current(self) -> Mapping[ItemId, StoredState]:
        """What was stored of current states before the block, also of items not in the flow."""
        return self._stored[StateKind.CURRENT]

    def stored_current(self, item: ItemId) -> StoredState | None:
        """What was stored of an item's current state before the block."""
        return self._stored[StateKind.CURRENT].get(item)

    def started(self, ctx: ItemCtx) -> None:
        """The item is about to be changed."""
        self._writer.started(ctx.item, self._clock.now())

    async def found(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State | None
    ) -> ItemResult:
        """Records that there was nothing to do.

        Returns:
            The item's result, once what was found is on disk; where it was stored before, it is.
        """
        params = stored_params(item)
        entry = self.entry(item, current, params)
        news = self.if_news(StateKind.CURRENT, ctx.item, entry)
        await self.record(ctx.item, news, self._goal(ctx, item, goal, params))
        # Else, after a loss of power, it could not be told from an item that was being changed.
        self._writer.settled(ctx.item)
        return _result(ItemStatus.UNCHANGED, entry, current, "")

    async def made(
        self, ctx: ItemCtx, item: AnyItem, current: State, goal: State | None
    ) -> ItemResult:
        """Records what was made.

        Returns:
            The item's result, once what was made is on disk.
        """
        params = stored_params(item)
        entry = self.entry(item, current, params)
        await self.record(ctx.item, entry, self._goal(ctx, item, goal, params))
        return _result(ItemStatus.DONE, entry, current, ctx.progress.last_message)

    @asynccontextmanager
    async def partial_of(self, ctx: ItemCtx, item: AnyItem) -> AsyncGenerator[None]:
        """Records what an item gives as its partial state, where it ends at a safe point within."""
        begun = self._clock.now()
        try:
            yield
        except StoppedAtSafePoint as stop:
            if stop.partial is not None:
                now = self._clock.now()
                entry = stored_form_of(
                    item, stop.partial, stored_params(item), now, unfinished=begun
                )
                await self.record(ctx.item, entry, None)
            raise

    def entry(self, item: AnyItem, state: State, params: Mapping[str, JsonValue]) -> StoredState:
        """A state as it is stored now."""
        return stored_form_of(item, state, params, self._clock.now())

    def if_news(self, kind: StateKind, item: ItemId, entry: StoredState) -> StoredState | None:
        """The entry, or none where the same is stored already."""
        return None if same_fact(self._stored[kind].get(item), entry) else entry

    async def record(
        self, item: ItemId, current: StoredState | None, goal: StoredState | None
    ) -> None:
        """Returns once the entries are on disk; at once where there is none."""
        if current is not None or goal is not None:
            await self._writer.record(item, current=current, goal=goal)

    async def forget(self, item: ItemId) -> None:
        """Returns once nothing is stored of an item any more."""
        await self._writer.forget((item,))

    def _goal(
        self,
        ctx: ItemCtx,
        item: AnyItem,
        goal: State | None,
        params: Mapping[str, JsonValue],
    ) -> StoredState | None:
        if goal is None:
            return None
        return self.if_news(StateKind.GOAL, ctx.item, self.entry(item, goal, params))


def _result(status: ItemStatus, entry: StoredState, state: State, message: str) -> ItemResult:
    return ItemResult(status, state=entry.state, shown=str(state), message=message)
