"""Executions of this process: their interrupt senders, progress and endings."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from peaceful._aio import DaemonThreadPool, run_shielded
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import AlreadyEnded, ExecutionUnknown, StorageError
from peaceful._executions.control_protocol import InterruptAnswer
from peaceful._executions.kept_endings import keep_ending
from peaceful._executions.records import (
    ExecutionRecord,
    ExecutionStore,
    mark_finished,
    mark_interrupted,
)
from peaceful._model.codec import ExecutionId
from peaceful._model.document import KeptDocument
from peaceful._model.events import Event, ExecutionEnded, Snapshot
from peaceful._model.interrupt import InterruptSignal
from peaceful._storage.held_folder import HeldFolder
from peaceful.interrupt import InterruptSender, SendResult

_LOG = logging.getLogger("peaceful.executions")

ENDING_PATIENCE: Final = 5.0
"""Seconds that a late interrupt waits for the outcome that answers it."""


class InterruptSenders:
    """The senders of interrupts, by execution ID. Safe from any thread.

    A sender is registered before its ID is known, and dropped after the outcome is stored. If
    an execution ends just as it is interrupted, one lock decides which was first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._senders: dict[ExecutionId, InterruptSender] = {}
        self._closed: set[ExecutionId] = set()

    def register(self, execution_id: ExecutionId, sender: InterruptSender) -> None:
        """Add an execution; raise `ValueError` if its ID is registered already."""
        with self._lock:
            if execution_id in self._senders:
                raise ValueError(f"execution {execution_id} is registered")
            self._senders[execution_id] = sender

    def get(self, execution_id: ExecutionId) -> InterruptSender | None:
        with self._lock:
            return self._senders.get(execution_id)

    def interrupt(self, execution_id: ExecutionId, signal: InterruptSignal) -> SendResult | None:
        """Send a signal: `TOO_LATE` after `close`, None if the ID is not registered."""
        with self._lock:
            sender = self._senders.get(execution_id)
            if sender is None:
                return None
            if execution_id in self._closed:
                return SendResult.TOO_LATE
            return sender.send(signal)

    def close(self, execution_id: ExecutionId) -> InterruptSignal | None:
        """Make every later signal come too late; return the one that is latched, or None."""
        with self._lock:
            self._closed.add(execution_id)
            sender = self._senders.get(execution_id)
            return None if sender is None else sender.signal

    def drop(self, execution_id: ExecutionId) -> None:
        """Remove an execution, registered or not, once its outcome is stored."""
        with self._lock:
            self._senders.pop(execution_id, None)
            self._closed.discard(execution_id)

    def __len__(self) -> int:
        with self._lock:
            return len(self._senders)


class ProgressSource(Protocol):
    """The snapshot and the events of an execution. Called in the execution's event loop."""

    def take_snapshot(self) -> Snapshot:
        """Return a snapshot of now."""
        ...

    def subscribe(self) -> AsyncIterator[Event]:
        """Return the events from now on, until the execution's last one.

        Each reader has an iterator of its own, and its own speed: of an item's progress only the
        newest is buffered, of everything else each event. One that leaves early closes
        it (`aclose`), if it can be closed.
        """
        ...


class Controlled(ProgressSource, Protocol):
    """A running execution, as its control socket sees it."""

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupt it; return once everybody can see the result.

        Then the register has the interrupt, or, if it came too late, the outcome.
        """
        ...


async def close_early(events: AsyncIterator[object]) -> None:
    """Close an iterator that its reader leaves early, if it can be closed."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()


