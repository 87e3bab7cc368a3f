"""Stored states, and the port to whatever keeps them."""

from __future__ import annotations

import enum
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, cast

from peaceful._model.codec import JsonValue
from peaceful._model.field_types import ExecutionId, ItemId

_WITHOUT_ZONE: Final = -len("+00:00")


def json_line(value: object) -> str:
    """Plain data as JSON, without a line break; moments become text.

    Raises:
        TypeError: there is something in it that JSON cannot say.
    """
    return _encoder.encode(value)


def time_text(time: datetime) -> str:
    """A moment as people and programs read it (RFC 3339), in UTC."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat()[:_WITHOUT_ZONE] + "Z"


def _plain(value: object) -> object:
    """What JSON's encoder does not know by itself: a moment, and a mapping that is no `dict`."""
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__qualname__} cannot be stored")


# One for all: to make one takes longer than to write a state.
_encoder: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain)


class StateKind(enum.StrEnum):
    """Which of an item's states."""

    CURRENT = "current"
    """What it is."""
    GOAL = "goal"
    """What it should be."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state of an item, as it was found or made.

    Attributes:
        kind: the class of the item; empty where nothing but `in_progress_since` is known.
        version: the version of the state's type.
        state: the state itself.
        params: what the item was applied with, secrets left out; or none.
        at: when it was found or made; UTC.
        in_progress_since: since when it may be out of date, because the item was being changed and
            no ending is known; UTC. None where the state is what was last found or made.
    """

    kind: str
    version: int
    state: JsonValue
    params: Mapping[str, JsonValue] | None
    at: datetime
    in_progress_since: datetime | None = None
    _json: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def known(self) -> bool:
        """Whether there is a state at all; else the item was in progress before one was stored."""
        return self.kind != ""

    @classmethod
    def in_progress(cls, since: datetime) -> StoredState:
        """What is stored of an item that was being changed before any state of it was known.

        Args:
            since: UTC.
        """
        return cls("", 0, None, None, since, since)

    def as_json(self) -> str:
        """What is known of it, as a line of JSON, made once: more than one file needs it.

        Raises:
            TypeError: there is something in it that JSON cannot say.
        """
        if self._json is None:
            # What a frozen value says does not change.
            object.__setattr__(self, "_json", json_line(facts_of(self)))
            assert self._json is not None
        return self._json


class EntryInvalid(ValueError):
    """An entry is not what a stored state looks like.

    Attributes:
        field: the key at fault; empty where it is the entry itself.
        reason: what is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_FIELDS: Final = frozenset({"kind", "version", "at", "in_progress_since", "state", "params"})


def facts_of(stored: StoredState) -> dict[str, JsonValue | datetime]:
    """What is known of a stored state, in the order in which people read it."""
    since = stored.in_progress_since
    if not stored.known:
        return {"in_progress_since": since or stored.at}
    facts: dict[str, JsonValue | datetime] = {
        "kind": stored.kind,
        "version": stored.version,
        "at": stored.at,
    }
    if since is not None:
        facts["in_progress_since"] = since
    facts["state"] = stored.state
    if stored.params is not None:
        facts["params"] = stored.params
    return facts


def entry_of(stored: StoredState) -> dict[str, JsonValue]:
    """The same as plain data."""
    return {
        name: time_text(fact) if isinstance(fact, datetime) else fact
        for name, fact in facts_of(stored).items()
    }


def stored_of(entry: JsonValue) -> StoredState:
    """Plain data as a stored state. Keys that mean nothing here are left to `unknown_keys`.

    Raises:
        EntryInvalid: it is not one.
    """
    if not isinstance(entry, Mapping):
        raise EntryInvalid("", "it must have `kind`, `version`, `at` and `state` below it")
    since = _time(entry, "in_progress_since") if "in_progress_since" in entry else None
    if since is not None and "state" not in entry:
        return StoredState.in_progress(since)
    return StoredState(
        kind=_kind(entry),
        version=_version(entry),
        state=_present(entry, "state"),
        params=_params(entry),
        at=_time(entry, "at"),
        in_progress_since=since,
    )


def unknown_keys(entry: JsonValue) -> dict[str, JsonValue]:
    """What an entry says beyond what is understood here, to be kept."""
    assert isinstance(entry, Mapping)
    if entry.keys() <= _FIELDS:
        return {}
    return {key: value for key, value in entry.items() if key not in _FIELDS}


def time_from(text: str) -> datetime:
    """A moment from its text; without a zone it is UTC.

    Raises:
        ValueError: it is not one.
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _present(entry: Mapping[str, JsonValue], field: str) -> JsonValue:
    if field not in entry:
        raise EntryInvalid("", f"`{field}` is missing")
    return entry[field]


