"""The records of the journal, and the log of one block that they form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias, cast

import msgspec

from peaceful._model.codec import ExecutionId, ItemId, JsonValue
from peaceful._storage.stored_state import (
    EntryInvalid,
    StateKind,
    StoredState,
    facts_of,
    json_line,
    stored_of,
    time_from,
    time_text,
)
from peaceful._storage.yaml import MAX_DEPTH

_KEYS: Final = {kind: f"{json_line(kind.value)}:" for kind in StateKind}


class Begun(msgspec.Struct, frozen=True):
    """The beginning of a block; `applies`: it changes items, rather than only asking them."""

    execution_id: ExecutionId
    at: datetime
    boot_id: str | None
    applies: bool
    items: tuple[ItemId, ...]


class Changing(msgspec.Struct, frozen=True):
    """From here on, items are changed: until this is on disk, none has been."""


class Started(msgspec.Struct, frozen=True):
    """An item is about to be changed."""

    item: ItemId
    at: datetime


class Recorded(msgspec.Struct, frozen=True):
    """States of an item were found or made."""

    item: ItemId
    states: Mapping[StateKind, StoredState]


class Settled(msgspec.Struct, frozen=True):
    """An item ended without being changed."""

    item: ItemId


class Forgotten(msgspec.Struct, frozen=True):
    """Nothing is stored of some items any more."""

    items: tuple[ItemId, ...]


class Rearranged(msgspec.Struct, frozen=True):
    """Entries were replaced, or removed where they are None, by kind and item."""

    changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]


class Ended(msgspec.Struct, frozen=True):
    """The block ended; no record follows."""


Record: TypeAlias = Begun | Changing | Started | Recorded | Settled | Forgotten | Rearranged | Ended


def payload_of(record: Record) -> bytes:
    """Return a record as bytes.

    Raises `ValueError` or `TypeError` for a state that cannot be stored.
    """
    match record:
        case Started(item, at):
            # Of these, there is one for each item: it takes half the time.
            return f'["started",{json_line(item)},"{time_text(at)}"]'.encode("ascii")
        case Settled(item):
            return f'["settled",{json_line(item)}]'.encode("ascii")
        case Recorded(item, states):
            entries = ",".join([_KEYS[kind] + state.as_json() for kind, state in states.items()])
            payload = f'["state",{json_line(item)},{{{entries}}}]'.encode("ascii")
            _check_depth(payload, states.values())
            return payload
        case Forgotten(items):
            return _encoded("forgotten", items)
        case Rearranged(changes):
            facts = {
                kind.value: {
                    item: None if each is None else facts_of(each) for item, each in entries.items()
                }
                for kind, entries in changes.items()
            }
            return _encoded("rearranged", facts)
        case Changing():
            return _encoded("changing")
        case Ended():
            return _encoded("end")
        case Begun():
            return _encoded("begin", *msgspec.structs.astuple(record))


def record_from(payload: bytes) -> Record:
    """Return the record that bytes encode, or raise `ValueError`."""
    try:
        match cast("JsonValue", json.loads(payload)):
            case ["started", str(item), str(at)]:
                return Started(item, time_from(at))
            case ["settled", str(item)]:
                return Settled(item)
            case ["state", str(item), Mapping() as entries]:
                states = {StateKind(kind): stored_of(entry) for kind, entry in entries.items()}
                return Recorded(item, states)
            case ["forgotten", [*items]]:
                return Forgotten(tuple(map(str, items)))
            case ["rearranged", Mapping() as changes]:
                return Rearranged(
                    {StateKind(kind): _entries(entries) for kind, entries in changes.items()}
                )
            case ["changing"]:
                return Changing()
            case ["end"]:
                return Ended()
            case ["begin", str(execution), str(at), boot, bool(applies), [*items]]:
                boot_id = None if boot is None else str(boot)
                names = tuple(map(str, items))
                return Begun(execution, time_from(at), boot_id, applies, names)
            case _:
                raise ValueError("it is of a kind that is not known")
    except EntryInvalid as error:
        raise ValueError(f"its state is not one: {error}") from error


def _entries(entries: JsonValue) -> dict[ItemId, StoredState | None]:
    if not isinstance(entries, Mapping):
        raise EntryInvalid("", "it must have items below it")
    return {item: None if each is None else stored_of(each) for item, each in entries.items()}


def _encoded(*facts: object) -> bytes:
    return json_line(facts).encode("ascii")


def _check_depth(payload: bytes, states: Iterable[StoredState]) -> None:
    """Raise `ValueError` if a state, whose JSON is in the payload, is too deep for YAML."""
    # Counting brackets is fast, and nearly always enough.
    if payload.count(b"[") + payload.count(b"{") < MAX_DEPTH:
        return
    for stored in states:
        # What is around a state and its parameters is two deep.
        if max(_depth(stored.state), _depth(stored.params)) >= MAX_DEPTH - 2:
            raise ValueError(f"a state is nested more than {MAX_DEPTH} deep")


def _depth(value: JsonValue) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


class BlockLog(msgspec.Struct):
    """A block after some of its records.

    Attributes:
        changes: by kind and item, the new state, or None if it was forgotten.
        in_flight: the items that were started and did not end, with the time of the start.
        ended: the items that ended after they were started, or were settled.
        changing: whether items may have been changed by now.
    """

    begun: Begun
    changes: dict[StateKind, dict[ItemId, StoredState | None]] = msgspec.field(
        default_factory=lambda: {kind: {} for kind in StateKind}
    )
    in_flight: dict[ItemId, datetime] = msgspec.field(default_factory=dict)
    ended: set[ItemId] = msgspec.field(default_factory=set)
    changing: bool = False
    finished: bool = False

    def add(self, record: Record) -> None:
        """Apply the next record, or raise `ValueError` if it begins a second block."""
        match record:
            case Changing():
                self.changing = True
            case Started(item, at):
                self.in_flight[item] = at
                self.ended.discard(item)
            case Recorded(item, states):
                self._replace({kind: {item: state} for kind, state in states.items()})
                if StateKind.CURRENT in states:
                    self._end(item, proven=item in self.in_flight)
            case Settled(item):
                self._end(item, proven=True)
            case Forgotten(items):
                self._forget(items)
            case Rearranged(changes):
                self._replace(changes)
            case Ended():
                self.finished = True
            case Begun():
                raise ValueError("a block begins within a block")

    def in_doubt(self, *, all_records: bool) -> dict[ItemId, datetime]:
        """Return the items that may have been changed since their state was stored, with the time.

        If records may be missing (not `all_records`), that is every item that did not end, once
        items are changed.
        """
        doubtful = dict(self.in_flight)
        if self.changing and not (self.finished or all_records):
            for item in self.begun.items:
                if item not in self.ended:
                    doubtful.setdefault(item, self.begun.at)
        return doubtful

    def _replace(self, changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]) -> None:
        for kind, entries in changes.items():
            self.changes[kind].update(entries)

    def _forget(self, items: Iterable[ItemId]) -> None:
        for item in items:
            for changed in self.changes.values():
                changed[item] = None
            self._end(item, proven=item in self.in_flight)

    def _end(self, item: ItemId, *, proven: bool) -> None:
        self.in_flight.pop(item, None)
        if proven:
            self.ended.add(item)


def overlaid(
    stored: Mapping[ItemId, StoredState],
    changes: Mapping[ItemId, StoredState | None],
    in_doubt: Mapping[ItemId, datetime],
) -> dict[ItemId, StoredState | None]:
    """Return the changes of stored states; None removes one.

    Of two doubts about an item, the earlier stays. What had stopped and was then begun anew is in
    doubt, too.
    """
    result = dict(changes)
    for item, since in in_doubt.items():
        before = result[item] if item in result else stored.get(item)
        if before is None:
            result[item] = StoredState.in_progress(since)
        elif before.stopped or before.in_progress_since is None:
            earlier = before.in_progress_since or since
            result[item] = replace(before, in_progress_since=earlier, stopped=False)
    return result


def log_of(records: Iterable[Record], *, says_changing: bool = True) -> BlockLog:
    """Return the log of a block, or raise `ValueError` if they are not the records of one.

    Unless the journal `says_changing`, it may have changed items ever since it began.
    """
    rest = iter(records)
    match next(rest, None):
        case Begun() as begun:
            log = BlockLog(begun, changing=begun.applies and not says_changing)
        case _:
            raise ValueError("it does not begin with the beginning of a block")
    for record in rest:
        log.add(record)
    return log
