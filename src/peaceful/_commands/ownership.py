"""Whose the stored things are: known by what they are, and not by an item's name alone.

People rename items, move them up in lists, and give them other parameters. What was made stays out
there, and its entry is the only trace of it. Before anything is done, entries are arranged anew:
each is stored under the name of the item that looks after the thing now. What an item looked after
before gets a name of its own, and what no item looks after keeps its name: both have left the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from peaceful._aio import run_in_thread, run_shielded
from peaceful._commands.item_access import (
    ItemClasses,
    NotAsItWas,
    partial_item,
    state_from_stored,
    tells_identity,
)
from peaceful._errors.base import PeacefulError
from peaceful._item.declared import declared_arguments
from peaceful._item.item import AnyItem
from peaceful._model.codec import ItemId
from peaceful._model.state import State
from peaceful._present.text import name_list
from peaceful._runtime.block import (
    BlockResult,
    BlockRun,
    CmdBlock,
    StateDiffs,
    identity_of,
    removed_first,
)
from peaceful._runtime.flow import BuiltFlow, FlowItem
from peaceful._storage.stored_state import Origin, StateKind, StateStore, StoredState

_BEFORE: Final = "__before"
"""The end of the names of what is replaced."""
_LEFT: Final = "__left"
"""The end of the names of what has left the flow, where an item took over its name."""

_States: TypeAlias = Mapping[StateKind, Mapping[ItemId, StoredState]]
_Changes: TypeAlias = Mapping[StateKind, Mapping[ItemId, StoredState | None]]


def names_for(item: ItemId, end: str = _BEFORE) -> Iterator[ItemId]:
    """Yield names under which what an item looked after before can be stored."""
    first = f"{item}{end}"
    yield first
    for number in count(2):
        yield f"{first}_{number}"


def is_name_for(name: ItemId, item: ItemId) -> bool:
    """Return whether a name is one under which what an item looked after before is stored."""
    number = name.removeprefix(f"{item}{_BEFORE}")
    return number != name and (not number or number.removeprefix("_").isdecimal())


def item_named_by(name: ItemId) -> ItemId:
    """Return the item that looked after what is stored under a name before; else the name."""
    for end in (_BEFORE, _LEFT):
        item, _, number = name.rpartition(end)
        if item and (not number or number.removeprefix("_").isdecimal()):
            return item
    return name


class Ownership(msgspec.Struct, frozen=True):
    """Stored entries, each under the name of the item that looks after the thing.

    Attributes:
        left: the entries of what no item looks after. The last stored comes first: what came after
            others may lie in them, or need them.
        states: by kind and name, the entries.
        taken_over: by item, the name that what it looks after was stored under.
        replaced: by item, the name that what it looked after before is stored under now.
        first: those of these names whose things are removed before anything is made.
        claimed: by identity, the item of the flow that looks after that thing.
    """

    states: _States
    left: Mapping[ItemId, StoredState] = msgspec.field(default_factory=dict[ItemId, StoredState])
    taken_over: Mapping[ItemId, ItemId] = msgspec.field(default_factory=dict[ItemId, ItemId])
    replaced: Mapping[ItemId, ItemId] = msgspec.field(default_factory=dict[ItemId, ItemId])
    first: frozenset[ItemId] = frozenset()
    claimed: Mapping[str, ItemId] = msgspec.field(default_factory=dict[str, ItemId])

    @property
    def current(self) -> Mapping[ItemId, StoredState]:
        """The entries of current states."""
        return self.states[StateKind.CURRENT]

    @property
    def needs(self) -> Mapping[ItemId, tuple[ItemId, ...]]:
        """By stored item, what it stood on then; what was stored last comes first."""
        newest = sorted(self.current.items(), key=lambda each: each[1].at, reverse=True)
        return {name: entry.needs for name, entry in newest}

    def changes_of(self, stored: _States) -> _Changes:
        """Return the entries that are not the stored ones; None where there is none any more."""
        return {
            kind: changes
            for kind, entries in self.states.items()
            if (
                changes := {
                    name: entries.get(name)
                    for name in {**stored[kind], **entries}
                    if entries.get(name) is not stored[kind].get(name)
                }
            )
        }


def owned(
    flow: BuiltFlow,
    stored: _States,
    replacing: Collection[ItemId] | None = None,
    only: Collection[ItemId] = (),
) -> Ownership:
    """Return the stored entries as the items of a flow look after them.

    A thing is known by its identity. Where none is known, the item's name tells, and then its
    earlier name. No thing is taken for another one by guess.

    Args:
        flow: the flow.
        stored: the stored entries.
        replacing: items whose things are to be made anew, with all that stands on them, although
            they are the right ones; None where nothing is to be made at all.
        only: the items that may be made anew; empty for all.
    """
    if not stored[StateKind.CURRENT]:
        return Ownership(stored)
    return _Arranging(flow, stored, replacing, only).result()


def load_owned(flow: BuiltFlow, store: StateStore) -> Ownership:
    """Return what is stored, as `owned` does. Raises `StorageError`."""
    return owned(flow, {kind: store.load(kind) for kind in StateKind})


class OwnershipBlock(CmdBlock[Ownership]):
    """Finds out whose the stored things are, and says what has changed. Has no items of its own.

    Args:
        store: whether entries are stored under their new names.
        replacing: items whose things are to be made anew; None where nothing is to be made.
        only: the items that may be made anew; empty for all.
        since: items that were made since are not made anew once more.
        tells: whether it says what has changed.
        mend: whether damaged files are set aside first, so that all is discovered anew.
    """

    def __init__(
        self,
        *,
        store: bool = True,
        replacing: Collection[ItemId] | None = None,
        only: Collection[ItemId] = (),
        since: datetime | None = None,
        tells: bool = True,
        mend: bool = False,
    ) -> None:
        self._store = store
        self._mend = mend
        self._tells = tells
        self._replacing = replacing
        self._only = frozenset(only)
        self._since = since

    async def run(self, run: BlockRun) -> BlockResult[Ownership]:
        """Read what is stored, and store it under other names where they have changed."""
        ctx = run.ctx
        if self._mend:
            for path in await run_in_thread(ctx.store.set_damaged_aside):
                run.warn(f"a damaged file was set aside, and is discovered anew: {path}")

        def look() -> tuple[Ownership, _Changes]:
            stored = {kind: ctx.store.load(kind) for kind in StateKind}
            replacing = self._still_replacing(stored[StateKind.CURRENT])
            ownership = owned(ctx.flow, stored, replacing, self._only)
            return ownership, ownership.changes_of(stored)

        ownership, changes = await run_in_thread(look)
        if self._store and ctx.keeps is not None:
            await _keep_earlier(run, ownership, ctx.keeps)
        if changes and self._store:
            await rearrange(run, changes)
        if self._tells:
            for sentence in sentences(ownership):
                run.warn(sentence)
            for item in self._replacing or ():
                entry = ownership.current.get(item)
                if entry is not None and entry.origin is Origin.FOUND:
                    run.warn(
                        f"{item} is not replaced, because nothing of it was made here; if what is "
                        f"there is to be removed, first: `states adopt {item}`"
                    )
        return BlockResult(ownership)

    def _still_replacing(self, current: Mapping[ItemId, StoredState]) -> Collection[ItemId] | None:
        if self._replacing is None or self._since is None:
            return self._replacing
        since = self._since
        made = (item for item, entry in current.items() if entry.at > since)
        return {*self._replacing}.difference(made)


async def _keep_earlier(
    run: BlockRun, ownership: Ownership, keeps: Callable[[datetime], Path | None]
) -> None:
    """Keep what an earlier version stored as it is, before anything of it is changed."""
    flow = run.ctx.flow
    earlier = [
        entry
        for name, entry in ownership.current.items()
        if entry.known and _is_of_another_version(entry, flow.items.get(name), flow)
    ]
    if not earlier:
        return
    newest = max(earlier, key=lambda entry: entry.at)
    path = await run_in_thread(keeps, newest.at)
    if path is not None:
        version = f"version {newest.app_version}" if newest.app_version else "an earlier version"
        run.warn(
            f"what {version} stored is kept in {path}, before it is changed; states restore brings "
            "it back"
        )


def _is_of_another_version(entry: StoredState, item: FlowItem | None, flow: BuiltFlow) -> bool:
    if entry.app_version != flow.app_version:
        return True
    if item is None:
        return False
    now = (item.item.kind(), item.item.state_type().state_version, item.item.item_version)
    return now != (entry.kind, entry.version, entry.item_version)


async def rearrange(run: BlockRun, changes: _Changes) -> None:
    """Replace stored entries, all or none of them, in a block that changes no thing."""
    ctx = run.ctx
    opened = partial(ctx.store.open, run.scope.execution.id, ctx.flow.graph.order, applies=False)
    writer = await run_in_thread(opened)
    for text in writer.warnings:
        run.warn(text)
    try:
        await writer.rearrange(changes)
    finally:
        await run_shielded(writer.close())


def ownership_of(run: BlockRun) -> Ownership:
    """Return whose the stored things are, as a block before has found out."""
    found = run.scope.resources.try_get(Ownership)
    return Ownership({kind: {} for kind in StateKind}) if found is None else found


def sentences(ownership: Ownership) -> Iterator[str]:
    """Yield what people should know of it before anything is done."""
    yield from changes_told(ownership)
    replaced = {*ownership.replaced.values()}
    left = [
        name
        for name, entry in ownership.left.items()
        if name not in replaced and entry.is_there and entry.origin is not Origin.FOUND
    ]
    if left:
        has = "is" if len(left) == 1 else "are"
        yield (
            f"{name_list(left, 10)} {has} no longer in the flow, and what was made is still there: "
            "`clean --left` removes it, `ensure --prune` as well"
        )


def changes_told(found: Ownership | StateDiffs) -> Iterator[str]:
    """Yield which items look after other things than before, in sentences."""
    for item, name in found.taken_over.items():
        yield f"{item} takes over what {name} has made"
    for item, name in found.replaced.items():
        yield f"{item} looks after another thing now; the former one is known as {name}"


class _Arranging:
    def __init__(
        self,
        flow: BuiltFlow,
        stored: _States,
        replacing: Collection[ItemId] | None,
        only: Collection[ItemId],
    ) -> None:
        self._flow = flow
        self._stored = stored
        self._entries = dict(stored[StateKind.CURRENT])
        self._replacing = replacing
        self._only = only
        self._sources: dict[ItemId, ItemId] = {}
        """By item of the flow, the name of the entry that is its own."""
        self._used: set[ItemId] = set()
        self._claimed: dict[str, ItemId] = {}
        self._known: dict[ItemId, AnyItem] = {}
        """The items whose identity is known, as far as their parameters are."""
        self._before: dict[ItemId, ItemId] = {}
        """By item of the flow, the name of the entry of what it looked after before."""
        classes = ItemClasses()
        for name, each in self._entries.items():
            if (identity := classes.identity_of(each)) != each.identity:
                self._entries[name] = replace(each, identity=identity)
        self._identities = {
            name: each.identity or _identity_by_class(name, each, classes, flow)
            for name, each in self._entries.items()
        }
        self._by_identity: dict[str, list[ItemId]] = {}
        for name, identity in self._identities.items():
            if identity is not None:
                self._by_identity.setdefault(identity, []).append(name)

    def result(self) -> Ownership:
        items = self._flow.items
        identities: dict[ItemId, str | None] = {}
        later: list[ItemId] = []
        for item in self._flow.graph.order:
            declared = items[item].item
            if not tells_identity(type(declared)):
                identities[item] = None
            elif declared_arguments(declared) is not None:
                later.append(item)
            else:
                identities[item] = self._claim(item, self._identity(item, declared))
        for item in later:
            # It may depend on the state of another item, which comes before.
            identities[item] = self._claim(item, self._resolved_identity(item))
        for item in self._flow.graph.order:
            if item not in self._sources:
                self._match_by_name(item, identities[item])
        self._still_replaced()
        return self._arrangement()

    def _claim(self, item: ItemId, identity: str | None) -> str | None:
        """Let an item have the entry of the thing with its identity, if there is one."""
        if identity is not None and identity not in self._claimed:
            self._claimed[identity] = item
            names = self._by_identity.get(identity, ())
            declared = self._flow.items[item]
            wanted = [name for name in (item, declared.was) if name in names] or names
            if wanted:
                self._take(item, wanted[0])
        return identity

    def _take(self, item: ItemId, name: ItemId) -> None:
        self._sources[item] = name
        self._used.add(name)

    def _identity(self, item: ItemId, known: AnyItem) -> str | None:
        try:
            identity = identity_of(known, item)
        except PeacefulError:
            # It will be told when the item is looked at.
            return None
        self._known[item] = known
        return identity

    def _resolved_identity(self, item: ItemId) -> str | None:
        try:
            known, _ = partial_item(self._flow.id, self._flow.items[item], self._state_of)
        except PeacefulError:
            return None
        return self._identity(item, known)

    def _state_of(self, item: ItemId) -> State | None:
        name = self._sources.get(item)
        if name is None and item in self._entries and item not in self._used:
            name = item
        if name is None:
            return None
        return state_from_stored(self._flow.items[item].item, self._entries[name])

    def _match_by_name(self, item: ItemId, identity: str | None) -> None:
        for name in (item, self._flow.items[item].was):
            if name not in self._entries or name in self._used:
                continue
            others = self._identities[name]
            if others is None or identity is None:
                self._take(item, name)
            elif others not in self._claimed:
                self._used.add(name)
                self._before[item] = name
            else:
                continue
            return

    def _still_replaced(self) -> None:
        """Find what was put aside by a command before, and is not removed yet."""
        for name, identity in self._identities.items():
            item = item_named_by(name)
            known = identity is not None and identity not in self._claimed
            if item in self._flow.items and is_name_for(name, item) and known:
                self._before.setdefault(item, name)

    def _arrangement(self) -> Ownership:
        first = self._to_be_removed_first()
        names = {name: item for item, name in self._sources.items()}
        taken = {*self._flow.items, *self._entries}
        replaced: dict[ItemId, ItemId] = {}
        before = {name: item for item, name in self._before.items()}
        for name, entry in self._entries.items():
            owner = self._claimed.get(self._identities[name] or "")
            if name in names:
                pass
            elif name not in before and owner is not None:
                # Of a thing that is stored twice, one entry is enough to say that it was made.
                if entry.is_there and entry.origin is not Origin.FOUND:
                    self._make(owner)
            elif name not in before and name not in self._flow.items:
                names[name] = name
            elif entry.is_there:
                item = before.get(name)
                # It may be put aside already; and where an item took over another thing's entry,
                # it was renamed, and what had its name has left.
                free = names_for(name, _LEFT) if item is None else names_for(item)
                is_aside = item_named_by(name) != name
                names[name] = name if is_aside else next(each for each in free if each not in taken)
                taken.add(names[name])
                if item is not None:
                    replaced[item] = names[name]
        renamed = {old: new for old, new in names.items() if old != new and new in self._flow.items}
        states = {
            StateKind.CURRENT: {
                names[name]: with_needs_renamed(entry, renamed)
                for name, entry in self._entries.items()
                if name in names
            },
            StateKind.GOAL: {
                new: goal
                for old, goal in self._stored[StateKind.GOAL].items()
                if (new := names.get(old, "" if old in self._entries else old))
                and new not in replaced.values()
            },
        }
        taken_over = {new: old for old, new in renamed.items()}
        removed_first = frozenset(replaced[item] for item in first if item in replaced)
        current = states[StateKind.CURRENT]
        left = {name: current[name] for name in reversed(current) if name not in self._flow.items}
        return Ownership(states, left, taken_over, replaced, removed_first, self._claimed)

    def _make(self, item: ItemId) -> None:
        name = self._sources.get(item)
        if name is not None:
            self._entries[name] = replace(self._entries[name], origin=Origin.MADE)

    def _to_be_removed_first(self) -> set[ItemId]:
        """Put aside the entries of what is made anew, and return the items."""
        if self._replacing is None:
            return set()
        items = self._flow.items
        first = {
            item
            for item, name in self._before.items()
            if (not self._only or item in self._only)
            and removed_first(self._known[item], item, self._identities[name] or "")
        }
        first |= {*self._replacing}
        if not first:
            return first
        names = {item: self._before.get(item) or self._sources.get(item) for item in items}
        size = 0
        while size < len(first):
            size = len(first)
            aside = {names[item] or item for item in first}
            below = {*aside, *map(item_named_by, aside)}
            for item, name in names.items():
                if name is not None and not below.isdisjoint(self._entries[name].needs):
                    first.add(item)
        for item in first:
            name = None if item in self._before else self._sources.get(item)
            if name is not None and self._entries[name].origin is not Origin.FOUND:
                del self._sources[item]
                self._before[item] = name
        return first


def _identity_by_class(
    name: ItemId, entry: StoredState, classes: ItemClasses, flow: BuiltFlow
) -> str | None:
    """Return the identity of what an earlier version has stored, as its item tells it."""
    if not classes.tell_identity(entry.kind):
        return None
    try:
        return identity_of(classes.as_it_was(entry, flow), name)
    except (NotAsItWas, PeacefulError):
        return None


def with_needs_renamed(entry: StoredState, names: Mapping[ItemId, ItemId]) -> StoredState:
    """Return an entry with what it stands on under other names; itself where none has one."""
    if names.keys().isdisjoint((*entry.needs, entry.inside)):
        return entry
    needs = tuple(names.get(name, name) for name in entry.needs)
    return replace(entry, needs=needs, inside=names.get(entry.inside, entry.inside))