def _kind(entry: Mapping[str, JsonValue]) -> str:
    kind = _present(entry, "kind")
    if not isinstance(kind, str) or not kind:
        raise EntryInvalid("kind", "it must be the name of an item's class")
    return kind


def _version(entry: Mapping[str, JsonValue]) -> int:
    version = _present(entry, "version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise EntryInvalid("version", "it must be a whole number")
    return version


def _params(entry: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
    params = entry.get("params")
    if params is not None and not isinstance(params, Mapping):
        raise EntryInvalid("params", "it must have names and values below it")
    return params


def _time(entry: Mapping[str, JsonValue], field: str) -> datetime:
    text = _present(entry, field)
    try:
        return time_from(text if isinstance(text, str) else "")
    except (ValueError, OverflowError):
        reason = "it must be a time such as 2026-01-31T12:00:00Z"
        raise EntryInvalid(field, reason) from None


class StateWriter(Protocol):
    """Writes down what one block does to items. Used from one event loop."""

    def started(self, item: ItemId, at: datetime) -> None:
        """An item is about to be changed: from now on its stored state is in doubt.

        Outlives the process when this returns; the machine's end is provided for otherwise. An item
        is started once in a block. In a block that does not apply, it means nothing.

        Args:
            item: which one.
            at: when; UTC.

        Raises:
            FileInaccessible: it cannot be written down; the item must not be started.
            ValueError: it was started before.
        """
        ...

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> Awaitable[None]:
        """States of an item were found or made. With a current one, the item has ended.

        Args:
            item: which one.
            current: what it is.
            goal: what it should be.

        Returns:
            Completes once they are durable.

        Raises:
            FileInaccessible: they cannot be written down; at once or when awaited.
            ValueError: a state is nested too deep.
            TypeError: a state holds what JSON cannot say.
        """
        ...

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> None:
        """An item ended without a new state.

        Args:
            item: which one.
            in_doubt: whether it may have been changed all the same, as after a failure: its stored
                state then says `in progress since` until a new one is recorded. Not set for an item
                that was only looked at: what was stored of it stays.

        Raises:
            FileInaccessible: it cannot be written down; now, or said by what is called next.
        """
        ...

    def forget(self, items: Iterable[ItemId]) -> Awaitable[None]:
        """Nothing is to be stored of some items any more: they are cleaned up, and left the flow.

        Returns:
            Completes once that is durable.

        Raises:
            FileInaccessible: it cannot be written down; at once or when awaited.
        """
        ...

    async def close(self) -> None:
        """Ends the block: what was recorded is where people read it when this returns.

        An item that was started and neither recorded nor settled is in doubt. Called again, it does
        nothing.

        Raises:
            StorageError: that was not possible; the next `open` does it, nothing is lost.
        """
        ...


class StateStore(Protocol):
    """Keeps the states of one flow of one profile.

    Entries of items that are no longer in the flow are kept, and handed out with the others.
    """

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        """The stored states, with what an execution recorded that runs now or ended uncleanly.

        Changes nothing, needs no lock, may be called at any time from any thread.

        Raises:
            StorageError: they cannot be read.
        """
        ...

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> StateWriter:
        """Begins a block. The caller holds the profile's lock, and closed the block before.

        Args:
            execution_id: the execution that it belongs to.
            items: those that it goes through, in the order in which people should find them.
            applies: whether it changes items, rather than only asking them.

        Raises:
            StorageError: what is stored cannot be read, or nothing can be written.
            RuntimeError: the block before was not closed.
        """
        ...

    def set_damaged_aside(self) -> tuple[Path, ...]:
        """Moves what is damaged out of the way, so that states can be discovered anew.

        What a damaged journal told is treated as in doubt. The caller holds the profile's lock.

        Returns:
            Where it is now; nothing where nothing was damaged.

        Raises:
            FileInaccessible: it cannot be moved.
            FormatTooNew: a later version wrote it; that is no damage.
        """
        ...

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        """By item, how its parameters were last given; empty where nothing was saved.

        Raises:
            StorageError: it cannot be read.
        """
        ...

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        """Writes down, by item, how its parameters are given, where that has changed.

        Raises:
            StorageError: that was not possible; what was written before is whole.
        """
        ...
