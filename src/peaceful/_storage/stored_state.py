"""Stored states, and the port to their store."""

from __future__ import annotations

import enum
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

from peaceful._model.codec import ExecutionId, ItemId, JsonValue, from_json, to_json
from peaceful._model.execution import Approval

T = TypeVar("T")
D = TypeVar("D")

_FIELDS: Final = frozenset(
    {
        "kind",
        "version",
        "at",
        "in_progress_since",
        "stopped",
        "identity",
        "origin",
        "needs",
        "inside",
        "app_version",
        "item_version",
        "state",
        "params",
        "secrets",
        "approvals",
    }
)

_WITHOUT_ZONE: Final = -len("+00:00")


def json_line(value: object) -> str:
    """Return plain data as JSON in one line, datetimes as text; raise `TypeError` if none can."""
    return _encoder.encode(value)


def time_text(time: datetime) -> str:
    """Return a datetime as RFC 3339 in UTC."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat()[:_WITHOUT_ZONE] + "Z"


def _plain(value: object) -> object:
    """Convert what the JSON encoder does not know: datetimes, and mappings that are not `dict`."""
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__qualname__} cannot be stored")


# One for all: creating one takes longer than writing a state.
_encoder: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain)


class StateKind(enum.StrEnum):
    """Which of an item's states."""

    CURRENT = "current"
    """What it is."""
    GOAL = "goal"
    """What it should be."""


class Origin(enum.StrEnum):
    """Whether a thing is the framework's, and so its to clean up."""

    MADE = "made"
    """It was not there before it was first changed, or it was taken over."""
    FOUND = "found"
    """It was there before, as it should be or only adjusted."""
    ABSENT = "absent"
    """There is none."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state of an item, as it was found or made.

    Attributes:
        kind: the class of the item; empty if nothing but `in_progress_since` is known.
        version: the version of the state's type.
        state: the state itself.
        params: the parameters that the item was applied with, without secrets; or None.
        at: when it was found or made; UTC.
        in_progress_since: since when it may be out of date, because the item was being changed and
            its ending is unknown; UTC. None if the state is what was last found or made.
        stopped: whether it is not out of date: the item stopped at a safe point, in this state.
        needs: the items that it stood on then: they are cleaned up after it. Earlier versions did
            not store them.
        inside: the one of them that contains it, or empty.
        identity: the thing that it is a state of; None if only the item's name tells.
        origin: whether that was made or found. Earlier versions did not store it: then it was made.
        app_version: the version of the application that stored it, if it has one.
        item_version: the version of the item's class.
        secrets: by parameter that is a secret, the parameter of the flow that it came from.
        approvals: what people have approved of the item, and it has not done since.
    """

    kind: str
    version: int
    state: JsonValue
    params: Mapping[str, JsonValue] | None
    at: datetime
    in_progress_since: datetime | None = None
    stopped: bool = False
    needs: tuple[ItemId, ...] = ()
    inside: ItemId = ""
    identity: str | None = None
    origin: Origin = Origin.MADE
    app_version: str = ""
    item_version: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    approvals: tuple[Approval, ...] = ()
    _json: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def known(self) -> bool:
        """False if the item was in progress before any state of it was stored."""
        return self.kind != ""

    @property
    def is_there(self) -> bool:
        """Whether the thing is or may be there: what is changed is known before it is."""
        return self.known and (
            self.origin is not Origin.ABSENT or self.in_progress_since is not None
        )

    @property
    def is_ours(self) -> bool:
        """Whether the thing was made, or may have been: if it is forgotten, nobody removes it."""
        return self.in_progress_since is not None or (self.known and self.origin is Origin.MADE)

    @classmethod
    def in_progress(cls, since: datetime) -> StoredState:
        """Return the entry of an item that was being changed before any state of it was known."""
        return cls("", 0, None, None, since, since)

    def as_json(self) -> str:
        """Return it as a line of JSON, cached because several files need it.

        Raises like `json_line`.
        """
        if self._json is None:
            # What a frozen value says does not change.
            object.__setattr__(self, "_json", json_line(facts_of(self)))
            assert self._json is not None
        return self._json


