"""A state as it is stored, and its form in YAML, in the journal and in JSON."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from peaceful.model import JsonValue
from peaceful.storage._json_out import json_line, time_text


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
