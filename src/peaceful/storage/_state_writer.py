"""Writing down one block: to the journal at once, to the YAML files when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from peaceful._aio import DaemonThreadPool, wait_shielded
from peaceful.model import ItemId
from peaceful.storage._block_log import BlockLog
from peaceful.storage._journal import Journal
from peaceful.storage._records import (
    Ended,
    Forgotten,
    Record,
    Recorded,
    Settled,
    Started,
    payload_of,
)
from peaceful.storage._stored_state import StateKind, StoredState


class YamlStateWriter:
    """The writer of a `YamlStateStore`; see `StateWriter` for what its methods mean.

    Args:
        journal: where records go; it holds how the block began.
        thread: does what waits for the disk; a pool of one.
        log: what is known of the block: how it began.
        fold: writes a block into the YAML files and removes its journal.
    """

    def __init__(
        self,
        journal: Journal,
        thread: DaemonThreadPool,
        log: BlockLog,
        fold: Callable[[BlockLog], None],
    ) -> None:
        self._journal = journal
        self._thread = thread
        self._log = log
        self._fold = fold
        self._closing: asyncio.Task[None] | None = None
        self.over: bool = False
        """Whether nothing more will be written, by success or not."""

    def started(self, item: ItemId, at: datetime) -> None:
        """See `StateWriter.started`."""
        if not self._log.begun.applies:
            return
        if item in self._log.in_flight or item in self._log.ended:
            # Of a second start, a loss of power could leave nothing, and the state of the first
            # would pass for the truth.
            raise ValueError(f"{item} was started before in this block")
        self._add(Started(item, at))
        self._journal.flush()

    def record(
        self, item: ItemId, *, current: StoredState | None = None, goal: StoredState | None = None
    ) -> Awaitable[None]:
        """See `StateWriter.record`."""
        states: dict[StateKind, StoredState] = {}
        if current is not None:
            states[StateKind.CURRENT] = current
        if goal is not None:
            states[StateKind.GOAL] = goal
        self._add(Recorded(item, states))
        return self._journal.synced()

    def settled(self, item: ItemId, *, in_doubt: bool = False) -> None:
        """See `StateWriter.settled`."""
        if in_doubt or not self._log.begun.applies:
            # That it was started and no more is known is just what the journal says without this.
            return
        self._add(Settled(item))

    def forget(self, items: Iterable[ItemId]) -> Awaitable[None]:
        """See `StateWriter.forget`."""
        self._add(Forgotten(tuple(items)))
        return self._journal.synced()

    async def close(self) -> None:
        """See `StateWriter.close`."""
        if self.over:
            return
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # Whoever is cancelled while waiting does not leave it half done.
        await wait_shielded(self._closing)

    def let_go(self) -> None:
        """Writes nothing more, as if the process were killed: the rest is for the next block."""
        if not self.over:
            self.over = True
            self._journal.let_go()
            # In the thread, after what it is doing with the file.
            self._thread.start(self._journal.close)
            self._thread.close()

    def _add(self, record: Record) -> None:
        if self.over or self._closing is not None:
            raise RuntimeError("the block was closed")
        self._journal.append(payload_of(record))
        self._log.add(record)

    async def _close(self) -> None:
        try:
            await self._journal.synced()
            if self._journal.count > 1 and not self._log.finished:
                # Before it, nothing must be folded: a reader that finds the YAML files folded is to
                # find the journal complete.
                self._journal.append(payload_of(Ended()))
                await self._journal.synced()
            self._log.finished = True
            await self._thread.submit(self._fold, self._log)
        finally:
            self.let_go()
