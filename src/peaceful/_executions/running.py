"""Executions of this process: their senders, progress and endings."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from peaceful._aio import DaemonThreadPool, run_shielded
from peaceful._errors.running import AlreadyEnded, StorageError
from peaceful._executions.control_protocol import InterruptAnswer
from peaceful._executions.records import ExecutionRecord, finished, interrupted
from peaceful._executions.store import ExecutionStore
from peaceful._model.document import KeptDocument
from peaceful._model.event import Event, ExecutionEnded
from peaceful._model.field_types import ExecutionId
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.snapshot import Snapshot
from peaceful.interrupt import InterruptSender, SendResult

if TYPE_CHECKING:
    from peaceful._runtime.hub import ProgressHub


class InterruptSenders:
    """From execution ID to the sender of its interrupts. Safe from any thread.

    A sender is registered before the ID is handed out, and dropped after the outcome is stored.
    One lock decides, where an execution ends just as it is interrupted, which of the two was first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[ExecutionId, InterruptSender] = {}
        self._closed: set[ExecutionId] = set()

    def register(self, execution_id: ExecutionId, sender: InterruptSender) -> None:
        """The execution can be interrupted from now on.

        Raises:
            ValueError: the ID is registered.
        """
        with self._lock:
            if execution_id in self._senders:
                raise ValueError(f"execution {execution_id} is registered")
            self._senders[execution_id] = sender

    def get(self, execution_id: ExecutionId) -> InterruptSender | None:
        """The sender of an execution; none where the execution is not registered."""
        with self._lock:
            return self._senders.get(execution_id)

    def interrupt(self, execution_id: ExecutionId, signal: InterruptSignal) -> SendResult | None:
        """Sends a signal to an execution.

        Returns:
            What became of it: too late, once the execution was closed. None where the execution is
            not registered.
        """
        with self._lock:
            sender = self._senders.get(execution_id)
            if sender is None:
                return None
            if execution_id in self._closed:
                return SendResult.TOO_LATE
            return sender.send(signal)

    def close(self, execution_id: ExecutionId) -> InterruptSignal | None:
        """From now on every signal comes too late: the execution's outcome is settled.

        Returns:
            The signal that was latched until then, or none.
        """
        with self._lock:
            self._closed.add(execution_id)
            sender = self._senders.get(execution_id)
            return None if sender is None else sender.signal

    def drop(self, execution_id: ExecutionId) -> None:
        """The execution's outcome is stored: forgets it. It need not be registered."""
        with self._lock:
            self._senders.pop(execution_id, None)
            self._closed.discard(execution_id)

    def __contains__(self, execution_id: ExecutionId) -> bool:
        """Whether the execution is registered."""
        with self._lock:
            return execution_id in self._senders

    def __len__(self) -> int:
        """How many executions are registered."""
        with self._lock:
            return len(self._senders)


class ProgressSource(Protocol):
    """Tells how an execution stands and what happens in it. Asked in the execution's event loop."""

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        ...

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on; ends after the execution's last one.

        Each reader has an iterator of its own and reads at its own speed. What it has not read yet
        is gathered for it in bounded space: of an item's progress the newest, of everything else
        each. It is closed (`aclose`) when its reader goes away early, where it can be.
        """
        ...


class Controlled(ProgressSource, Protocol):
    """A running execution, as its control socket sees it."""

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupts it.

        Returns:
            What became of that, once everybody can see it: the register holds the interrupt, or,
            where it came too late, the outcome.
        """
        ...


async def closed(events: AsyncIterator[object]) -> None:
    """Closes an iterator that its reader leaves early, if it can be."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()


class HubProgress:
    """A `ProgressSource` that reads from a hub.

    Args:
        hub: takes the execution's events.
    """

    def __init__(self, hub: ProgressHub) -> None:
        self._hub = hub

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        return self._hub.take_snapshot()

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on; ends after the last one."""
        return _HubEvents(self._hub)


class _HubEvents:
    """The events of a hub, one by one. Not a generator: that would begin when first asked."""

    def __init__(self, hub: ProgressHub) -> None:
        self._hub = hub
        self._subscription = hub.subscribe()
        self._batches = self._subscription.batches()
        self._taken: deque[Event] = deque()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._taken:
            self._taken.extend(await anext(self._batches))
        return self._taken.popleft()

    async def aclose(self) -> None:
        """Nothing more is read."""
        self._hub.unsubscribe(self._subscription)
        await closed(self._batches)