class EntryInvalid(ValueError):
    """An invalid entry; `field` is the key at fault, empty for the entry itself."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


def facts_of(stored: StoredState) -> dict[str, JsonValue | datetime]:
    """Return the known fields of a stored state, in the order in which people read them."""
    since = stored.in_progress_since
    approvals: dict[str, JsonValue] = {}
    if stored.approvals:
        approvals["approvals"] = [to_json(each) for each in stored.approvals]
    if not stored.known:
        return {"in_progress_since": since or stored.at, **approvals}
    facts: dict[str, JsonValue | datetime] = {
        "in_progress_since": since,
        "stopped": since is not None and stored.stopped,
        "identity": stored.identity,
        "origin": None if stored.origin is Origin.MADE else stored.origin.value,
        "needs": [*stored.needs],
        "inside": stored.inside,
        "app_version": stored.app_version,
        "item_version": None if stored.item_version == 1 else stored.item_version,
    }
    return {
        "kind": stored.kind,
        "version": stored.version,
        "at": stored.at,
        # What goes without saying is not written.
        **{name: fact for name, fact in facts.items() if fact},
        "state": stored.state,
        **({} if stored.params is None else {"params": stored.params}),
        **({"secrets": stored.secrets} if stored.secrets else {}),
        **approvals,
    }


def stored_of(entry: JsonValue) -> StoredState:
    """Return the stored state that plain data describes, or raise `EntryInvalid`.

    Ignores unknown keys.
    """
    if not isinstance(entry, Mapping):
        raise EntryInvalid("", "it must have `kind`, `version`, `at` and `state` below it")
    since = _time(entry, "in_progress_since") if "in_progress_since" in entry else None
    if since is not None and "state" not in entry:
        return replace(StoredState.in_progress(since), approvals=_approvals(entry))
    return StoredState(
        kind=_of_type(entry, "kind", str, "it must be the name of an item's class"),
        version=_of_type(entry, "version", int, "it must be a whole number"),
        state=_present(entry, "state"),
        params=_params(entry),
        at=_time(entry, "at"),
        in_progress_since=since,
        stopped=since is not None and entry.get("stopped") is True,
        needs=_needs(entry),
        inside=_if_there(entry, "inside", str, "", "it must be the name of an item"),
        identity=_if_there(entry, "identity", str, None, "it must be a text"),
        origin=_origin(entry),
        app_version=_if_there(entry, "app_version", str, "", "it must be a text"),
        item_version=_if_there(entry, "item_version", int, 1, "it must be a whole number"),
        secrets=_secrets(entry),
        approvals=_approvals(entry),
    )


def unknown_keys(entry: JsonValue) -> dict[str, JsonValue]:
    """Return the keys of an entry that `stored_of` ignores, to be kept."""
    assert isinstance(entry, Mapping)
    if entry.keys() <= _FIELDS:
        return {}
    return {key: value for key, value in entry.items() if key not in _FIELDS}


def time_from(text: str) -> datetime:
    """Return a datetime from its text, which without a zone is UTC, or raise `ValueError`."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _present(entry: Mapping[str, JsonValue], field: str) -> JsonValue:
    if field not in entry:
        raise EntryInvalid("", f"`{field}` is missing")
    return entry[field]


def _of_type(entry: Mapping[str, JsonValue], field: str, kind: type[T], reason: str) -> T:
    value = _present(entry, field)
    # For Python, true is a number, too.
    if isinstance(value, bool) or not isinstance(value, kind) or value == "":
        raise EntryInvalid(field, reason)
    return value


