"""Watches: one for each execution that somebody looks at."""

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
from peaceful._model.codec import encode_json
from peaceful._model.event import ExecutionEnded, InterruptRequested, ItemProgressed
from peaceful._model.field_types import ExecutionId
from peaceful._model.snapshot import Snapshot, SnapshotTaken, StreamEvent
from peaceful._web.live.broadcast import Broadcast, Change, Latest


async def record_of(executions: Executions, execution_id: ExecutionId) -> ExecutionRecord:
    """An execution, with its outcome document if it has ended.

    Raises:
        ExecutionUnknown: there is none with that ID.
        StorageError: the register cannot be read.
    """
    # Whoever asks again and again in this event loop, as tests do, must not stop what it asks for.
    await asyncio.sleep(0)
    record = executions.at_hand(execution_id)
    if record is None:
        record = await run_in_thread(lambda: executions.get(execution_id))
    return record


_LOG = logging.getLogger("peaceful.web")

LINGER: Final = 10.0
"""Seconds for which an execution of another process is still followed when nobody watches it."""

ENDED_KEPT: Final = 32
"""How many executions of this process are kept after their end, for watchers that were away."""

_AGAIN: Final = 1.0
"""Seconds until a process that does not answer is asked again."""

_URGENT: Final = (InterruptRequested, SnapshotTaken, ExecutionEnded)
"""What a person should see at once."""


class ExecutionWatch:
    """An execution that is followed: its snapshot, its events, its pages.

    Args:
        clock: tells the time.

    Attributes:
        snapshot: how everything stands.
        events: hands the events on: of an item's progress the newest, of everything else each.
        pages: by root of addresses, hands the parts of a page on.
        tasks: what keeps all of this up to date.
    """

    def __init__(self, clock: Clock) -> None:
        began = microseconds(clock.now())
        self.snapshot: Snapshot = Snapshot()
        self.events: Final = Broadcast[StreamEvent](Latest(began), self._message)
        self.pages: Final[dict[str, Broadcast[str]]] = {}
        self.tasks: Final = set[asyncio.Task[None]]()
        self._clock = clock
        self._moved_at = clock.monotonic()

    @property
    def still_for(self) -> float:
        """Seconds since anything happened, as far as that is known."""
        return self._clock.monotonic() - self._moved_at

    def add(self, event: StreamEvent) -> None:
        """Take an event; watchers are told of it soon, or at once where it is urgent."""
        latest = self.events.latest
        if latest.ended:
            return
        self._moved_at = self._clock.monotonic()
        if isinstance(event, SnapshotTaken):
            # The event itself stays as it is.
            self.snapshot = event.snapshot.copy()
        else:
            self.snapshot.add(event)
        key = event.item if isinstance(event, ItemProgressed) else latest.version
        self.events.put(key, event, last=isinstance(event, ExecutionEnded))
        if isinstance(event, _URGENT):
            self.events.tell()
        else:
            self.events.tell_soon()

    def stop(self) -> None:
        """Tell watchers nothing more, and end the tasks."""
        self.events.stop()
        for page in self.pages.values():
            page.stop()
        for task in self.tasks:
            task.cancel()

    def _message(self, changes: Sequence[Change[StreamEvent]] | None) -> bytes:
        if changes is not None:
            return b"".join(sse_event(version, event) for version, event in changes)
        latest, ending = self.events.latest, self.snapshot.ending
        snapshot = sse_event(latest.version - latest.ended, SnapshotTaken(self.snapshot))
        # Whoever waits for the last event gets it, whatever else was missed.
        return snapshot + (sse_event(latest.version, ending) if ending and latest.ended else b"")


