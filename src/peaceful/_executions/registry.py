"""The register: what runs, what ran, and how to interrupt it, whichever process it runs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from peaceful._aio import start_in_thread
from peaceful._errors.running import AlreadyEnded, NotInterruptible
from peaceful._executions.admission import Admission, busy
from peaceful._executions.control_client import Reach
from peaceful._executions.control_protocol import InterruptAnswer, InterruptRequest, SnapshotRequest
from peaceful._executions.control_server import ControlLimits
from peaceful._executions.liveness import PROC, Liveness, SurvivingChild
from peaceful._executions.process_files import ControlSockets, LockHolders, Presence
from peaceful._executions.records import ExecutionRecord, InterruptReceipt, cut_reason
from peaceful._executions.running import (
    HubProgress,
    InterruptSenders,
    ProgressSource,
    RunningExecution,
    closed,
)
from peaceful._executions.store import ExecutionFilter, ExecutionPage, ExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.field_types import ExecutionId, FlowId, ItemId, ProfileName
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.snapshot import Snapshot, SnapshotTaken, StreamEvent
from peaceful.interrupt import InterruptSender, SendResult

if TYPE_CHECKING:
    from peaceful._runtime.register import Starting  # it loads pydantic, which is not needed here


class Executions:
    """The register of the executions of one application in one workspace.

    What does not have to be awaited may be called from any thread. It may wait for a disk or for
    another process, so a coroutine calls it by `asyncio.to_thread`.

    Whenever executions are looked at, those are marked as lost whose process is gone.

    Args:
        store: where executions are written down.
        run_folder: where running executions listen for requests of other processes.
        clock: tells the time.
        lock_holders: tells which execution holds the lock of a profile, as `lock_holders_of` does;
            none where executions hold none.
        limits: how much clients of running executions may take up.
        timeout: seconds that other processes have to answer.
        proc: where the system tells of processes.

    Attributes:
        senders: the senders of the executions of this process.
    """

    def __init__(
        self,
        store: ExecutionStore,
        run_folder: Path,
        clock: Clock,
        *,
        lock_holders: LockHolders | None = None,
        limits: ControlLimits | None = None,
        timeout: float = 10.0,
        proc: Path = PROC,
    ) -> None:
        self.senders: InterruptSenders = InterruptSenders()
        self._store = store
        self._clock = clock
        sockets = ControlSockets(run_folder, proc)
        self._presence = Presence(store, sockets, clock, lock_holders, proc)
        self._admission = Admission(self._presence, self.senders, limits or ControlLimits())
        self._reach = Reach(self._presence, timeout)

    def registered(self, starting: Starting) -> AbstractAsyncContextManager[RunningExecution]:
        """Registers an execution that the runtime starts. See `start`."""
        return self.start(
            starting.info,
            progress=HubProgress(starting.hub),
            sender=starting.sender,
            dry_run=starting.dry_run,
            only=starting.only,
        )

    def start(
        self,
        info: ExecutionInfo,
        *,
        progress: ProgressSource,
        sender: InterruptSender | None = None,
        dry_run: bool = False,
        only: tuple[ItemId, ...] = (),
        why_not_interruptible: str = "",
    ) -> AbstractAsyncContextManager[RunningExecution]:
        """Writes a starting execution down, and lets others find and interrupt it until the end.

        To be left once the ending is stored, by `RunningExecution.finish`; else it is marked as
        lost.

        Args:
            info: who runs what.
            progress: tells how it stands.
            sender: interrupts it; none where it cannot be interrupted.
            dry_run: whether it only shows what it would do.
            only: the items that it is limited to; empty where it is not.
            why_not_interruptible: the reason, where there is no sender.

        Raises:
            ProfileBusy: another execution runs on the profile.
            StorageError: the register cannot be written.
        """
        record = ExecutionRecord(
            info=replace(info, can_interrupt=sender is not None),
            dry_run=dry_run,
            only=only,
            why_not_interruptible=why_not_interruptible,
            process=self._presence.process,
        )
        return self._admission.admitted(record, progress, sender)

    def interrupt(
        self,
        execution_id: str,
        *,
        level: InterruptLevel = InterruptLevel.STOP,
        source: InterruptSource = InterruptSource.API,
        reason: str | None = None,
    ) -> InterruptReceipt:
        """Interrupts an execution, whichever process runs it.

        Args:
            execution_id: its ID, or a beginning that no other ID has.
            level: how much is interrupted.
            source: the door that the request came through.
            reason: what the person said of it; long texts are cut.

        Raises:
            ExecutionUnknown: none has that ID, or several begin with it.
            AlreadyEnded: it has ended; its outcome is stored.
            NotInterruptible: it was started without a way to interrupt it.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
            StorageError: the register cannot be read.
        """
        record = self.get(execution_id)
        if record.state.ended:
            raise AlreadyEnded(record.id, record.state)
        if not record.info.can_interrupt:
            why = record.why_not_interruptible or "it was started without a way to do so"
            raise NotInterruptible(record.id, why)
        signal = InterruptSignal(level, source, self._clock.now(), cut_reason(reason))
        answer = self._deliver(record, signal)
        if answer.result is SendResult.TOO_LATE:
            raise AlreadyEnded(record.id, self._how_it_ended(record.id))
        return InterruptReceipt(
            execution_id=record.id,
            level=(answer.signal or signal).level,
            requested_at=(answer.first or signal).requested_at,
            changed=answer.result is SendResult.ACCEPTED,
        )

    def get(self, execution_id: str) -> ExecutionRecord:
        """An execution, with its outcome document if it has ended.

        Args:
            execution_id: its ID, or a beginning that no other ID has.

        Raises:
            ExecutionUnknown: none has that ID, or several begin with it.
            StorageError: the register cannot be read.
        """
        return self.at_hand(execution_id) or self._seen(self._store.get(execution_id))

    def at_hand(self, execution_id: str) -> ExecutionRecord | None:
        """An execution that this process runs; none for any other, and once it has ended.

        At once, without the disk: so a coroutine may call it as it is.

        Args:
            execution_id: its whole ID.
        """
        running = self._admission.running.get(execution_id)
        if running is None or not running.inserted or running.stored:
            return None
        return running.seen(running.record)

    def list(
        self,
        *,
        profile: ProfileName | None = None,
        flow: FlowId | None = None,
        states: Collection[ExecutionState] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """Executions, newest first, without their outcome documents.

        Args:
            profile: those of the profile; none for all.
            flow: those of the flow; none for all.
            states: those in one of the states; empty for all.
            limit: how many at most.
            cursor: from the page before; none for the first page.

        Raises:
            StorageError: the register cannot be read.
        """
        self._presence.settle()
        page = self._store.page(ExecutionFilter(profile, flow, states), limit=limit, cursor=cursor)
        # In a register that may only be read, the lost ones are not marked.
        return replace(page, records=tuple(self._seen(record) for record in page.records))

    def running(self) -> tuple[ExecutionRecord, ...]:
        """Every execution that has not ended, newest first.

        Raises:
            StorageError: the register cannot be read.
        """
        records = [self._seen(record) for record in self._store.unended()]
        return tuple(record for record in records if not record.state.ended)

    def survivors(self, profile: ProfileName | None = None) -> tuple[SurvivingChild, ...]:
        """The child processes that outlived executions whose own process was killed, oldest first.

        Args:
            profile: of executions of the profile; none for all.

        Raises:
            StorageError: the register cannot be read.
        """
        return tuple(self._presence.survivors(profile))

    def mark_lost(self, execution_id: str) -> ExecutionRecord:
        """A person knows that the process of an execution is gone, where the register cannot.

        That is so where another machine ran it.

        Raises:
            ExecutionUnknown: none has that ID, or several begin with it.
            ProfileBusy: the process is there.
            StorageError: the register cannot be written.
        """
        record = self.get(execution_id)
        if not record.state.ended and self._presence.of(record) is Liveness.ALIVE:
            raise busy(record)
        return self._store.mark_lost(record.id, self._clock.now())

    async def snapshot(self, execution_id: str) -> Snapshot:
        """How everything stands in a running execution.

        Raises:
            ExecutionUnknown: none has that ID, or several begin with it.
            AlreadyEnded: it has ended.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
            StorageError: the register cannot be read.
        """
        record = await self._unended(execution_id)
        here = self._here(record)
        if here is not None:
            return here.snapshot()
        return await start_in_thread(self._reach.ask, record, SnapshotRequest(), Snapshot)

    async def events(self, execution_id: str) -> AsyncGenerator[StreamEvent]:
        """How everything stands (the event `snapshot`), and then what happens, until it has ended.

        Where it ends without an `execution_ended`, the process was killed, or the connection lost.

        Raises:
            ExecutionUnknown: none has that ID, or several begin with it.
            AlreadyEnded: it has ended.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
            StorageError: the register cannot be read.
        """
        record = await self._unended(execution_id)
        here = self._here(record)
        if here is None:
            async with aclosing(self._reach.events(record)) as events:
                async for event in events:
                    yield event
            return
        following = here.subscribe()
        try:
            yield SnapshotTaken(here.snapshot())
            async for event in following:
                yield event
        finally:
            await closed(following)

    def _seen(self, record: ExecutionRecord) -> ExecutionRecord:
        """The record as it is now, also where the register does not have it yet."""
        record = self._presence.settled(record)
        running = self._admission.running.get(record.id)
        return record if running is None else running.seen(record)

    def _deliver(self, record: ExecutionRecord, signal: InterruptSignal) -> InterruptAnswer:
        running = self._admission.running.get(record.id)
        if running is not None:
            return running.interrupt_waiting(signal)
        return self._reach.ask(record, InterruptRequest(signal), InterruptAnswer)

    def _how_it_ended(self, execution_id: ExecutionId) -> str:
        state = self._store.get(execution_id).state
        return state if state.ended else "its outcome is being stored"

    async def _unended(self, execution_id: str) -> ExecutionRecord:
        record = await start_in_thread(self.get, execution_id)
        if record.state.ended:
            raise AlreadyEnded(record.id, record.state)
        return record

    def _here(self, record: ExecutionRecord) -> RunningExecution | None:
        """The execution, if it runs in this event loop: only there may it be asked directly."""
        running = self._admission.running.get(record.id)
        if running is None or running.loop is not asyncio.get_running_loop():
            return None
        return running