def _params(entry: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
    params = entry.get("params")
    if params is not None and not isinstance(params, Mapping):
        raise EntryInvalid("params", "it must have names and values below it")
    return params


def _if_there(
    entry: Mapping[str, JsonValue], field: str, kind: type[T], default: D, reason: str
) -> T | D:
    return _of_type(entry, field, kind, reason) if field in entry else default


def _needs(entry: Mapping[str, JsonValue]) -> tuple[ItemId, ...]:
    needs = entry.get("needs", ())
    if not isinstance(needs, list | tuple) or not all(isinstance(name, str) for name in needs):
        raise EntryInvalid("needs", "it must be a list of items")
    return tuple(cast("Iterable[ItemId]", needs))


def _origin(entry: Mapping[str, JsonValue]) -> Origin:
    origin = entry.get("origin", Origin.MADE)
    try:
        return Origin(cast("str", origin))
    except ValueError:
        raise EntryInvalid("origin", f"it must be one of {', '.join(Origin)}") from None


def _secrets(entry: Mapping[str, JsonValue]) -> Mapping[str, str]:
    secrets = entry.get("secrets", {})
    if not isinstance(secrets, Mapping) or not all(isinstance(v, str) for v in secrets.values()):
        raise EntryInvalid("secrets", "it must have names of parameters below it")
    return cast("Mapping[str, str]", secrets)


def _approvals(entry: Mapping[str, JsonValue]) -> tuple[Approval, ...]:
    if "approvals" not in entry:
        return ()
    try:
        return from_json(entry["approvals"], tuple[Approval, ...])
    except ValueError as error:
        raise EntryInvalid("approvals", str(error)) from None


def _time(entry: Mapping[str, JsonValue], field: str) -> datetime:
    text = _present(entry, field)
    try:
        return time_from(text if isinstance(text, str) else "")
    except (ValueError, OverflowError):
        reason = "it must be a time such as 2026-01-31T12:00:00Z"
        raise EntryInvalid(field, reason) from None


class StateWriter(Protocol):
    """Writes what one block does to items. Used from one event loop."""

    @property
    def warnings(self) -> Sequence[str]:
        """What people should know of what was found when the block was opened."""
        ...

    def started(self, item: ItemId, at: datetime) -> Awaitable[None]:
        """Record that an item is about to be changed: from now on its stored state is in doubt.

        The record outlives the process when this returns, and the item may be changed once the
        result completes: then a crash of the machine is covered as well, which costs a wait for the
        disk at the first item of a block. An item is started once in a block: a second time raises
        `ValueError`. In a block that does not apply, this does nothing. After `FileInaccessible`,
        the item must not be started.
        """
        ...

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> Awaitable[None]:
        """Record states of an item, which are durable once the result completes.

        With a current state, an item that was started has ended. `FileInaccessible` is raised at
        once or when awaited, `ValueError` and `TypeError` for a state that is nested too deep or
        has no form in JSON.
        """
        ...

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> Awaitable[None]:
        """Record that an item ended without a new state; that is durable once the result completes.

        With `in_doubt`, it may have been changed all the same, as after a failure: its stored state
        then says `in progress since` until a new one is recorded. Not for an item that was only
        looked at.
        """
        ...

    def forget(self, items: Iterable[ItemId]) -> Awaitable[None]:
        """Remove what is stored of some items; that is durable once the result completes."""
        ...

    def rearrange(
        self, changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]
    ) -> Awaitable[None]:
        """Replace entries, all or none of them; those that become None are removed.

        That is durable once the result completes. Nothing is said of items that are in progress.
        """
        ...

    async def close(self) -> None:
        """End the block: when this returns, its records are in the files that people read.

        An item that was started and neither recorded nor settled is in doubt. Closing again does
        nothing. After `StorageError`, the next `open` does it: nothing is lost.
        """
        ...


class StateStore(Protocol):
    """The states of one flow of one profile. Its functions raise `StorageError`.

    Entries of items that are no longer in the flow are kept, and returned with the others.
    """

    def hold(self, *, dry_run: bool = False) -> AbstractContextManager[Callable[[], None]]:
        """Hold the place where states are kept, from an execution's beginning to its end.

        What is missing there is made, and never later; what still has an earlier name gets its
        present one, unless it is a dry run. What the context gives raises
        `WorkspaceGone` if another place has taken its name, or none; so does, from now on, each
        function of the store and its writers that writes. The caller holds the profile's lock.
        """
        ...

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        """Return the stored states, including those of an execution that runs or ended uncleanly.

        Changes nothing, needs no lock, may be called at any time from any thread.
        """
        ...

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> StateWriter:
        """Begin a block, or raise `RuntimeError` if the one before was not closed.

        The caller holds the profile's lock. The items are in the order in which people should find
        them; `applies` says whether the block changes them, rather than only asking them.
        """
        ...

    def set_damaged_aside(self) -> tuple[Path, ...]:
        """Move damaged files aside, to discover states anew, and return their new paths.

        States that a damaged journal may have changed are in doubt. The caller holds the profile's
        lock. A file of a later version is not damaged: it raises `FormatTooNew`.
        """
        ...

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        """Return, by item, how its parameters were last given."""
        ...

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        """Write, by item, how its parameters are given, if that has changed."""
        ...
