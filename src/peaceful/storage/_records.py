"""What the journal of a block tells, record by record, and its form in bytes: a JSON array each.

```
["begin", execution, time, boot, applies, [item, …]]   before anything is started; synced
["started", item, time]                                it is about to be changed; not waited for
["state", item, {"current": entry, "goal": entry}]     found or made; synced
["settled", item]                                      it ended unchanged; not waited for
["forgotten", [item, …]]                               nothing is stored of them any more; synced
["end"]                                                nothing more will come; synced
```
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeAlias, cast

import msgspec

from peaceful.model import ExecutionId, ItemId, JsonValue
from peaceful.storage._json_out import json_line, time_text
from peaceful.storage._stored_state import (
    EntryInvalid,
    StateKind,
    StoredState,
    stored_of,
    time_from,
)
from peaceful.storage._yaml_in import MAX_DEPTH


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
