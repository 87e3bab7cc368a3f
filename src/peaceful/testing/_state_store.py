"""States in memory, with what a killed process and a loss of power leave of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from peaceful._errors.running import StorageError
from peaceful._model.clock import SystemClock
from peaceful._model.codec import JsonValue
from peaceful._model.field_types import ExecutionId, ItemId
from peaceful._storage.stored_state import StateKind, StoredState

_States: TypeAlias = dict[StateKind, dict[ItemId, StoredState]]


@dataclass(slots=True)
class _Block:
    """What one block did so far."""

    items: tuple[ItemId, ...]
    applies: bool
    at: datetime
    found: dict[StateKind, dict[ItemId, StoredState | None]] = field(
        default_factory=lambda: {kind: {} for kind in StateKind}
    )
    in_flight: dict[ItemId, datetime] = field(default_factory=dict)
    ended: set[ItemId] = field(default_factory=set)
    """Those that ended after they were started."""
    safe: set[ItemId] = field(default_factory=set)
    """Those of which a loss of power leaves that they ended."""

    def end(self, item: ItemId) -> None:
        if self.in_flight.pop(item, None) is not None:
            self.ended.add(item)

    def in_doubt(self, *, after_power_loss: bool) -> dict[ItemId, datetime]:
        doubt = dict(self.in_flight)
        if after_power_loss and self.applies:
            doubt = {item: self.at for item in self.items if item not in self.safe}
        return doubt

    def folded(self, states: _States, *, after_power_loss: bool) -> _States:
        result = {kind: dict(states[kind]) for kind in StateKind}
        for kind, changes in self.found.items():
            for item, state in changes.items():
                result[kind].pop(item, None) if state is None else result[kind].update(
                    {item: state}
                )
        current = result[StateKind.CURRENT]
        for item, since in self.in_doubt(after_power_loss=after_power_loss).items():
            state = current.get(item, StoredState.in_progress(since))
            current[item] = replace(state, in_progress_since=state.in_progress_since or since)
        return result


class MemoryStateStore:
    """A `StateStore` for tests: as the others, but gone with its process.

    Args:
        states: what is stored to begin with.
        now: tells the time in UTC.

    Attributes:
        params_specs: what was last saved of how parameters are given.
        refusal: raised by whatever would write, where it is set: a full disk.
    """

    def __init__(
        self,
        states: Mapping[StateKind, Mapping[ItemId, StoredState]] | None = None,
        *,
        now: Callable[[], datetime] = SystemClock.now,
    ) -> None:
        self._states: _States = {kind: dict((states or {}).get(kind, {})) for kind in StateKind}
        self._now = now
        self._block: _Block | None = None
        self._writer: MemoryStateWriter | None = None
        self.params_specs: Mapping[str, JsonValue] = {}
        self.refusal: StorageError | None = None

    def load(self, kind: StateKind) -> Mapping[ItemId, StoredState]:
        """See `StateStore.load`."""
        return self._folded()[kind]

    def open(
        self, execution_id: ExecutionId, items: Sequence[ItemId], *, applies: bool
    ) -> MemoryStateWriter:
        """See `StateStore.open`."""
        if self._writer is not None and not self._writer.over:
            raise RuntimeError("the block before was not closed")
        self.refuse()
        self._states = self._folded()
        self._block = _Block(tuple(items), applies, self._now())
        self._writer = MemoryStateWriter(self, self._block)
        return self._writer

    def set_damaged_aside(self) -> tuple[Path, ...]:
        """See `StateStore.set_damaged_aside`: memory is never damaged."""
        return ()

    def load_params_specs(self) -> Mapping[str, JsonValue]:
        """See `StateStore.load_params_specs`."""
        return self.params_specs

    def save_params_specs(self, specs: Mapping[str, JsonValue]) -> None:
        """See `StateStore.save_params_specs`."""
        self.refuse()
        self.params_specs = dict(specs)

    def after_kill(self) -> MemoryStateStore:
        """What another process finds, were this one killed now."""
        return self._left_over(after_power_loss=False)

    def after_power_loss(self) -> MemoryStateStore:
        """What is found after the machine went down now: nothing that was not waited for."""
        return self._left_over(after_power_loss=True)

    def refuse(self) -> None:
        """Raises the refusal, where one is set."""
        if self.refusal is not None:
            raise self.refusal

    def fold(self, block: _Block) -> None:
        """Ends a block, if it is still the one that runs."""
        if self._block is block:
            self._states, self._block = self._folded(), None

    def _folded(self) -> _States:
        if self._block is None:
            return self._states
        return self._block.folded(self._states, after_power_loss=False)

    def _left_over(self, *, after_power_loss: bool) -> MemoryStateStore:
        left = MemoryStateStore(self._states, now=self._now)
        left.params_specs = self.params_specs
        if self._block is not None:
            left._states = self._block.folded(self._states, after_power_loss=after_power_loss)
        return left


class MemoryStateWriter:
    """The writer of a `MemoryStateStore`; see `StateWriter` for what its methods mean.

    Args:
        store: where the block is kept.
        block: what it did so far.
    """

    def __init__(self, store: MemoryStateStore, block: _Block) -> None:
        self._store = store
        self._block = block
        self.over: bool = False

    def started(self, item: ItemId, at: datetime) -> None:
        """See `StateWriter.started`."""
        self._writing()
        if not self._block.applies:
            return
        if item in self._block.in_flight or item in self._block.ended:
            raise ValueError(f"{item} was started before in this block")
        self._block.in_flight[item] = at

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> asyncio.Future[None]:
        """See `StateWriter.record`."""
        self._writing()
        for kind, state in ((StateKind.CURRENT, current), (StateKind.GOAL, goal)):
            if state is not None:
                self._block.found[kind][item] = state
        if current is not None:
            self._block.end(item)
        return self._durable()

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> None:
        """See `StateWriter.settled`."""
        self._writing()
        if not in_doubt:
            self._block.in_flight.pop(item, None)
            self._block.ended.add(item)

    def forget(self, items: Iterable[ItemId]) -> asyncio.Future[None]:
        """See `StateWriter.forget`."""
        self._writing()
        for item in items:
            for changes in self._block.found.values():
                changes[item] = None
            self._block.end(item)
        return self._durable()

    async def close(self) -> None:
        """See `StateWriter.close`."""
        self.over = True
        self._store.refuse()
        self._store.fold(self._block)

    def _writing(self) -> None:
        if self.over:
            raise RuntimeError("the block was closed")
        self._store.refuse()

    def _durable(self) -> asyncio.Future[None]:
        # One sync takes everything with it that was said before.
        self._block.safe = set(self._block.ended)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future
