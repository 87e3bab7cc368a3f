"""Executions of this process: their interrupt senders, progress and endings.

An ending that cannot be entered in the register is kept beside it until somebody can.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from peaceful._aio import DaemonThreadPool, run_shielded, start_in_loop
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import (
    AlreadyEnded,
    ExecutionUnknown,
    ExecutorUnreachable,
    StorageError,
)
from peaceful._executions.control_protocol import InterruptAnswer
from peaceful._executions.records import (
    ExecutionRecord,
    ExecutionStore,
    mark_finished,
    mark_interrupted,
)
from peaceful._model.codec import ExecutionId, ItemId, decode_json, encode_json
from peaceful._model.document import KeptDocument
from peaceful._model.events import Event, ExecutionEnded, Snapshot
from peaceful._model.execution import ApprovalReceipt, ExecutionInfo, Reply
from peaceful._model.interrupt import InterruptSignal
from peaceful._storage.files import HeldFolder, read_file, write_file_atomically
from peaceful.interrupt import InterruptSender, SendResult

if TYPE_CHECKING:
    from peaceful._item.approvals import Approvals

_LOG = logging.getLogger("peaceful.executions")

ENDING_PATIENCE: Final = 5.0
"""Seconds that a late interrupt waits for the outcome that answers it."""

ANSWER_PATIENCE: Final = 5.0
"""Seconds within which an execution takes an answer: whoever sends it waits longer."""

_ENDING: Final = ".ending"

InterruptSenders: TypeAlias = dict[ExecutionId, InterruptSender]
"""The senders of interrupts to executions of this process. Safe from any thread, as a `dict` is.

One is there before its execution's ID is known, and until the outcome is stored. If an execution
ends just as it is interrupted, its latch decides which was first.
"""


class ProgressSource(Protocol):
    """The snapshot and the events of an execution. Used from any event loop."""

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


class NoProgress:
    """A `ProgressSource` of what is over too soon to be followed."""

    def __init__(self, info: ExecutionInfo) -> None:
        self._info = info

    def take_snapshot(self) -> Snapshot:
        return Snapshot(execution=self._info)

    async def subscribe(self) -> AsyncGenerator[Event]:
        nothing: tuple[Event, ...] = ()
        for event in nothing:
            yield event


async def close_early(events: AsyncIterator[object]) -> None:
    """Close an iterator that its reader leaves early, if it can be closed."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()


@dataclass(eq=False, repr=False)
class RunningExecution:
    """An execution that this process runs, with its record in the store."""

    _record: ExecutionRecord
    progress: ProgressSource
    _store: ExecutionStore
    _senders: InterruptSenders
    _threads: DaemonThreadPool
    _run_folder: HeldFolder | None
    _approvals: Approvals | None = None
    inserted: bool = False
    _ended: ExecutionRecord | None = None
    _ending: Future[ExecutionRecord] = field(default_factory=Future)

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
        """Store the ending, or raise `AlreadyEnded`. By now, every interrupt comes too late.

        Where the register refuses it, it is kept beside it: what was done stays done.
        """
        # At once: readers of its events get the ending even if it cannot be stored.
        self._ended = mark_finished(self._record, document)
        await run_shielded(self._threads.submit(self._finish, self._ended, document))

    def finish_waiting(self, document: KeptDocument) -> None:
        """Store the ending from another thread than the loop's, which may be blocked."""
        self._ended = mark_finished(self._record, document)
        self._finish(self._ended, document)

    def _finish(self, ended: ExecutionRecord, document: KeptDocument) -> None:
        try:
            ended = self._store.finish(self.id, document)
        except (StorageError, ExecutionUnknown) as error:
            self._keep_ending(ended, error)
        self._ending.set_result(ended)
        self._senders.pop(self.id, None)

    def _keep_ending(self, ended: ExecutionRecord, reason: PeacefulError) -> None:
        told, level = "How execution %s ended is not in the history: %s", logging.WARNING
        if self._run_folder is not None:
            place = self._run_folder.place()
            if place != self._run_folder.path:
                # The workspace is gone, or elsewhere, which the ending itself tells.
                level = logging.DEBUG
            try:
                if place is not None:
                    KeptEndings(place).keep(ended)
                    told += " It is kept beside it, and the next command enters it."
            except StorageError as error:
                reason = error
        _LOG.log(level, told, self.id, reason.message)

    def last_event(self) -> ExecutionEnded | None:
        """Return the execution's last event, or None before its ending."""
        ended = self.record if self.stored else self._ended
        return None if ended is None else ended.ending()

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupt it from an event loop; return once everybody can see the result.

        Then the register has the interrupt, or, if it came too late, the outcome.
        """
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

    async def answer(self, item: ItemId, reply: Reply) -> ApprovalReceipt:
        """Answer what an item asks, from any event loop; return once that is on disk.

        Raises `StorageError`, and `ExecutorUnreachable` if an item blocks the execution: then the
        answer does not count.
        """
        approvals = self._approvals
        if approvals is None:
            return ApprovalReceipt(False, None, {})
        claim: Future[None] = Future()

        async def take() -> ApprovalReceipt:
            if not claim.set_running_or_notify_cancel():
                raise asyncio.CancelledError
            return await approvals.answer(item, reply)

        answering = start_in_loop(approvals.loop, take())
        await asyncio.wait({answering}, timeout=ANSWER_PATIENCE)
        # Taken or not: one step decides, and what is taken is waited for.
        if not answering.done() and claim.cancel():
            raise ExecutorUnreachable(
                f"Execution {self.id} does not take the answer: an item blocks it.",
                help="try again later; or interrupt it",
            )
        return await answering

    def _send(self, signal: InterruptSignal) -> SendResult:
        sender = self._senders.get(self.id)
        # It is registered for as long as it runs, so without a sender its ending is stored.
        return SendResult.TOO_LATE if sender is None else sender.send(signal)

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


def executions_in(folder: Path, suffix: str) -> list[ExecutionId]:
    """Return the executions that have a file with a suffix in a folder; none if it has none."""
    try:
        return [path.stem for path in folder.iterdir() if path.suffix == suffix]
    except OSError:
        return []


class KeptEndings:
    """The kept endings in a workspace's run folder: a file for each, with the whole record."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, record: ExecutionRecord) -> None:
        """Keep the record of an execution that has ended. Raises `StorageError`."""
        write_file_atomically(self._path(record.id), encode_json(record))

    def all(self) -> Iterator[ExecutionRecord]:
        """Return all that are kept."""
        for execution_id in executions_in(self._folder, _ENDING):
            record = self.get(execution_id)
            if record is not None:
                yield record

    def get(self, execution_id: ExecutionId) -> ExecutionRecord | None:
        """Return the record of an execution whose ending is kept, or None."""
        path = self._path(execution_id)
        try:
            data = read_file(path)
            return None if data is None else decode_json(data, ExecutionRecord)
        except (StorageError, ValueError) as error:
            # It is shown as killed then: how it ended is not known any more.
            _LOG.warning("the ending in %s cannot be read: %s", path, error)
            with suppress(OSError):
                path.unlink()
            return None

    def drop(self, execution_id: ExecutionId) -> None:
        """Remove an ending that is in the register by now. Raises `OSError`."""
        self._path(execution_id).unlink(missing_ok=True)

    def _path(self, execution_id: ExecutionId) -> Path:
        return self._folder / f"{execution_id}{_ENDING}"