class RunningExecution:
    """An execution that this process runs, with its record in the store."""

    def __init__(
        self,
        record: ExecutionRecord,
        progress: ProgressSource,
        store: ExecutionStore,
        senders: InterruptSenders,
        threads: DaemonThreadPool,
        run_folder: HeldFolder | None,
    ) -> None:
        self._run_folder = run_folder
        self._record = record
        self._progress = progress
        self._store = store
        self._senders = senders
        self._threads = threads
        self._ended: ExecutionRecord | None = None
        self._ending: Future[ExecutionRecord] = Future()
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.inserted = False

    @property
    def id(self) -> ExecutionId:
        return self._record.id

    @property
    def record(self) -> ExecutionRecord:
        """The record as of the start, or, once the ending is stored, as of then."""
        return self._ending.result() if self._ending.done() else self._record

    @property
    def stored(self) -> bool:
        """Whether the ending is stored."""
        return self._ending.done()

    async def finish(self, document: KeptDocument) -> None:
        """Store the ending, or raise `AlreadyEnded`. From here on, every interrupt comes too late.

        Where the register refuses it, it is kept beside it: what was done stays done.
        """
        self._close(document)
        await run_shielded(self._threads.submit(self._finish, document))

    def finish_waiting(self, document: KeptDocument) -> None:
        """Store the ending from another thread than the loop's, which may be blocked."""
        self._close(document)
        self._finish(document)

    def _close(self, document: KeptDocument) -> None:
        self._senders.close(self.id)
        # Readers of its events get the ending even if it cannot be stored.
        self._ended = mark_finished(self._record, document)

    def _finish(self, document: KeptDocument) -> None:
        assert self._ended is not None
        ended = self._ended
        try:
            ended = self._store.finish(self.id, document)
        except (StorageError, ExecutionUnknown) as error:
            self._keep_ending(ended, error)
        self._ending.set_result(ended)
        self._senders.drop(self.id)

    def _keep_ending(self, ended: ExecutionRecord, reason: PeacefulError) -> None:
        told, level = "How execution %s ended is not in the history: %s", logging.WARNING
        if self._run_folder is not None:
            place = self._run_folder.place()
            if place != self._run_folder.path:
                # The workspace is gone, or elsewhere, which the ending itself tells.
                level = logging.DEBUG
            try:
                if place is not None:
                    keep_ending(ended, place)
                    told += " It is kept beside it, and the next command enters it."
            except StorageError as error:
                reason = error
        _LOG.log(level, told, self.id, reason.message)

    def last_event(self) -> ExecutionEnded | None:
        """Return the execution's last event, or None before its ending."""
        ended = self.record if self.stored else self._ended
        return None if ended is None else ended.ending()

    def take_snapshot(self) -> Snapshot:
        return self._progress.take_snapshot()

    def subscribe(self) -> AsyncIterator[Event]:
        return self._progress.subscribe()

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupt it from its own event loop; return once everybody can see the result."""
        result = self._send(signal)
        if result is SendResult.ACCEPTED:
            await run_shielded(self._threads.submit(self._note, signal))
        elif result is SendResult.TOO_LATE:
            await asyncio.wait({asyncio.wrap_future(self._ending)}, timeout=ENDING_PATIENCE)
        return self._answer(result)

    def interrupt_waiting(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupt it from a thread, which may be kept waiting.

        The register of this process shows it when this returns, others soon: the disk may be busy.
        """
        result = self._send(signal)
        if result is SendResult.ACCEPTED:
            self.interrupting(signal)
        elif result is SendResult.TOO_LATE:
            with suppress(TimeoutError):
                self._ending.result(ENDING_PATIENCE)
        return self._answer(result)

    def interrupting(self, signal: InterruptSignal) -> None:
        """Record an interrupt that did not come through the register, such as by Ctrl-C.

        Does not wait, and may be called from any thread.
        """
        self._threads.start(partial(self._note, signal))

    def _send(self, signal: InterruptSignal) -> SendResult:
        result = self._senders.interrupt(self.id, signal)
        # It is registered for as long as it runs, so without a sender its ending is stored.
        return SendResult.TOO_LATE if result is None else result

    def seen(self, record: ExecutionRecord) -> ExecutionRecord:
        """Return its record with an interrupt that may not be in the register yet."""
        sender = self._senders.get(self.id)
        if sender is None or sender.signal is None or record.state.ended:
            return record
        return mark_interrupted(record, sender.signal)

    def _answer(self, result: SendResult) -> InterruptAnswer:
        sender = self._senders.get(self.id)
        signals = (None, None) if sender is None else (sender.signal, sender.first)
        return InterruptAnswer(result, *signals)

    def _note(self, signal: InterruptSignal) -> None:
        """Record an interrupt; that it came is a fact even if it cannot be written."""
        try:
            self._store.interrupting(self.id, signal)
        except AlreadyEnded:
            _LOG.debug("execution %s ended before its interrupt was noted", self.id)
        except (StorageError, ExecutionUnknown) as error:
            _LOG.warning("execution %s is interrupted, but not in the register: %s", self.id, error)
