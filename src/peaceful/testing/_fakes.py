"""A clock, a sink and a state store for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from peaceful._aio import done_at_once
from peaceful._errors.running import StorageError
from peaceful._model.clock import SystemClock
from peaceful._model.codec import ExecutionId, ItemId, JsonValue
from peaceful._model.events import Event
from peaceful._storage.records import (
    Begun,
    BlockLog,
    Changing,
    Forgotten,
    Rearranged,
    Recorded,
    Settled,
    Started,
    overlaid,
)
from peaceful._storage.stored_state import StateKind, StoredState

E = TypeVar("E")

_States: TypeAlias = dict[StateKind, dict[ItemId, StoredState]]


_START: Final = datetime(2000, 1, 1, tzinfo=UTC)


class ManualClock:
    """A thread-safe `Clock` that moves only when `advance` is called; it starts at `now` (UTC)."""

    def __init__(self, now: datetime = _START) -> None:
        self._begin = now
        self._passed = 0.0

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._begin + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Move the clock forward; a negative number raises `ValueError`."""
        if seconds < 0:
            raise ValueError(f"time cannot pass by {seconds} seconds")
        self._passed += seconds


class RecordingSink:
    """An `OutputSink` that records the events that it receives.

    When a command has returned, all of its events are there, except that progress may have been
    coalesced to the newest.

    Attributes:
        events: the received events, in order.
        closed: the number of calls of `close`: one for each command.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed: int = 0

    def receive(self, events: Sequence[Event]) -> None:
        """Record the events."""
        self.events += events

    def close(self) -> None:
        """Count the end of a command."""
        self.closed += 1

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one class, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class MemoryStateStore:
    """A `StateStore` in memory, for tests.

    Its methods are those of `StateStore`; nothing in memory is ever damaged or gone, so
    `set_damaged_aside` returns nothing, and what `hold` gives does nothing.

    Args:
        states: the initially stored states.
        now: returns the time in UTC.

    Attributes:
        params_specs: the last saved parameter specifications.
        refusal: if set, each attempt to write raises it, as on a full disk.
    """

    def __init__(
        self,
        states: Mapping[StateKind, Mapping[ItemId, StoredState]] | None = None,
        *,
        now: Callable[[], datetime] = SystemClock.now,
    ) -> None:
        self._states: _States = {kind: dict((states or {}).get(kind, {})) for kind in StateKind}
        self._now = now
        self._block: MemoryStateWriter | None = None
        self.params_specs: Mapping[str, JsonValue] = {}
        self.refusal: StorageError | None = None

    def hold(self, *, dry_run: bool = False) -> AbstractContextManager[Callable[[], None]]:
        return nullcontext(lambda: None)

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        return self._folded()[kind]

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> MemoryStateWriter:
        if self._block is not None and not self._block.over:
            raise RuntimeError("the block before was not closed")
        self.refuse()
        self._states = self._folded()
        begun = Begun(execution_id, self._now(), None, applies, tuple(items))
        self._block = MemoryStateWriter(self, begun)
        return self._block

    def set_damaged_aside(self) -> tuple[Path, ...]:
        return ()

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        return self.params_specs

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        self.refuse()
        self.params_specs = dict(specs)

    def after_kill(self) -> MemoryStateStore:
        """Return the store as another process would find it if this one were killed now."""
        return self._left_over(self._folded())

    def after_power_loss(self) -> MemoryStateStore:
        """Return the store as it would be after a loss of power now: without unawaited writes."""
        return self._left_over(self._folded(after_power_loss=True))

    def refuse(self) -> None:
        """Raise the refusal, if one is set."""
        if self.refusal is not None:
            raise self.refusal

    def fold(self, block: MemoryStateWriter) -> None:
        """End a block, if it is still the running one."""
        if self._block is block:
            self._states, self._block = self._folded(), None

    def _folded(self, *, after_power_loss: bool = False) -> _States:
        if self._block is None:
            return self._states
        return self._block.folded(self._states, after_power_loss=after_power_loss)

    def _left_over(self, states: _States) -> MemoryStateStore:
        left = MemoryStateStore(states, now=self._now)
        left.params_specs = self.params_specs
        return left


class MemoryStateWriter:
    """The `StateWriter` of a `MemoryStateStore`, which holds the changes of its block."""

    def __init__(self, store: MemoryStateStore, begun: Begun) -> None:
        self._store = store
        self._log = BlockLog(begun)
        self._durable: set[ItemId] = set()
        """The items whose end survives a loss of power."""
        self.over: bool = False
        self.warnings: tuple[str, ...] = ()

    def started(self, item: ItemId, at: datetime) -> asyncio.Future[None]:
        self._check()
        if not self._log.begun.applies:
            return done_at_once()
        if item in self._log.in_flight or item in self._log.ended:
            raise ValueError(f"{item} was started before in this block")
        was_changing = self._log.changing
        self._log.add(Changing())
        self._log.add(Started(item, at))
        return done_at_once() if was_changing else self._sync()

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> asyncio.Future[None]:
        given = {StateKind.CURRENT: current, StateKind.GOAL: goal}
        states = {kind: state for kind, state in given.items() if state is not None}
        self._check()
        self._log.add(Recorded(item, states))
        return self._sync()

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> asyncio.Future[None]:
        self._check()
        if in_doubt:
            return done_at_once()
        self._log.add(Settled(item))
        return self._sync() if self._log.changing else done_at_once()

    def forget(self, items: Iterable[ItemId]) -> asyncio.Future[None]:
        self._check()
        self._log.add(Forgotten(tuple(items)))
        return self._sync()

    def rearrange(
        self, changes: Mapping[StateKind, Mapping[ItemId, StoredState | None]]
    ) -> asyncio.Future[None]:
        self._check()
        self._log.add(Rearranged(changes))
        return self._sync()

    async def close(self) -> None:
        self.over = True
        self._store.refuse()
        self._store.fold(self)

    def folded(self, states: _States, *, after_power_loss: bool = False) -> _States:
        """Return the states after the changes so far, with the items in doubt marked."""
        begun = self._log.begun
        in_doubt = dict(self._log.in_flight)  # A command may start another item meanwhile.
        if after_power_loss and self._log.changing:
            in_doubt = {item: begun.at for item in begun.items if item not in self._durable}
        result: _States = {}
        for kind, changes in self._log.changes.items():
            doubt = in_doubt if kind is StateKind.CURRENT else {}
            after = {**states[kind], **overlaid(states[kind], changes, doubt)}
            result[kind] = {item: state for item, state in after.items() if state is not None}
        return result

    def _check(self) -> None:
        if self.over:
            raise RuntimeError("the block was closed")
        self._store.refuse()

    def _sync(self) -> asyncio.Future[None]:
        # One sync makes everything durable that was written before.
        self._durable = set(self._log.ended)
        return done_at_once()
