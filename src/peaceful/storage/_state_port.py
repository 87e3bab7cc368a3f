"""The port to where states are kept: YAML files, a database, memory."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from peaceful.model import ExecutionId, ItemId, JsonValue
from peaceful.storage._stored_state import StateKind, StoredState


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
