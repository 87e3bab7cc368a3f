"""`StatesCmd`: corrects what is stored of things, and touches none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

import msgspec

from peaceful._aio import run_in_thread
from peaceful._commands.ownership import (
    Ownership,
    OwnershipBlock,
    load_owned,
    ownership_of,
    rearrange,
    with_needs_renamed,
)
from peaceful._errors.running import EntryRefused
from peaceful._errors.usage import NameUnknown, UsageError
from peaceful._model.codec import ItemId
from peaceful._model.names import checked_name
from peaceful._model.outcome import CmdOutcome, ItemResult, ItemStatus
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.stored_state import Origin, StateKind, StoredState

_FORGET: Final = "its entry is dropped; the thing itself stays"
_ADOPT: Final = "it counts as made from now on; clean removes it"


class Edit(msgspec.Struct, frozen=True):
    """A correction of what is stored.

    Attributes:
        said: by item that it is about, what is done; empty where nothing has to be.
        changes: by kind and name, the new entries; None where there is none any more.
    """

    said: Mapping[ItemId, str]
    changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]


Editor: TypeAlias = Callable[[BuiltFlow, Ownership], Edit]
"""Returns the correction of what is stored, or raises `EntryRefused` or `NameUnknown`."""


def forgetting(items: Iterable[ItemId], flow: BuiltFlow, ownership: Ownership) -> Edit:
    """Return the correction after which nothing is stored of some items."""
    items = tuple(dict.fromkeys(items))
    for item in items:
        _check_known(item, flow, ownership)
    stored = ownership.states
    said = {item: _FORGET if item in ownership.current else "" for item in items}
    changes = {kind: {n: None for n in items if n in stored[kind]} for kind in StateKind}
    return Edit(said, changes)


def adopting(items: Iterable[ItemId], flow: BuiltFlow, ownership: Ownership) -> Edit:
    """Return the correction after which what was found counts as made."""
    said: dict[ItemId, str] = {}
    adopted: dict[ItemId, StoredState | None] = {}
    for item in items:
        _check_known(item, flow, ownership)
        entry = ownership.current.get(item)
        if entry is None or not entry.is_there:
            raise EntryRefused(
                f"{item} cannot be adopted: as far as is known, nothing of it is there.",
                help="if it is there by now, look first: `discover`",
            )
        said[item] = _ADOPT if entry.origin is Origin.FOUND else ""
        if entry.origin is Origin.FOUND:
            adopted[item] = replace(entry, origin=Origin.MADE)
    return Edit(said, {StateKind.CURRENT: adopted})


def moving(old: ItemId, new: ItemId, flow: BuiltFlow, ownership: Ownership) -> Edit:
    """Return the correction after which an entry is stored under another name."""
    entry = ownership.current.get(old)
    if entry is None:
        raise NameUnknown("stored item", old, ownership.current)
    checked_name("an item", new)
    there = ownership.current.get(new)
    if there is not None and (there.is_there or not there.known):
        raise EntryRefused(
            f"{old} cannot be moved to {new}: something is stored of {new} that is there.",
            help=f"if that is wrong, drop it first: `states forget {new}`",
        )
    if flow.problem is not None:
        # Which class the item of that name has is not known.
        raise flow.problem
    declared = flow.items.get(new)
    if declared is not None and entry.known and declared.item.kind() != entry.kind:
        raise EntryRefused(
            f"{old} cannot be moved to {new}: it is of the class {entry.kind}, and {new} is one of "
            f"{declared.item.kind()}.",
            help="move it to an item of its class",
        )
    current = {
        name: renamed
        for name, each in ownership.current.items()
        if name != old and (renamed := with_needs_renamed(each, {old: new})) is not each
    }
    goals = ownership.states[StateKind.GOAL]
    changes: dict[StateKind, dict[ItemId, StoredState | None]] = {
        StateKind.CURRENT: {**current, old: None, new: entry}
    }
    if old in goals:
        changes[StateKind.GOAL] = {old: None, new: goals.get(new, goals[old])}
    return Edit({old: f"known as {new} from now on", new: f"takes over what {old} was"}, changes)


def _check_known(item: ItemId, flow: BuiltFlow, ownership: Ownership) -> None:
    known = {*flow.items, *ownership.current}
    if item not in known:
        raise NameUnknown("item", item, known)


class EditBlock(CmdBlock[Ownership]):
    """Corrects what is stored, all at once or not at all. Touches no thing.

    Needs what an `OwnershipBlock` found before. If the correction is refused, raises like `edit`.
    """

    def __init__(self, edit: Editor, *, dry_run: bool = False) -> None:
        self._edit = edit
        self._dry_run = dry_run

    async def run(self, run: BlockRun) -> BlockResult[Ownership]:
        """Store the correction."""
        ownership = ownership_of(run)
        edit = self._edit(run.ctx.flow, ownership)
        if not self._dry_run and any(edit.changes.values()):
            await rearrange(run, edit.changes)
        does = ItemStatus.WOULD_CHANGE if self._dry_run else ItemStatus.DONE
        results = {
            item: ItemResult(does if said else ItemStatus.UNCHANGED, message=said or "as it was")
            for item, said in edit.said.items()
        }
        return BlockResult(ownership, results)


class StatesCmd:
    """Corrects what is stored: each is an execution, in the history, all of it or nothing."""

    @staticmethod
    async def forget(
        ctx: CmdCtx, items: Iterable[ItemId], *, dry_run: bool = False
    ) -> CmdOutcome[Ownership]:
        """Drop what is stored of some items. What there is of them stays where it is.

        Raises:
            ProfileBusy: another execution runs on the profile.
            NameUnknown: neither the flow nor what is stored has an item of a given name.
        """
        items = tuple(items)
        return await _run(ctx, "states forget", partial(forgetting, items), items, dry_run=dry_run)

    @staticmethod
    async def adopt(
        ctx: CmdCtx, items: Iterable[ItemId], *, dry_run: bool = False
    ) -> CmdOutcome[Ownership]:
        """Let what was found count as made, so that `clean` removes it.

        Raises:
            ProfileBusy: another execution runs on the profile.
            NameUnknown: neither the flow nor what is stored has an item of a given name.
            EntryRefused: nothing is known to be there.
        """
        items = tuple(items)
        return await _run(ctx, "states adopt", partial(adopting, items), items, dry_run=dry_run)

    @staticmethod
    async def move(
        ctx: CmdCtx, old: ItemId, new: ItemId, *, dry_run: bool = False
    ) -> CmdOutcome[Ownership]:
        """Store what is stored of an item under another name.

        Raises:
            ProfileBusy: another execution runs on the profile.
            NameUnknown: nothing is stored under the old name.
            NameInvalid: the new one is no name.
            EntryRefused: the new name has something already, or is an item of another class.
        """
        edit = partial(moving, old, new)
        return await _run(ctx, "states move", edit, (old, new), dry_run=dry_run)


async def _run(
    ctx: CmdCtx, command: str, edit: Editor, items: tuple[ItemId, ...], *, dry_run: bool
) -> CmdOutcome[Ownership]:
    if not items:
        raise UsageError(f"{command} is given no item.", help=f"name one: {command} ITEM")
    # What is refused does not begin. Under the lock, it is looked at once more.
    edit(ctx.flow, await run_in_thread(load_owned, ctx.flow, ctx.store))
    blocks = (OwnershipBlock(store=not dry_run, tells=False), EditBlock(edit, dry_run=dry_run))
    execution = CmdExecution(
        command, blocks, lambda resources: resources.try_get(Ownership), main=blocks[-1]
    )
    return await execution.run(ctx, dry_run=dry_run, only=items)
