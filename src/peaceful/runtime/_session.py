"""What surrounds the blocks of one execution: its lock, register, latch, events and ending."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from peaceful._aio import DaemonThreadPool, run_shielded
from peaceful.errors import PeacefulError, Unexpected
from peaceful.interrupt import InterruptibilityState, Interruptible, InterruptSender
from peaceful.item import Children, ExecutionScope
from peaceful.model import (
    BlockEnded,
    BlockStarted,
    CmdOutcome,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptLevel,
    InterruptSignal,
    ItemId,
    ItemResult,
    ItemStatus,
    KeptDocument,
    OutcomeKind,
    Timings,
    execution_id,
    failure_document,
    kept_document,
    outcome_document,
    outcome_kind,
    state_after,
)
from peaceful.runtime._block import BlockResult, CmdBlock
from peaceful.runtime._block_run import BlockRun
from peaceful.runtime._calls import ItemCalls
from peaceful.runtime._ctx import CmdCtx
from peaceful.runtime._hub import ProgressHub
from peaceful.runtime._interrupt_news import InterruptNews
from peaceful.runtime._profile_lock import locked
from peaceful.runtime._register import Registered, Starting
from peaceful.runtime._started_by import started_by

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.runtime")

_KILLED_SINKS = 2.0
"""Seconds that stuck sinks are waited for after a kill."""
_KILLED_CHILDREN = 5.0
"""Seconds in which killed children are gone; the kernel may have much of theirs to put away."""


@dataclass(slots=True)
class Session:
    """One execution while it runs.

    Attributes:
        ctx: what it runs on.
        info: who runs what.
        scope: what its items share.
        hub: hands its events on.
        calls: calls functions of items.
        news: tells of interrupts.
        registered: the execution, as the register knows it, or none.
        left_behind: tasks of abandoned items.
    """

    ctx: CmdCtx
    info: ExecutionInfo
    scope: ExecutionScope
    hub: ProgressHub
    calls: ItemCalls
    news: InterruptNews
    registered: Registered | None = None
    left_behind: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _results: Mapping[ItemId, ItemResult] = field(default_factory=dict[ItemId, ItemResult])
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
            block.name,
            self.ctx,
            self._scope_of(block),
            self.ctx.settings,
            self.calls,
            self.left_behind,
        )
        items = block.items(run)
        if items:
            self._results = run.results
        self.hub.publish(BlockStarted(self.ctx.clock.now(), block.name, items))
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

        Raises:
            StorageError: the ending cannot be written down.
        """
        await self._end_children()
        outcome = msgspec.structs.replace(
            outcome, interrupt=self._close_latch(), timings=self.timings()
        )
        kind = outcome_kind(outcome)
        document = outcome_document(self.info, self._items, outcome)
        await self._store(kind, kept_document(document, outcome.items), outcome.timings)
        self._ending = self._ended_event(kind, outcome.items, outcome.timings)
        return outcome

    async def fail(self, error: BaseException) -> None:
        """Closes the latch; writes down that the execution failed as a whole, or was cancelled."""
        if self._ending is not None:
            # It had ended, and that is written down; only then was whoever waits for it cancelled.
            return
        await self._end_children()
        self._close_latch()
        shown = _as_error(error)
        timings = self.timings()
        ended = self._ended_event(OutcomeKind.ERROR, self._results, timings)
        self._ending = msgspec.structs.replace(ended, error=shown.to_json())
        document = failure_document(
            self.info, self._items, shown, self.signal, timings, self._results
        )
        try:
            await self._store(OutcomeKind.ERROR, kept_document(document, self._results), timings)
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

    def _scope_of(self, block: CmdBlock[T]) -> ExecutionScope:
        if block.strategy is None:
            return self.scope
        return replace(
            self.scope, interruptibility=self.scope.interruptibility.scoped(block.strategy)
        )

    async def _end_children(self) -> None:
        if self.left_behind:
            self.scope.children.kill_all()
            await self.scope.children.all_gone(_KILLED_CHILDREN)

    def _close_latch(self) -> InterruptSignal | None:
        receiver = self.scope.interruptibility.receiver
        signal = None if receiver is None else receiver.close()
        self.news.tell()
        return signal

    async def _store(self, kind: OutcomeKind, document: KeptDocument, timings: Timings) -> None:
        if self.registered is not None:
            await self.registered.finish(
                state_after(kind),
                ended_at=timings.ended_at,
                document=document,
                interrupt=self.signal,
            )

    def _ended_event(
        self, kind: OutcomeKind, items: Mapping[ItemId, ItemResult], timings: Timings
    ) -> ExecutionEnded:
        counts = Counter(each.status for each in items.values())
        return ExecutionEnded(timings.ended_at, self.info.id, kind, dict(counts), self.signal)


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
    started = _started_event(session)
    # Others find it as soon as it is registered, which is before the start is told of.
    session.hub.snapshot.add(started)
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(locked(ctx.workspace, session.info))
            stack.callback(session.calls.threads.close)
            stack.enter_context(session.news)
            if ctx.register is not None:
                starting = Starting(session.info, dry_run, only, _sender(session), session.hub)
                session.registered = await stack.enter_async_context(
                    ctx.register.registered(starting)
                )
                session.news.registered = session.registered
            session.hub.publish(started)
            try:
                yield session
            except BaseException as error:
                await run_shielded(session.fail(error))
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
        started_by=started_by(ctx.door),
        started_at=now,
        can_interrupt=isinstance(ctx.interruptibility, Interruptible),
    )
    hub = ProgressHub(ctx.sinks)
    state = InterruptibilityState.begin(ctx.interruptibility)
    loop = asyncio.get_running_loop()
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
        loop=loop,
    )
    calls = ItemCalls(DaemonThreadPool(ctx.settings.max_concurrency, "peaceful-item"))
    return Session(ctx, info, scope, hub, calls, InterruptNews(state, hub, ctx.clock, loop))


def _started_event(session: Session) -> ExecutionStarted:
    graph = session.ctx.flow.graph
    waits_for = {item: graph.predecessors(item) for item in graph.order}
    return ExecutionStarted(session.info.started_at, session.info, graph.order, waits_for)


def _sender(session: Session) -> InterruptSender | None:
    receiver = session.scope.interruptibility.receiver
    return None if receiver is None else receiver.sender()


def _as_error(error: BaseException) -> PeacefulError:
    match error:
        case PeacefulError():
            return error
        case asyncio.CancelledError() | KeyboardInterrupt():
            return PeacefulError("The program that ran the command cancelled it.")
        case _:
            return Unexpected(error)
