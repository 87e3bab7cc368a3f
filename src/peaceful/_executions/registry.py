"""The register: what runs, what ran, and how to interrupt it, whichever process it runs in."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    aclosing,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec.structs import replace

from peaceful._aio import (
    DaemonThreadPool,
    loop_in_thread,
    run_shielded,
    start_in_loop,
    start_in_thread,
)
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.running import (
    AlreadyEnded,
    ApprovalNeeded,
    ExecutionUnknown,
    FileInaccessible,
    NotAsked,
    NotInterruptible,
    ProfileBusy,
    StorageError,
)
from peaceful._executions.control_client import ControlClient, reached
from peaceful._executions.control_protocol import (
    ApproveRequest,
    ControlRequest,
    InterruptAnswer,
    InterruptRequest,
    SnapshotRequest,
)
from peaceful._executions.control_server import ControlLimits, ControlServer
from peaceful._executions.liveness import (
    PROC,
    Liveness,
    SurvivingChild,
    surviving_children,
)
from peaceful._executions.process_files import (
    RUNNING_HERE,
    ControlSockets,
    LivenessMonitor,
    LockHolders,
)
from peaceful._executions.records import (
    ExecutionFilter,
    ExecutionRecord,
    ExecutionStore,
    InterruptReceipt,
    RecordPage,
    cut_reason,
)
from peaceful._executions.running import (
    InterruptSenders,
    NoProgress,
    ProgressSource,
    RunningExecution,
    close_early,
)
from peaceful._model.clock import Clock
from peaceful._model.codec import ExecutionId, FlowId, ItemId, ProfileName
from peaceful._model.document import EndingNotes, execution_ending
from peaceful._model.events import Snapshot, SnapshotTaken, StreamEvent
from peaceful._model.execution import (
    COMMENT_LIMIT,
    OF_PLAN,
    Approval,
    ApprovalReceipt,
    Asked,
    ExecutionInfo,
    ExecutionState,
    Reply,
)
from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful._model.outcome import OutcomeKind, Timings
from peaceful._present.text import one_line
from peaceful._storage.files import HeldFolder
from peaceful.interrupt import InterruptSender, SendResult

if TYPE_CHECKING:
    from peaceful._item.approvals import Approvals
    from peaceful._runtime.register import Starting

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.executions")

_NOTHING_ASKED: Final = Asked()

_OF_PLAN: Final = "May this be carried out?"

_THREADS: Final = 8
"""How many threads wait for the store at once."""

_LATELY: Final = 20
"""How many of the newest lost executions are searched for surviving children."""


def _only_asked(execution_id: ExecutionId, snapshot: Snapshot) -> tuple[ItemId, str]:
    """Return the only item that asks, and its question; raise `NotAsked` unless there is one."""
    match [*snapshot.asking.values()]:
        case [asked]:
            return asked.item, asked.question
        case []:
            answers = [f"{each.item} {_was(each)}" for each in snapshot.approvals[-1:]]
            why = "; ".join(["no item asks for one", *answers])
            raise NotAsked(execution_id, None, why, ())
        case _:
            raise NotAsked(execution_id, None, "several do; say which item", snapshot.asking)


def _why_not(item: ItemId, reply: Reply, receipt: ApprovalReceipt) -> str:
    """Return why an answer does not count."""
    if item in receipt.asking:
        return f"it asks something else now: {receipt.asking[item]}"
    before = receipt.approval
    if before is not None and reply.question in {None, before.question}:
        return f"it {_was(before)}"
    return "it does not ask for one"


def _was(approval: Approval) -> str:
    return f"was {approval}, at {approval.at:%Y-%m-%d %H:%M:%S} UTC"


def busy_error(record: ExecutionRecord) -> ProfileBusy:
    """Return the error that names the execution which runs on a profile."""
    info = record.info
    return ProfileBusy(
        info.profile,
        app=info.app,
        flow=info.flow,
        command=info.command,
        started_by=str(info.started_by),
        host=info.started_by.host,
        since=info.started_at,
        execution_id=info.id,
    )


class Executions:
    """The register of the executions of one application in one workspace.

    Functions that are not coroutines may be called from any thread. They may wait for a disk or for
    another process, so a coroutine calls them by `asyncio.to_thread`. Whenever executions are read,
    those whose process is gone are marked as lost. Where the register cannot be read or written,
    they raise `StorageError`; for an ID, or a part of one, that no or several executions have,
    `ExecutionUnknown`.

    No `lock_holders` are given where executions hold no lock on their profile. Other processes have
    `timeout` seconds to answer.
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
        self.senders: InterruptSenders = {}
        self._store = store
        self._clock = clock
        sockets = ControlSockets(run_folder, proc)
        self._monitor = LivenessMonitor(store, sockets, clock, lock_holders, proc)
        self._client = ControlClient(sockets, timeout)
        self._limits = limits or ControlLimits()
        self._proc = proc
        self._threads = DaemonThreadPool(_THREADS, "peaceful-register")
        self._running: dict[ExecutionId, RunningExecution] = {}

    def registered(self, starting: Starting) -> AbstractAsyncContextManager[RunningExecution]:
        """Register an execution that the runtime starts, as `start` does."""
        return self.start(
            starting.info,
            progress=starting.hub,
            sender=starting.sender,
            only=starting.only,
            approvals=starting.approvals,
            asked=starting.asked,
        )

    @asynccontextmanager
    async def start(
        self,
        info: ExecutionInfo,
        *,
        progress: ProgressSource,
        sender: InterruptSender | None = None,
        only: tuple[ItemId, ...] = (),
        approvals: Approvals | None = None,
        asked: Asked = _NOTHING_ASKED,
    ) -> AsyncGenerator[RunningExecution]:
        """Register a starting execution, so that others find and interrupt it until the end.

        Once its record can be found, its sender and socket are in place. Leave the context once the
        ending is stored by `RunningExecution.finish`; otherwise it is marked as lost. Without a
        sender it cannot be interrupted.

        Raises:
            ProfileBusy: another execution runs on the profile.
        """
        if info.id in self._running or info.id in self.senders:
            raise ValueError(f"execution {info.id} is running")
        # What is put on the stack is done in the opposite order, whatever fails.
        async with AsyncExitStack() as at_end:
            if sender is not None:
                self.senders[info.id] = sender
                at_end.callback(self.senders.pop, info.id, None)
            RUNNING_HERE.add(info.id)
            at_end.callback(RUNNING_HERE.discard, info.id)
            listening, address = self._listening(info.id)
            run_folder = self._held_folder(at_end)
            if address is not None:
                at_end.callback(self._monitor.sockets.remove, address)
            record = ExecutionRecord(
                info=replace(info, can_interrupt=sender is not None),
                only=only,
                asked=asked,
                process=self._monitor.process,
                address=address,
            )
            running = RunningExecution(
                record,
                progress,
                self._store,
                self.senders,
                self._threads,
                run_folder,
                approvals,
            )
            if listening is not None:
                await at_end.enter_async_context(self._served(running, listening))
            self._running[info.id] = running
            at_end.callback(self._running.pop, info.id, None)
            at_end.push_async_callback(self._end_unless_stored, running)
            await run_shielded(self._threads.submit(self._insert, running))
            yield running

    @contextmanager
    def noted(self, info: ExecutionInfo) -> Generator[list[str]]:
        """Register what is done within the context, in one step and without items.

        What is put on the list is said with its ending. Raises like `start`.
        """
        notes: list[str] = []
        outcome: OutcomeKind | PeacefulError = OutcomeKind.COMPLETE
        with ExitStack() as at_end:
            running = self._unwatched(info, at_end)
            self._insert(running)
            try:
                yield notes
            except BaseException as error:
                outcome = error if isinstance(error, PeacefulError) else Unexpected(error)
                raise
            finally:
                timings = Timings(info.started_at, self._clock.now())
                ending = execution_ending(
                    info,
                    (),
                    {},
                    outcome,
                    interrupt=None,
                    timings=timings,
                    notes=EndingNotes(tuple(notes)),
                )
                running.finish_waiting(ending.document)

    def _unwatched(self, info: ExecutionInfo, at_end: ExitStack) -> RunningExecution:
        """Return an execution that is over too soon to be followed or interrupted."""
        RUNNING_HERE.add(info.id)
        at_end.callback(RUNNING_HERE.discard, info.id)
        record = ExecutionRecord(
            info=replace(info, can_interrupt=False), process=self._monitor.process
        )
        return RunningExecution(
            record,
            NoProgress(record.info),
            self._store,
            self.senders,
            self._threads,
            self._held_folder(at_end),
        )

    def _held_folder(self, at_end: ExitStack | AsyncExitStack) -> HeldFolder | None:
        """Return the run folder for the ending; None where the workspace is read-only."""
        with suppress(FileInaccessible):
            return at_end.enter_context(HeldFolder(self._monitor.sockets.folder))
        return None

    def interrupt(
        self,
        execution_id: str,
        *,
        level: InterruptLevel = InterruptLevel.STOP,
        source: InterruptSource = InterruptSource.API,
        reason: str | None = None,
    ) -> InterruptReceipt:
        """Interrupt an execution, whichever process runs it. A long reason is cut.

        Raises:
            AlreadyEnded: it has ended; its outcome is stored.
            NotInterruptible: it was started without a way to interrupt it.
            ExecutorUnreachable: its process cannot be asked, or does not answer.
        """
        record = self.get(execution_id)
        if record.state.ended:
            raise AlreadyEnded(record.id, record.state)
        if not record.info.can_interrupt:
            raise NotInterruptible(record.id, "it was started without a way to do so")
        signal = InterruptSignal(level, source, self._clock.now(), cut_reason(reason))
        running = self._running.get(record.id)
        if running is None:
            answer = self._ask(record, InterruptRequest(signal), InterruptAnswer)
        else:
            answer = running.interrupt_waiting(signal)
        if answer.result is SendResult.TOO_LATE:
            state = self._store.get(record.id).state
            raise AlreadyEnded(record.id, state if state.ended else "its outcome is being stored")
        return InterruptReceipt(
            execution_id=record.id,
            level=(answer.signal or signal).level,
            requested_at=(answer.first or signal).requested_at,
            changed=answer.result is SendResult.ACCEPTED,
        )

    async def answer(self, execution_id: str, item: ItemId | None, reply: Reply) -> Approval:
        """Answer what an item asks, whichever process runs it; return once that is on disk.

        Without an item, it is the only one that waits; or the plan that the execution has made.
        Raises `NotAsked` if none does, several do, or somebody was faster; `StorageError`,
        `ExecutorUnreachable`; and `ApprovalNeeded` for a plan of one's own.
        """
        record = await start_in_thread(self.get, execution_id)
        if item is None and record.outcome is not None and record.outcome.plan is not None:
            return await start_in_thread(self._answer_plan, record, reply)
        try:
            if item is None:
                item, question = _only_asked(record.id, await self.snapshot(record.id))
                reply = replace(reply, question=question)
            here = self._running.get(record.id)
            if record.state.ended:
                raise AlreadyEnded(record.id, record.state)
            if here is not None:
                receipt = await here.answer(item, reply)
            else:
                request = ApproveRequest(item, reply)
                receipt = await start_in_thread(self._ask, record, request, ApprovalReceipt)
        except AlreadyEnded as error:
            raise NotAsked(record.id, item, f"it has ended ({error.outcome})", ()) from error
        if receipt.accepted and receipt.approval is not None:
            return receipt.approval
        raise NotAsked(record.id, item, _why_not(item, reply, receipt), receipt.asking)

    def _answer_plan(self, record: ExecutionRecord, reply: Reply) -> Approval:
        by = record.info.started_by
        if reply.approve and reply.by.name == by.user:
            raise ApprovalNeeded.of_another(record.id, by.user)
        comment = one_line(reply.comment, COMMENT_LIMIT)
        approval = Approval(
            "", _OF_PLAN, reply.approve, reply.by, self._clock.now(), comment, OF_PLAN
        )
        counts = self._store.approve(record.id, approval).plan_approval
        if counts != approval:
            raise NotAsked(record.id, None, f"its plan was {counts}", ())
        return approval

    def get(self, execution_id: str) -> ExecutionRecord:
        """Return an execution by its ID, its end as people see it, or a unique beginning of it.

        It has its outcome document.
        """
        return self.at_hand(execution_id) or self._seen(self._store.get(execution_id))

    def at_hand(self, execution_id: str) -> ExecutionRecord | None:
        """Return an execution that this process runs, by its whole ID, or None.

        Does not touch the disk.
        """
        running = self._running.get(execution_id)
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
    ) -> RecordPage:
        """Return executions, newest first, without outcome documents; None and empty admit all."""
        self._monitor.mark_all_lost()
        page = self._store.page(ExecutionFilter(profile, flow, states), limit=limit, cursor=cursor)
        # In a register that may only be read, the lost ones are not marked.
        return replace(page, records=tuple(self._seen(record) for record in page.records))

    def running(self) -> tuple[ExecutionRecord, ...]:
        """Return every execution that has not ended, newest first."""
        records = [self._seen(record) for record in self._store.unended()]
        return tuple(record for record in records if not record.state.ended)

    def survivors(self, profile: ProfileName | None = None) -> tuple[SurvivingChild, ...]:
        """Return child processes that outlived killed executions, oldest first."""
        lost = self.list(profile=profile, states=(ExecutionState.LOST,), limit=_LATELY).records
        return tuple(surviving_children(*(record.id for record in lost), proc=self._proc))

    def mark_lost(self, execution_id: str) -> ExecutionRecord:
        """Mark an execution as lost because a person knows that its process is gone.

        The register cannot know that if another machine ran it. Raises `ProfileBusy` if the process
        is there.
        """
        record = self.get(execution_id)
        if not record.state.ended and self._monitor.liveness_of(record) is Liveness.ALIVE:
            raise busy_error(record)
        return self._store.mark_lost(record.id, self._clock.now())

    async def snapshot(self, execution_id: str) -> Snapshot:
        """Return the snapshot of a running execution.

        Raises `AlreadyEnded`, or `ExecutorUnreachable`.
        """
        record, here = await self._unended(execution_id)
        if here is not None:
            return here.progress.take_snapshot()
        return await start_in_thread(self._ask, record, SnapshotRequest(), Snapshot)

    async def events(self, execution_id: str) -> AsyncGenerator[StreamEvent]:
        """Yield a snapshot (the event `snapshot`), and then what happens, until the execution ends.

        Without an `execution_ended` at the end, its process or the connection was lost. Raises
        like `snapshot`.
        """
        record, here = await self._unended(execution_id)
        if here is None:
            with reached(record, self._monitor) as address:
                async with aclosing(self._client.events(address)) as events:
                    async for event in events:
                        yield event
            return
        following = here.progress.subscribe()
        try:
            yield SnapshotTaken(here.progress.take_snapshot())
            async for event in following:
                yield event
        finally:
            await close_early(following)

    @asynccontextmanager
    async def _served(
        self, running: RunningExecution, listening: socket.socket
    ) -> AsyncGenerator[None]:
        """Serve the control socket within the context, in a loop that no item can block."""
        with closing(listening), loop_in_thread("peaceful-control") as loop:
            server = ControlServer(running, self._limits)
            try:
                await run_shielded(start_in_loop(loop, server.serve(listening)))
                yield
            finally:
                await run_shielded(start_in_loop(loop, server.close(running.last_event())))

    def _listening(self, execution_id: ExecutionId) -> tuple[socket.socket | None, str | None]:
        """Return a socket and its address, or None: then only this process can interrupt it."""
        try:
            return self._monitor.sockets.listen(execution_id)
        except OSError as error:
            _LOG.warning("execution %s cannot be reached by others: %s", execution_id, error)
            return None, None

    def _insert(self, running: RunningExecution) -> None:
        self._monitor.enter_endings()
        while True:
            present = self._store.insert(running.record)
            if present.id == running.id:
                running.inserted = True
                break
            present = self._monitor.mark_if_lost(present)
            if not present.state.ended:
                raise busy_error(present)
        self._monitor.sweep()

    async def _end_unless_stored(self, running: RunningExecution) -> None:
        if running.inserted and not running.stored:
            await run_shielded(self._threads.submit(self._abandon, running.id))

    def _abandon(self, execution_id: ExecutionId) -> None:
        try:
            self._store.mark_lost(execution_id, self._clock.now())
        except (StorageError, ExecutionUnknown) as error:
            # This process will be seen not to run it any more: then others mark it.
            _LOG.warning("execution %s was left without an ending: %s", execution_id, error)

    def _seen(self, record: ExecutionRecord) -> ExecutionRecord:
        """Return the record as it is now, even if the register does not have it yet."""
        record = self._monitor.mark_if_lost(record)
        running = self._running.get(record.id)
        return record if running is None else running.seen(record)

    def _ask(self, record: ExecutionRecord, request: ControlRequest, kind: type[T]) -> T:
        """Return the answer of the process of an execution."""
        with reached(record, self._monitor) as address:
            return self._client.ask(address, request, kind)

    async def _unended(self, execution_id: str) -> tuple[ExecutionRecord, RunningExecution | None]:
        """Return what has not ended, itself too if this process runs it. Raises `AlreadyEnded`."""
        record = await start_in_thread(self.get, execution_id)
        if record.state.ended:
            raise AlreadyEnded(record.id, record.state)
        return record, self._running.get(record.id)
