"""The records of the journal, and the log of one block that they make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias, cast

import msgspec

from peaceful._model.codec import JsonValue
from peaceful._model.field_types import ExecutionId, ItemId
from peaceful._storage.stored_state import (
    EntryInvalid,
    StateKind,
    StoredState,
    json_line,
    stored_of,
    time_from,
    time_text,
)
from peaceful._storage.yaml_in import MAX_DEPTH


class Begun(msgspec.Struct, frozen=True):
    """The block begins.

    Attributes:
        execution_id: the execution that it belongs to.
        at: when; UTC.
        boot_id: the run of the machine, or none where that cannot be told.
        applies: whether it changes items, rather than only asking them.
        items: those that it goes through, in order.
    """

    execution_id: ExecutionId
    at: datetime
    boot_id: str | None
    applies: bool
    items: tuple[ItemId, ...]


class Started(msgspec.Struct, frozen=True):
    """An item is about to be changed.

    Attributes:
        item: which one.
        at: when; UTC.
    """

    item: ItemId
    at: datetime


class Recorded(msgspec.Struct, frozen=True):
    """States of an item were found or made.

    Attributes:
        item: which one.
        states: by kind, what they are.
    """

    item: ItemId
    states: Mapping[StateKind, StoredState]


class Settled(msgspec.Struct, frozen=True):
    """An item ended, and was not changed.

    Attributes:
        item: which one.
    """

    item: ItemId


class Forgotten(msgspec.Struct, frozen=True):
    """Nothing is stored of some items any more.

    Attributes:
        items: which ones.
    """

    items: tuple[ItemId, ...]


class Ended(msgspec.Struct, frozen=True):
    """The block ended, and nothing more comes."""


_KEYS: Final = {kind: f"{json_line(kind.value)}:" for kind in StateKind}

Record: TypeAlias = Begun | Started | Recorded | Settled | Forgotten | Ended
"""Everything that the journal tells."""


def payload_of(record: Record) -> bytes:
    """A record as bytes.

    Raises:
        ValueError: a state is nested too deep.
        TypeError: a state holds what JSON cannot say.
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
            return _encoded(["forgotten", list(items)])
        case Ended():
            return _encoded(["end"])
        case Begun():
            return _encoded(
                [
                    "begin",
                    record.execution_id,
                    time_text(record.at),
                    record.boot_id,
                    record.applies,
                    list(record.items),
                ]
            )


def record_from(payload: bytes) -> Record:
    """A record from its bytes.

    Raises:
        ValueError: they are whole, but no record that is known here.
    """
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


def _encoded(value: JsonValue) -> bytes:
    return json_line(value).encode("ascii")


def _check_depth(payload: bytes, states: Iterable[StoredState]) -> None:
    """Makes sure that what goes to the journal can go to YAML.

    Args:
        payload: the states as JSON.
        states: the states.

    Raises:
        ValueError: one is nested too deep.
    """
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
    """What is known of a block after some of its records.

    Attributes:
        begun: how it began.
        changes: by kind and item, the new state, or none where it was forgotten.
        in_flight: the items that were started and did not end, with the time of it.
        ended: the items that ended after they were started, or without having been.
        finished: whether it ended.
    """

    begun: Begun
    changes: dict[StateKind, dict[ItemId, StoredState | None]] = msgspec.field(
        default_factory=lambda: {kind: {} for kind in StateKind}
    )
    in_flight: dict[ItemId, datetime] = msgspec.field(default_factory=dict)
    ended: set[ItemId] = msgspec.field(default_factory=set)
    finished: bool = False

    def add(self, record: Record) -> None:
        """Takes the next record in.

        Raises:
            ValueError: a block begins within a block.
        """
        match record:
            case Started(item, at):
                self.in_flight[item] = at
                self.ended.discard(item)
            case Recorded(item, states):
                for kind, state in states.items():
                    self.changes[kind][item] = state
                if StateKind.CURRENT in states:
                    self._end(item, proven=item in self.in_flight)
            case Settled(item):
                self._end(item, proven=True)
            case Forgotten(items):
                self._forget(items)
            case Ended():
                self.finished = True
            case Begun():
                raise ValueError("a block begins within a block")

    def in_doubt(self, *, all_records: bool) -> dict[ItemId, datetime]:
        """The items that may have been changed since their state was stored, and since when.

        Args:
            all_records: whether it is certain that every record that was made is here.
        """
        doubtful = dict(self.in_flight)
        if self.begun.applies and not (self.finished or all_records):
            for item in self.begun.items:
                if item not in self.ended:
                    doubtful.setdefault(item, self.begun.at)
        return doubtful

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
    """What changes in the stored states; none for what is removed.

    Args:
        stored: the states as they are stored.
        changes: what was recorded since.
        in_doubt: the items whose state may be out of date, and since when. The earlier doubt stays.
    """
    result = dict(changes)
    for item, since in in_doubt.items():
        before = result[item] if item in result else stored.get(item)
        if before is None:
            result[item] = StoredState.in_progress(since)
        elif before.in_progress_since is None:
            result[item] = replace(before, in_progress_since=since)
    return result


def log_of(records: Iterable[Record]) -> BlockLog:
    """What is known of a block after its records.

    Raises:
        ValueError: they do not begin with how the block began, or hold a second beginning.
    """
    rest = iter(records)
    match next(rest, None):
        case Begun() as begun:
            log = BlockLog(begun)
        case _:
            raise ValueError("it does not begin with the beginning of a block")
    for record in rest:
        log.add(record)
    return log
