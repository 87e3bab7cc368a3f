"""What surrounds the blocks of one execution: its lock, register, latch, events and ending."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from peaceful.errors import PeacefulError, ProfileBusy
from peaceful.interrupt import InterruptibilityState, Interruptible, InterruptSender
from peaceful.item import Children, ExecutionScope
from peaceful.model import (
    BlockEnded,
    BlockStarted,
    CmdOutcome,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    ExecutionState,
    InterruptLevel,
    InterruptRequested,
    InterruptSignal,
    ItemId,
    ItemResult,
    ItemStatus,
    JsonValue,
    OutcomeKind,
    ProfileName,
    StartedBy,
    Timings,
    execution_id,
    failure_document,
    outcome_document,
    outcome_kind,
)
from peaceful.runtime._block import BlockResult, CmdBlock
from peaceful.runtime._block_run import BlockRun
from peaceful.runtime._calls import ItemCalls
from peaceful.runtime._ctx import CmdCtx
from peaceful.runtime._hub import ProgressHub
from peaceful.runtime._register import Registered, Starting
from peaceful.runtime._threads import DaemonThreads
from peaceful.storage import LockHolder, ProfileLock

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.runtime")

_KILLED_SINKS = 2.0
"""Seconds that stuck sinks are waited for after a kill."""
_KILLED_CHILDREN = 5.0
"""Seconds in which killed children are gone; the kernel may have much of theirs to put away."""

_STATE_AFTER: Mapping[OutcomeKind, ExecutionState] = {
    OutcomeKind.COMPLETE: ExecutionState.COMPLETE,
    OutcomeKind.BLOCK_INTERRUPTED: ExecutionState.INTERRUPTED,
    OutcomeKind.EXECUTION_INTERRUPTED: ExecutionState.INTERRUPTED,
    OutcomeKind.ITEM_ERROR: ExecutionState.FAILED,
    OutcomeKind.ERROR: ExecutionState.FAILED,
}


@dataclass(slots=True)
class Session:
    """One execution while it runs.

    Attributes:
        ctx: what it runs on.
        info: who runs what.
        scope: what its items share.
        hub: hands its events on.
    """

    ctx: CmdCtx
    info: ExecutionInfo
    scope: ExecutionScope
    hub: ProgressHub
    calls: ItemCalls
    registered: Registered | None = None
    left_behind: set[asyncio.Task[None]] = field(default_factory=set)
    _ending: ExecutionEnded | None = None

    @property
    def signal(self) -> InterruptSignal | None:
        """The latched interrupt, or none."""
        return self.scope.interruptibility.signal

    def timings(self) -> Timings:
        """From the start until now."""
        return Timings(self.info.started_at, self.ctx.clock.now())

    async def run_block(self, block: CmdBlock[T]) -> BlockResult[T]:
        """Runs a block, and tells of its start and its end."""
        run = BlockRun(
            block.name, self.ctx, self.scope, self.ctx.settings, self.calls, self.left_behind
        )
        self.hub.publish(BlockStarted(self.ctx.clock.now(), block.name, block.items(run)))
        finished = False
        try:
            result = await block.run(run)
            finished = not any(each.status in _UNFINISHED for each in result.items.values())
            return result
        finally:
            self.hub.publish(BlockEnded(self.ctx.clock.now(), block.name, finished))

    async def end(self, outcome: CmdOutcome[T]) -> CmdOutcome[T]:
        """Closes the latch and writes the ending down.

        Returns:
            The outcome, with an interrupt that came until now.
        """
        await self._end_children()
        outcome = replace(outcome, interrupt=self._close_latch(), timings=self.timings())
        kind = outcome_kind(outcome)
        await self._finish(kind, outcome_document(self.info, self._items, outcome), outcome.timings)
        self._ending = self._ended_event(kind, outcome.items, outcome.timings.ended_at)
        return outcome

    async def fail(self, error: BaseException) -> None:
        """Closes the latch; writes down that the execution failed as a whole, or was cancelled."""
        await self._end_children()
        self._close_latch()
        timings = self.timings()
        shown = error if isinstance(error, PeacefulError) else _unexpected(error)
        ended = self._ended_event(OutcomeKind.ERROR, {}, timings.ended_at)
        self._ending = replace(ended, error=shown.to_json())
        document = failure_document(self.info, self._items, shown, self.signal, timings)
        try:
            await self._finish(OutcomeKind.ERROR, document, timings)
        except PeacefulError as unwritten:
            # The error that ended the execution is the one to be told; it most likely caused this.
            _LOG.warning(
                "the end of execution %s was not written down: %s", self.info.id, unwritten
            )

    async def tell_the_end(self) -> None:
        """Tells of the end, and waits until every sink has heard of it."""
        if self._ending is not None:
            self.hub.publish(self._ending)
        killed = self.signal is not None and self.signal.level is InterruptLevel.KILL
        await self.hub.close(_KILLED_SINKS if killed else None)

    @property
    def _items(self) -> tuple[ItemId, ...]:
        return self.ctx.flow.graph.order

    async def _end_children(self) -> None:
        if self.left_behind:
            self.scope.children.kill_all()
            await self.scope.children.all_gone(_KILLED_CHILDREN)

    def _close_latch(self) -> InterruptSignal | None:
        receiver = self.scope.interruptibility.receiver
        return None if receiver is None else receiver.close()

    async def _finish(
        self, kind: OutcomeKind, document: Mapping[str, JsonValue], timings: Timings
    ) -> None:
        if self.registered is not None:
            await self.registered.finish(
                _STATE_AFTER[kind],
                ended_at=timings.ended_at,
                document=document,
                interrupt=self.signal,
            )

    def _ended_event(
        self, kind: OutcomeKind, items: Mapping[ItemId, ItemResult], at: datetime
    ) -> ExecutionEnded:
        counts = Counter(each.status for each in items.values())
        return ExecutionEnded(at, self.info.id, kind, dict(counts), self.signal)


_UNFINISHED = frozenset({ItemStatus.FAILED, ItemStatus.ABANDONED, ItemStatus.NOT_STARTED})


@asynccontextmanager
async def opened_session(
    ctx: CmdCtx, command: str, dry_run: bool, only: tuple[ItemId, ...]
) -> AsyncGenerator[Session]:
    """Opens everything that one execution needs, in order, and closes it in reverse.

    The lock comes first and is let go before the end is told, so that whoever hears of the end can
    start the next execution.

    Raises:
        ProfileBusy: another execution runs on the profile.
    """
    session = _new_session(ctx, command)
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(_locked(session))
            stack.callback(session.calls.threads.close)
            stack.enter_context(_events_of_interrupts(session))
            if ctx.register is not None:
                starting = Starting(session.info, dry_run, only, _sender(session), session.hub)
                session.registered = await stack.enter_async_context(
                    ctx.register.registered(starting)
                )
            session.hub.publish(_started_event(session))
            try:
                yield session
            except BaseException as error:
                await session.fail(error)
                raise
    finally:
        await session.tell_the_end()


def _new_session(ctx: CmdCtx, command: str) -> Session:
    now = ctx.clock.now()
    info = ExecutionInfo(
        id=execution_id(int(now.timestamp() * 1000), secrets.randbits(74)),
        app=ctx.app,
        profile=ctx.profile,
        flow=ctx.flow.id,
        command=command,
        started_by=StartedBy(getpass.getuser(), socket.gethostname(), os.getpid(), ctx.door),
        started_at=now,
        can_interrupt=isinstance(ctx.interruptibility, Interruptible),
    )
    hub = ProgressHub(ctx.sinks)
    state = InterruptibilityState.begin(ctx.interruptibility)
    scope = ExecutionScope(
        execution_id=info.id,
        app=ctx.app,
        workspace=ctx.workspace.root,
        profile=ctx.profile,
        flow=ctx.flow.id,
        command=command,
        interruptibility=state,
        children=Children(),
        clock=ctx.clock,
        publish=hub.publish,
        resources=ctx.resources.child(),
        loop=asyncio.get_running_loop(),
    )
    threads = DaemonThreads(ctx.settings.max_concurrency)
    return Session(ctx, info, scope, hub, ItemCalls(threads))


def _started_event(session: Session) -> ExecutionStarted:
    graph = session.ctx.flow.graph
    waits_for = {item: graph.predecessors(item) for item in graph.order}
    return ExecutionStarted(session.info.started_at, session.info, graph.order, waits_for)


@contextmanager
def _events_of_interrupts(session: Session) -> Generator[None]:
    """Tells of each interrupt that is accepted while the execution runs."""
    state, hub, loop = session.scope.interruptibility, session.hub, session.scope.loop

    def tell(signal: InterruptSignal) -> None:
        if session.registered is not None:
            session.registered.interrupting(signal)
        if state.effective is not None:
            now = session.ctx.clock.now()
            hub.publish(InterruptRequested(now, signal, tuple(hub.picture.running)))

    if state.receiver is None:
        yield
        return

    def pass_on(signal: InterruptSignal) -> None:
        # In the sender's thread, or in a signal handler: only the loop may be touched.
        loop.call_soon_threadsafe(tell, signal)

    unsubscribe = state.receiver.subscribe(pass_on)
    try:
        yield
    finally:
        unsubscribe()


def _sender(session: Session) -> InterruptSender | None:
    receiver = session.scope.interruptibility.receiver
    return None if receiver is None else receiver.sender()


@contextmanager
def _locked(session: Session) -> Generator[None]:
    """Holds the profile's lock, with who holds it for others to read.

    Raises:
        ProfileBusy: somebody else holds it.
    """
    info = session.info
    lock = ProfileLock(session.ctx.workspace.lock_file(info.profile))
    holder = LockHolder(
        user=info.started_by.user,
        host=info.started_by.host,
        pid=info.started_by.pid,
        command=info.command,
        execution_id=info.id,
        since=info.started_at,
    )
    other = lock.acquire(holder)
    if other is not None:
        raise _busy(info.profile, other)
    try:
        yield
    finally:
        lock.release()


def _busy(profile: ProfileName, holder: LockHolder) -> ProfileBusy:
    return ProfileBusy(
        profile,
        command=holder.command,
        started_by=f"{holder.user} (pid {holder.pid})" if holder.user else "",
        since="" if holder.since is None else f"{holder.since:%Y-%m-%d %H:%M:%S} UTC",
        execution_id=holder.execution_id,
        details=(("machine", holder.host),) if holder.host else (),
    )


def _unexpected(error: BaseException) -> PeacefulError:
    if isinstance(error, asyncio.CancelledError):
        return PeacefulError("The program that ran the command cancelled it.")
    return PeacefulError(f"The command failed unexpectedly: {type(error).__name__}: {error}")
