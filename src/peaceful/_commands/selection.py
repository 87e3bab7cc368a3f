"""Which items a selection stands for: found out once, before a command begins.

Blocks know the result alone: names, or none for all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from peaceful._commands.clean_order import clean_order
from peaceful._commands.ownership import Ownership, item_named_by, owned
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._graph.graph import Graph
from peaceful._model.codec import ItemId
from peaceful._model.execution import Selection
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.stored_state import StateKind, StoredState

_CHOOSE = "choose items by --only or --tag"


def chosen_items(
    ctx: CmdCtx, selection: Selection, *, left: bool, replacing: Collection[ItemId] = ()
) -> tuple[ItemId, ...]:
    """Return the items that a selection stands for; none for all.

    Args:
        ctx: the flow and profile.
        selection: the selection.
        left: whether items that have left the flow are among those that can be chosen.
        replacing: items that are to be made anew.

    Raises:
        UsageError: the selection says nothing, or another thing than `replacing`.
        NameUnknown: there is no such item, or no such tag.
        StorageError: what is stored cannot be read.
    """
    flow = ctx.flow
    for item in replacing:
        _check_known(item, flow.items)
    if not selection:
        return ()
    tagged = _tagged(flow, selection.tags)
    stored: dict[StateKind, Mapping[ItemId, StoredState]] = {kind: {} for kind in StateKind}
    if selection.exclude or selection.with_dependents or not flow.items.keys() >= {*selection.only}:
        stored = {kind: ctx.store.load(kind) for kind in StateKind}
    ownership = owned(flow, stored)
    there = dict.fromkeys((*flow.graph.order, *(ownership.left if left else ())))
    known = {**flow.items, **ownership.current}
    for names, those in ((selection.only, there), (selection.exclude, known)):
        for item in names:
            _check_known(item, those)
    named = {*selection.only, *tagged}
    if selection.with_dependents:
        if not named:
            raise UsageError(
                "What stands on all items is among them.",
                help=f"{_CHOOSE}, or leave --with-dependents out",
            )
        named = _with_dependents(named, flow, ownership)
    excluded = {*selection.exclude}
    chosen = [item for item in there if (not named or item in named) and item not in excluded]
    if not chosen:
        raise UsageError(
            f"No item is chosen: {selection}.", help=f"exclude fewer items, or {_CHOOSE}"
        )
    if selection.exclude or replacing:
        removed = owned(flow, stored, replacing, {*chosen}).first
        _check_replacing(selection, {*chosen}, replacing, removed)
    return tuple(chosen)


def _tagged(flow: BuiltFlow, tags: Iterable[str]) -> list[ItemId]:
    known = {tag for item in flow.items.values() for tag in item.tags}
    for tag in tags:
        if tag not in known:
            raise NameUnknown(
                "tag", tag, known, help="name a tag that an item of the flow is added with"
            )
    return [name for name, item in flow.items.items() if not item.tags.isdisjoint(tags)]


def _check_known(item: ItemId, known: Collection[ItemId]) -> None:
    if item not in known:
        raise NameUnknown("item", item, known)


def dependents(flow: Graph, ownership: Ownership) -> Mapping[ItemId, list[ItemId]]:
    """Return by item what stands on it, in the flow or, as it is stored, among what has left."""
    _, everything = clean_order(flow, ownership.left, ownership.needs)
    standing: dict[ItemId, list[ItemId]] = {}
    for edge in everything.edges:
        # By its flow, an item of it does not need what has left any more.
        if edge.source in flow or edge.target not in flow:
            standing.setdefault(edge.source, []).append(edge.target)
    return standing


def _with_dependents(items: Iterable[ItemId], flow: BuiltFlow, ownership: Ownership) -> set[ItemId]:
    standing = dependents(flow.graph, ownership)
    found = dict.fromkeys(items)
    pending = list(found)
    for item in pending:
        new = [each for each in standing.get(item, ()) if each not in found]
        found |= dict.fromkeys(new)
        pending += new
    return {*found}


def _check_replacing(
    selection: Selection,
    chosen: Collection[ItemId],
    replacing: Collection[ItemId],
    removed: Iterable[ItemId],
) -> None:
    """Raise `UsageError` if what is made anew is not chosen, or takes along what is excluded."""
    for item in replacing:
        if item not in chosen:
            raise UsageError(
                f"{item} is to be made anew, and is not among the chosen items: {selection}.",
                help=f"choose it as well, or leave --replace {item} out",
            )
    for item in map(item_named_by, removed):
        if item in selection.exclude:
            raise UsageError(
                f"{item} is excluded, and would be removed: it stands on what is made anew.",
                help=f"exclude what {item} stands on as well, or do not exclude {item}",
            )