class Watches:
    """By execution ID, the executions that are followed.

    Those of this process are followed from their beginning. Those of other processes are followed
    while somebody watches them, and for a while after that.

    Args:
        executions: the register, which reaches other processes.
        clock: tells the time.
    """

    def __init__(self, executions: Executions, clock: Clock) -> None:
        self._executions = executions
        self._clock = clock
        self._own: dict[ExecutionId, ExecutionWatch] = {}
        self._others: dict[ExecutionId, ExecutionWatch] = {}
        self._closed = False

    def get(self, execution_id: ExecutionId) -> ExecutionWatch | None:
        """Return what follows an execution, or none where nothing does."""
        return self._own.get(execution_id) or self._others.get(execution_id)

    def follow(self, execution_id: ExecutionId, source: ProgressSource) -> None:
        """Follow an execution of this process from now on. To be called in its event loop."""
        watch = self._own[execution_id] = ExecutionWatch(self._clock)
        run_for(watch, _take(watch, source.subscribe()))
        ended = [
            key
            for key, each in self._own.items()
            if each.events.latest.ended and not each.events.watchers and not each.pages
        ]
        for key in ended[:-ENDED_KEPT]:
            del self._own[key]

    @contextmanager
    def watched(self, execution_id: ExecutionId) -> Generator[ExecutionWatch]:
        """Follow an execution, of whichever process, for the length of a context."""
        watch = self.get(execution_id)
        if watch is None:
            watch = self._others[execution_id] = ExecutionWatch(self._clock)
            if self._closed:
                watch.stop()
            else:
                run_for(watch, self._read(watch, execution_id))
        watch.events.watchers += 1
        try:
            yield watch
        finally:
            watch.events.watchers -= 1
            if not watch.events.watchers and self._others.get(execution_id) is watch:
                broken = watch.events.stopped and not watch.events.latest.ended
                loop = asyncio.get_running_loop()
                loop.call_later(0 if broken else LINGER, self._forget, execution_id, watch)

    @contextmanager
    def events(self, execution_id: ExecutionId) -> Generator[Broadcast[StreamEvent]]:
        """Follow an execution for the length of a context, and hand its events on."""
        with self.watched(execution_id) as watch:
            yield watch.events

    async def close(self) -> None:
        """Tell all watchers that nothing more comes, and stop following, for good."""
        self._closed = True
        watches = (*self._own.values(), *self._others.values())
        tasks = {task for watch in watches for task in watch.tasks}
        for watch in watches:
            watch.stop()
        if tasks:
            await asyncio.wait(tasks)

    # ---- how everything stands

    def followed_snapshot(self, record: ExecutionRecord) -> Snapshot | None:
        """Return the snapshot of an execution; none where it is not followed."""
        watch = self.get(record.id)
        return watch.snapshot if watch is not None and watch.events.latest.begun else None

    async def running_snapshot(self, record: ExecutionRecord) -> Snapshot | None:
        """Return the snapshot of an execution of any process.

        None where it has ended, and where its process cannot be asked.
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
        """Return how everything stands in an execution, or stood at its end."""
        return await self.running_snapshot(record) or record.snapshot()

    def still_for(self, record: ExecutionRecord) -> float:
        """Return the seconds since anything happened in an execution; 0 where it is not known."""
        watch = self.get(record.id)
        return 0.0 if watch is None else watch.still_for

    # ---- executions of other processes

    def _forget(self, execution_id: ExecutionId, watch: ExecutionWatch) -> None:
        if not watch.events.watchers and self._others.get(execution_id) is watch:
            del self._others[execution_id]
            watch.stop()

    async def _read(self, watch: ExecutionWatch, execution_id: ExecutionId) -> None:
        """Follow an execution until it has ended or cannot be known any more."""
        executions = self._executions
        try:
            while True:
                try:
                    async with aclosing(executions.events(execution_id)) as events:
                        await _take(watch, events)
                except (AlreadyEnded, ExecutorUnreachable) as error:
                    _LOG.debug("%s", error)
                # Without a last event its process was killed, or the connection was lost.
                record = await run_in_thread(lambda: executions.get(execution_id))
                ending = record.ending()
                if ending is not None:
                    if not watch.events.latest.begun:
                        watch.add(SnapshotTaken(record.snapshot()))
                    watch.add(ending)
                    return
                await asyncio.sleep(_AGAIN)
        except PeacefulError as error:
            _LOG.warning("execution %s cannot be watched any more: %s", execution_id, error)
        finally:
            watch.events.stop()


def run_for(watch: ExecutionWatch, work: Coroutine[object, None, None]) -> None:
    """Run a task for as long as an execution is followed."""
    task = asyncio.create_task(work)
    watch.tasks.add(task)
    task.add_done_callback(watch.tasks.discard)


async def _take(watch: ExecutionWatch, events: AsyncIterator[StreamEvent]) -> None:
    async for event in events:
        watch.add(event)


def sse_event(version: int, event: StreamEvent) -> bytes:
    """Return an event in the form of Server-Sent Events."""
    word = str(event.__struct_config__.tag).encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (version, word, encode_json(event))


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return int(moment.timestamp() * 1_000_000)