_LOG = logging.getLogger("peaceful.executions")

ENDING_PATIENCE: Final = 5.0
"""Seconds that a late interrupt waits for the outcome that it is to be answered with."""


class RunningExecution:
    """An execution that this process runs, as the register knows it.

    Args:
        record: what the register holds.
        progress: tells how it stands.
        store: where its record is.
        senders: knows its sender, if it has one.
        threads: run what waits for the store.
    """

    def __init__(
        self,
        record: ExecutionRecord,
        progress: ProgressSource,
        store: ExecutionStore,
        senders: InterruptSenders,
        threads: DaemonThreadPool,
    ) -> None:
        self._record = record
        self._progress = progress
        self._store = store
        self._senders = senders
        self._threads = threads
        self._ended: ExecutionRecord | None = None
        self._ending: Future[ExecutionRecord] = Future()
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        """The event loop that it runs in."""
        self.inserted = False
        """Whether its record was inserted."""

    @property
    def id(self) -> ExecutionId:
        """Its ID."""
        return self._record.id

    @property
    def record(self) -> ExecutionRecord:
        """What the register held of it at its start, or, once its ending is stored, holds now."""
        return self._ending.result() if self._ending.done() else self._record

    @property
    def stored(self) -> bool:
        """Whether its ending is stored."""
        return self._ending.done()

    async def finish(self, document: KeptDocument) -> None:
        """Stores its ending, once. From here on, every interrupt comes too late.

        Args:
            document: how it ended.

        Raises:
            AlreadyEnded: its ending was stored before.
            StorageError: it could not be stored.
        """
        self._senders.close(self.id)
        # Whoever follows it is told, whether or not that can be stored.
        self._ended = finished(self._record, document)
        ending = partial(self._store.finish, self.id, document)
        await run_shielded(self._threads.submit(lambda: self._ending.set_result(ending())))
        self._senders.drop(self.id)

    def last_event(self) -> ExecutionEnded | None:
        """The execution's last event, made from its ending; none without one."""
        ended = self.record if self.stored else self._ended
        return None if ended is None else ended.ending()

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        return self._progress.snapshot()

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on."""
        return self._progress.subscribe()

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupts it, for whoever asks in its own event loop.

        Returns:
            What became of that, once everybody can see it.
        """
        result = self._send(signal)
        if result is SendResult.ACCEPTED:
            await run_shielded(self._threads.submit(self._note, signal))
        elif result is SendResult.TOO_LATE:
            await asyncio.wait({asyncio.wrap_future(self._ending)}, timeout=ENDING_PATIENCE)
        return self._answer(result)

    def interrupt_waiting(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupts it, for whoever asks in a thread, and may be kept waiting.

        Returns:
            What became of that. The register of this process shows it at once, others do soon:
            the disk may be busy.
        """
        result = self._send(signal)
        if result is SendResult.ACCEPTED:
            self.interrupting(signal)
        elif result is SendResult.TOO_LATE:
            with suppress(TimeoutError):
                self._ending.result(ENDING_PATIENCE)
        return self._answer(result)

    def interrupting(self, signal: InterruptSignal) -> None:
        """An interrupt was accepted that did not come through the register, such as by Ctrl-C.

        Notes it in the register, without waiting for that. May be called from any thread.
        """
        self._threads.start(partial(self._note, signal))

    def _send(self, signal: InterruptSignal) -> SendResult:
        result = self._senders.interrupt(self.id, signal)
        # It is registered for as long as it runs, so without a sender its ending is stored.
        return SendResult.TOO_LATE if result is None else result

    def seen(self, record: ExecutionRecord) -> ExecutionRecord:
        """Its record with what may not have been noted in the register yet."""
        sender = self._senders.get(self.id)
        if sender is None or sender.signal is None or record.state.ended:
            return record
        return interrupted(record, sender.signal)

    def _answer(self, result: SendResult) -> InterruptAnswer:
        sender = self._senders.get(self.id)
        if sender is None:
            return InterruptAnswer(result, None, None)
        return InterruptAnswer(result, sender.signal, sender.first)

    def _note(self, signal: InterruptSignal) -> None:
        """That it was interrupted is a fact, also where it cannot be written down."""
        try:
            self._store.interrupting(self.id, signal)
        except AlreadyEnded:
            _LOG.debug("execution %s ended before its interrupt was noted", self.id)
        except StorageError as error:
            _LOG.warning("execution %s is interrupted, but not in the register: %s", self.id, error)
