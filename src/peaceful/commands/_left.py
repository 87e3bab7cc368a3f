"""Items that have left the flow: from what is stored of them, they can still be cleaned up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec

from peaceful._aio import run_in_thread
from peaceful.commands._item_access import item_from_stored, load
from peaceful.errors import NameUnknown
from peaceful.graph import Graph, GraphBuilder
from peaceful.item import AnyItem, Item
from peaceful.model import ItemId
from peaceful.runtime import BlockResult, BlockRun, BuiltFlow, CmdBlock, CmdCtx
from peaceful.storage import StateKind, StoredState


class LeftItems(msgspec.Struct, frozen=True):
    """Items that are stored and that the flow does not have any more.

    Attributes:
        items: by ID, the item as it was; none where its class is gone or has changed. The last
            stored comes first: what came after others may lie in them, or need them.
    """

    items: Mapping[ItemId, AnyItem | None] = msgspec.field(
        default_factory=dict[ItemId, AnyItem | None]
    )

    @property
    def graph(self) -> Graph:
        """The items; none waits for another, because what each referred to is not stored."""
        builder = GraphBuilder()
        for item_id in self.items:
            builder.add_node(item_id)
        return builder.build()


class LeftItemsBlock(CmdBlock[LeftItems]):
    """Finds out which items are stored and not in the flow any more. Has no items of its own.

    Args:
        only: the items that the command is limited to; empty for all.
    """

    def __init__(self, only: Iterable[ItemId] = ()) -> None:
        self._only = frozenset(only)

    async def run(self, run: BlockRun) -> BlockResult[LeftItems]:
        """Reads what is stored."""
        stored = await load(run, StateKind.CURRENT)
        return BlockResult(left_items(run.ctx.flow, stored, self._only))


def left_items(
    flow: BuiltFlow, stored: Mapping[ItemId, StoredState], only: Collection[ItemId] = ()
) -> LeftItems:
    """The items that are stored and that the flow does not have any more.

    Args:
        flow: the flow.
        stored: the stored current states.
        only: those that are asked for; empty for all.
    """
    left = [
        item_id
        for item_id in reversed([*stored])
        if item_id not in flow.items and (not only or item_id in only)
    ]
    classes: Mapping[str, type[AnyItem]] = _item_classes() if left else {}
    return LeftItems({item_id: _as_it_was(stored[item_id], classes) for item_id in left})


def item_from_kind(stored: StoredState) -> AnyItem | None:
    """The item as it was when its state was stored, by the class that is stored.

    None where that class is gone or has changed.
    """
    return _as_it_was(stored, _item_classes())


def _as_it_was(stored: StoredState, classes: Mapping[str, type[AnyItem]]) -> AnyItem | None:
    item_type = classes.get(stored.kind)
    return None if item_type is None else item_from_stored(item_type, stored)


def _item_classes() -> Mapping[str, type[AnyItem]]:
    """By kind, every class of items that is loaded: a file must not say what is imported."""
    pending = cast("list[type[AnyItem]]", Item.__subclasses__())
    for item_type in pending:
        pending += item_type.__subclasses__()
    return {item_type.kind(): item_type for item_type in pending}


async def check_names(ctx: CmdCtx, only: Collection[ItemId]) -> None:
    """Makes sure that all names are those of items of the flow, or of items that have left it.

    Raises:
        NameUnknown: one is neither.
        StorageError: what is stored cannot be read.
    """
    items = ctx.flow.items
    others = [name for name in only if name not in items]
    if others:
        stored = await run_in_thread(lambda: ctx.store.load(StateKind.CURRENT))
        for name in others:
            if name not in stored:
                raise NameUnknown("item", name, {*items, *stored})
