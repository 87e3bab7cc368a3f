"""The executions that are followed for those who watch them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import Final

from peaceful._aio import run_in_thread
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import AlreadyEnded, ExecutorUnreachable
from peaceful._executions.records import ExecutionRecord
from peaceful._executions.registry import Executions
from peaceful._executions.running import ProgressSource
from peaceful._model.clock import Clock
from peaceful._model.codec import ExecutionId, encode_json
from peaceful._model.events import (
    ExecutionEnded,
    InterruptRequested,
    ItemProgressed,
    Snapshot,
    SnapshotTaken,
    StreamEvent,
)
from peaceful._web.live.broadcast import Broadcast, Change

_LOG = logging.getLogger("peaceful.web")

LINGER: Final = 10.0
"""Seconds for which an execution of another process is followed after its last watcher left."""

ENDED_KEPT: Final = 32
"""Ended executions of this process that are kept for watchers that were away."""

_AGAIN: Final = 1.0
"""Seconds until a process that does not answer is asked again."""

_URGENT: Final = (InterruptRequested, SnapshotTaken, ExecutionEnded)
"""Events that a person should see at once."""


async def record_of(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord:
    """Return an execution, with its outcome document if it has ended.

    Raise `ExecutionUnknown` or `StorageError`.
    """
    # Whoever asks again and again in this event loop, as tests do, must not stop what it asks for.
    await asyncio.sleep(0)
    record = executions.at_hand(execution_id)
    if record is None:
        record = await run_in_thread(lambda: executions.get(execution_id))
    return record


class ExecutionWatch(Broadcast[StreamEvent]):
    """An execution that is followed: its events, newest snapshot, and parts of pages.

    Of the progress of an item only the newest event is kept. Pages are kept by the root of their
    addresses, and `tasks` keep all of this up to date.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(microseconds(clock.now()))
        self.snapshot = Snapshot()
        self.pages: Final[dict[str, Broadcast[str]]] = {}
        self.tasks: Final = set[asyncio.Task[None]]()
        self._clock = clock
        self._last_event_at = clock.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last event."""
        return self._clock.monotonic() - self._last_event_at

    def add(self, event: StreamEvent) -> None:
        """Take an event; watchers get it soon, or at once if it is urgent."""
        if self.ended:
            return
        self._last_event_at = self._clock.monotonic()
        if isinstance(event, SnapshotTaken):
            # The event itself stays as it is.
            self.snapshot = event.snapshot.copy()
        else:
            self.snapshot.add(event)
        key = event.item if isinstance(event, ItemProgressed) else self.version
        self.put(key, event, last=isinstance(event, ExecutionEnded))
        if isinstance(event, _URGENT):
            self.notify()
        else:
            self.notify_soon()

    def close(self) -> None:
        """Send watchers nothing more, and cancel the tasks."""
        self.stop()
        for page in self.pages.values():
            page.stop()
        for task in self.tasks:
            task.cancel()

    def message(self, changes: Sequence[Change[StreamEvent]] | None) -> bytes:
        """Encode events as Server-Sent Events."""
        if changes is not None:
            return b"".join(sse_event(version, event) for version, event in changes)
        ending = self.snapshot.ending
        snapshot = sse_event(self.version - self.ended, SnapshotTaken(self.snapshot))
        # Whoever waits for the last event gets it, whatever else was missed.
        return snapshot + (sse_event(self.version, ending) if ending and self.ended else b"")


class Watches:
    """The executions that are followed, by ID.

    Executions of this process are followed from their beginning, those of other processes while
    somebody watches them, and for a while after that.
    """

    def __init__(self, executions: Executions, clock: Clock) -> None:
        self._executions = executions
        self._clock = clock
        self._own: dict[ExecutionId, ExecutionWatch] = {}
        self._others: dict[ExecutionId, ExecutionWatch] = {}
        self._closed = False

    def get(self, execution_id: ExecutionId) -> ExecutionWatch | None:
        """Return the watch of an execution, or `None` if it is not followed."""
        return self._own.get(execution_id) or self._others.get(execution_id)

    def follow(self, execution_id: ExecutionId, source: ProgressSource) -> None:
        """Follow an execution of this process from now on."""
        watch = self._own[execution_id] = ExecutionWatch(self._clock)
        run_for(watch, _add_all(watch, source.subscribe()))
        ended = [
            key
            for key, each in self._own.items()
            if each.ended and not each.watchers and not each.pages
        ]
        for key in ended[:-ENDED_KEPT]:
            del self._own[key]

    @contextmanager
    def watched(self, execution_id: ExecutionId) -> Generator[ExecutionWatch]:
        """Follow an execution of any process within the context."""
        watch = self.get(execution_id)
        if watch is None:
            watch = self._others[execution_id] = ExecutionWatch(self._clock)
            if self._closed:
                watch.close()
            else:
                run_for(watch, self._read(watch, execution_id))
        watch.watchers += 1
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers and self._others.get(execution_id) is watch:
                broken = watch.stopped and not watch.ended
                loop = asyncio.get_running_loop()
                loop.call_later(0 if broken else LINGER, self._forget, execution_id, watch)

    async def close(self) -> None:
        """End all streams, and follow nothing any more."""
        self._closed = True
        watches = (*self._own.values(), *self._others.values())
        tasks = {task for watch in watches for task in watch.tasks}
        for watch in watches:
            watch.close()
        if tasks:
            await asyncio.wait(tasks)

    # ---- snapshots

    def followed_snapshot(self, record: ExecutionRecord) -> Snapshot | None:
        """Return the snapshot of an execution, or `None` if it is not followed."""
        watch = self.get(record.id)
        return watch.snapshot if watch is not None and watch.begun else None

    async def running_snapshot(self, record: ExecutionRecord) -> Snapshot | None:
        """Return the snapshot of a running execution of any process.

        Return `None` if it has ended or its process does not answer.
        """
        if record.state.ended:
            return None
        snapshot = self.followed_snapshot(record)
        if snapshot is not None:
            return snapshot
        try:
            return await self._executions.snapshot(record.id)
        except (AlreadyEnded, ExecutorUnreachable):
            return None

    async def snapshot(self, record: ExecutionRecord) -> Snapshot:
        """Return the snapshot of an execution; once it has ended, that of its end."""
        return await self.running_snapshot(record) or record.snapshot()

    def idle_seconds(self, record: ExecutionRecord) -> float:
        """Return the seconds since the last event of an execution; 0 if it is not followed."""
        watch = self.get(record.id)
        return 0.0 if watch is None else watch.idle_seconds

    # ---- executions of other processes

    def _forget(self, execution_id: ExecutionId, watch: ExecutionWatch) -> None:
        if not watch.watchers and self._others.get(execution_id) is watch:
            del self._others[execution_id]
            watch.close()

    async def _read(self, watch: ExecutionWatch, execution_id: ExecutionId) -> None:
        """Follow an execution until it has ended or cannot be known any more."""
        executions = self._executions
        try:
            while True:
                try:
                    async with aclosing(executions.events(execution_id)) as events:
                        await _add_all(watch, events)
                except (AlreadyEnded, ExecutorUnreachable) as error:
                    _LOG.debug("%s", error)
                # Without a last event its process was killed, or the connection was lost.
                record = await run_in_thread(lambda: executions.get(execution_id))
                ending = record.ending()
                if ending is not None:
                    if not watch.begun:
                        watch.add(SnapshotTaken(record.snapshot()))
                    watch.add(ending)
                    return
                await asyncio.sleep(_AGAIN)
        except PeacefulError as error:
            _LOG.warning("execution %s cannot be watched any more: %s", execution_id, error)
        finally:
            watch.stop()


def run_for(watch: ExecutionWatch, work: Coroutine[object, None, None]) -> None:
    """Run a task for as long as an execution is followed."""
    task = asyncio.create_task(work)
    watch.tasks.add(task)
    task.add_done_callback(watch.tasks.discard)


async def _add_all(watch: ExecutionWatch, events: AsyncIterator[StreamEvent]) -> None:
    async for event in events:
        watch.add(event)


def sse_event(version: int, event: StreamEvent) -> bytes:
    """Return an event in the form of Server-Sent Events."""
    word = str(event.__struct_config__.tag).encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (version, word, encode_json(event))


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return int(moment.timestamp() * 1_000_000)
