"""Executions: blocks one after the other, from start to ending, under the profile's lock."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from peaceful._aio import DaemonThreadPool, run_shielded
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.running import StorageError
from peaceful._errors.usage import DefinitionError
from peaceful._item.child import Children
from peaceful._item.ctx import ExecutionScope
from peaceful._model.codec import ItemId
from peaceful._model.document import Ending, EndingNotes, PlanMade, execution_ending
from peaceful._model.events import BlockEnded, BlockStarted, ExecutionStarted, Warned
from peaceful._model.execution import Asked, ExecutionInfo, Selection
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.outcome import (
    NOT_CHANGED,
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemResult,
    ItemStatus,
    OutcomeKind,
    Timings,
    outcome_kind,
)
from peaceful._resources import Resources, SharedResources
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, ItemCalls
from peaceful._runtime.ctx import CmdCtx, new_execution_id, started_by
from peaceful._runtime.hub import ProgressHub
from peaceful._runtime.leavings import Leavings
from peaceful._runtime.loop_watch import Blocker, LoopWatch
from peaceful._runtime.register import InterruptPublisher, Registered, Starting
from peaceful._storage.holding import hold_lock
from peaceful._user_code import guard_loop
from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    NonInterruptible,
    interrupt_channel,
)

T = TypeVar("T")

_LOG = logging.getLogger("peaceful.runtime")


_NOTHING_ASKED: Final = Asked()

_CUT: Final = frozenset({ItemStatus.STOPPED, ItemStatus.ABANDONED, ItemStatus.NOT_STARTED})

_UNFINISHED: Final = _CUT | {ItemStatus.FAILED}

_KILLED_SINKS: Final = 2.0
"""Seconds that stuck sinks are waited for after a kill."""

_KILLED_CHILDREN: Final = 5.0
"""Seconds in which killed children are gone; the kernel may have to free much of theirs."""


@dataclass(slots=True)
class Session:
    """One execution while it runs.

    Attributes:
        only: the items that it is limited to; empty for all.
        asked: how those were chosen, and which plan it is held to.
        results: how each item ended in the last block that has items, as far as it has come; none
            of those before the main block, once that has begun.
        left_behind: tasks of abandoned items.
        leavings: what items leave running; none where other code of the process starts some, too.
        check: raises `WorkspaceGone` once the workspace is another one, or none.
    """

    ctx: CmdCtx
    info: ExecutionInfo
    only: tuple[ItemId, ...]
    scope: ExecutionScope
    hub: ProgressHub
    calls: ItemCalls
    interrupts: InterruptPublisher
    registered: Registered | None = None
    check: Callable[[], None] = lambda: None
    left_behind: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    results: dict[ItemId, ItemResult] = field(default_factory=dict[ItemId, ItemResult])
    asked: Asked = _NOTHING_ASKED
    leavings: Leavings | None = None
    _looks: bool = False
    _ending: Ending | None = None
    _ender: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def signal(self) -> InterruptSignal | None:
        """The latched interrupt, or None."""
        return self.scope.interruptibility.signal

    def timings(self) -> Timings:
        return Timings(self.info.started_at, self.ctx.clock.now())

    def warn(self, text: str) -> None:
        """Tell people of something that is no failure; from any thread."""
        self.hub.publish(Warned(self.ctx.clock.now(), text))

    async def run_block(self, block: CmdBlock[T], *, looks: bool) -> BlockResult[T]:
        """Run a block, and publish its start and end; `looks`: it comes before the main block."""
        if self._looks and not looks:
            # How items were looked at is not how they ended, not even where the rest has no items.
            self.results = {}
        self._looks = looks
        run = BlockRun(
            block.name,
            self.ctx,
            self._scope_of(block),
            self.ctx.settings,
            self.calls,
            self.left_behind,
        )
        items, before = block.items(run), self.results
        if items:
            self.results = run.results
        known = self.ctx.expected
        expected = {item: known[item] for item in items if item in known and not looks}
        at_once = self.ctx.settings.max_concurrency if items else 0
        self.hub.publish(BlockStarted(self.ctx.clock.now(), block.name, items, at_once, expected))
        finished = False
        try:
            result = await block.run(run)
            self.results = dict(result.items) or before
            finished = not any(each.status in _UNFINISHED for each in result.items.values())
            return result
        finally:
            self.hub.publish(BlockEnded(self.ctx.clock.now(), block.name, finished))

    async def end(self, outcome: CmdOutcome[T]) -> CmdOutcome[T]:
        """Close the latch, store the ending, and return the outcome with an interrupt until now.

        Raises `WorkspaceGone`, or `StorageError` if the ending cannot be stored.
        """
        self.check()
        await self._end_children()
        await self._close_resources()
        interrupt, timings = self._close_latch(), self.timings()
        if self._ends_it("loop"):
            ending = self._made(outcome_kind(outcome), interrupt, timings)
            await self._store(ending)
            self._ending = ending
        return msgspec.structs.replace(outcome, interrupt=interrupt, timings=timings)

    async def fail(self, error: BaseException) -> None:
        """Close the latch, and store that the execution failed as a whole, or was cancelled."""
        if self._ending is not None:
            # It had ended, and that is written down; only then was whoever waits for it cancelled.
            return
        await self._end_children()
        await self._close_resources()
        interrupt = self._close_latch()
        if not self._ends_it("loop"):
            return
        self._ending = self._made(_as_error(error), interrupt, self.timings())
        try:
            await self._store(self._ending)
        except Exception as unwritten:  # noqa: BLE001 - what ended the execution is raised
            # It most likely caused this one, too.
            _LOG.warning(
                "the end of execution %s was not written down: %s", self.info.id, unwritten
            )

    async def tell_the_end(self) -> None:
        """Publish the last event, and wait until every sink has received it."""
        if self._ending is not None:
            if self.ctx.on_end is not None:
                self.ctx.on_end(self._ending)
            self.hub.publish(self._ending.event())
        killed = self.signal is not None and self.signal.level is InterruptLevel.KILL
        await self.hub.close(_KILLED_SINKS if killed else None)

    def end_late(self, blocker: Blocker | None) -> None:
        """Make the ending and store it from another thread, and pass it to `on_late_end`.

        The execution was killed and does not end, perhaps because an item blocks the loop.
        """
        assert self.ctx.on_late_end is not None
        self.scope.children.kill_all()
        interrupt = self._close_latch()
        running = self.hub.take_snapshot().running
        abandoned = dict.fromkeys(running, ItemResult(ItemStatus.ABANDONED, message="abandoned"))
        if blocker is not None:
            message = f"it does not let go {blocker.place}".rstrip()
            abandoned[blocker.item] = ItemResult(ItemStatus.ABANDONED, message=message)
        kind = OutcomeKind.BLOCK_INTERRUPTED if running else OutcomeKind.EXECUTION_INTERRUPTED
        ending = self._made(kind, interrupt, self.timings(), abandoned)
        if self._ends_it("watch"):
            # In a thread of its own: a disk may block, too.
            store, name = self._store_waiting, "peaceful-ending"
            storing = threading.Thread(target=store, args=(ending,), name=name, daemon=True)
            storing.start()
            storing.join(_KILLED_SINKS)
        ending = self._ending or ending
        self.hub.publish(ending.event())
        self.hub.close_waiting(_KILLED_SINKS)
        self.ctx.on_late_end(ending)

    def _ends_it(self, who: str) -> bool:
        """Return whether it is this one's to write the ending: the first's that asks, for good."""
        # One step, whichever threads ask at a time.
        return self._ender.setdefault("ender", who) == who

    def _store_waiting(self, ending: Ending) -> None:
        try:
            if self.registered is not None:
                self.registered.finish_waiting(ending.document)
        except StorageError as unwritten:
            _LOG.warning("the end of execution %s is not recorded: %s", self.info.id, unwritten)

    def _scope_of(self, block: CmdBlock[T]) -> ExecutionScope:
        if block.strategy is None:
            return self.scope
        return msgspec.structs.replace(
            self.scope, interruptibility=self.scope.interruptibility.scoped(block.strategy)
        )

    async def _end_children(self) -> None:
        if self.left_behind:
            self.scope.children.kill_all()
            await self.scope.children.all_gone(_KILLED_CHILDREN)
        if self.leavings is not None:
            for notice in await self.leavings.notices(self.hub.take_snapshot().ended):
                self.warn(notice)

    async def _close_resources(self) -> None:
        for notice in await self.scope.shared.close(self.ctx.settings.ladder.cleanup_timeout):
            self.warn(notice)

    def _close_latch(self) -> InterruptSignal | None:
        receiver = self.scope.interruptibility.receiver
        signal = None if receiver is None else receiver.close()
        self.interrupts.publish()
        return signal

    def _made(
        self,
        outcome: OutcomeKind | PeacefulError,
        interrupt: InterruptSignal | None,
        timings: Timings,
        abandoned: Mapping[ItemId, ItemResult] | None = None,
    ) -> Ending:
        """Return the ending: the only one that is stored, published and shown."""
        results, snapshot = dict(self.results), self.hub.take_snapshot()
        if isinstance(outcome, PeacefulError) or abandoned is not None:
            # What the block has not said by then is known from its events.
            statuses = snapshot.statuses
            results = {item: ItemResult(status) for item, status in statuses.items()} | results
            results.update(abandoned or {})
        made = self.scope.resources.try_get(PlanMade)
        if self._looks:
            results = {item: _only_looked_at(each) for item, each in results.items()}
        return execution_ending(
            self.info,
            self.ctx.flow.graph.order,
            results,
            outcome,
            interrupt=interrupt,
            timings=timings,
            notes=EndingNotes(
                snapshot.warnings,
                snapshot.approvals,
                self.asked.plan,
                # One that is held to a plan has made none, but looked whether that still holds.
                None if made is None or self.asked.plan is not None else made.plan,
            ),
            only=self.only,
        )

    async def _store(self, ending: Ending) -> None:
        if self.registered is not None:
            await self.registered.finish(ending.document)


def _only_looked_at(result: ItemResult) -> ItemResult:
    """Return the result of an item that was only looked at, because its block never began."""
    if not result.status.ended_well:
        return result
    return msgspec.structs.replace(result, status=ItemStatus.NOT_STARTED, message=NOT_CHANGED)


@asynccontextmanager
async def open_session(
    ctx: CmdCtx,
    command: str,
    dry_run: bool,
    only: tuple[ItemId, ...],
    asked: Asked = _NOTHING_ASKED,
) -> AsyncGenerator[Session]:
    """Open everything that one execution needs, in order, and close it in reverse.

    The lock comes first and is released before the end is published: whoever sees the end can then
    start the next execution. Raises `ProfileBusy`.
    """
    session = _new_session(ctx, command, dry_run, only)
    session.asked = asked
    ended = False
    started = _started_event(session)
    # Others find it as soon as it is registered, which is before its start is published.
    session.hub.snapshot.add(started)
    watch = LoopWatch(
        session.hub,
        session.interrupts,
        session.scope.interruptibility.receiver,
        ctx.on_blocked or session.warn,
        None if ctx.on_late_end is None else session.end_late,
    )
    watching = ExitStack()
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(hold_lock(ctx.workspace, session.info))
            session.check = stack.enter_context(ctx.store.hold(dry_run=dry_run))
            watching.enter_context(watch)
            stack.callback(session.calls.threads.close)
            stack.enter_context(session.interrupts)
            if ctx.register is not None:
                receiver = session.scope.interruptibility.receiver
                can = receiver is not None and session.info.can_interrupt
                sender = receiver.sender() if receiver is not None and can else None
                starting = Starting(
                    session.info, only, sender, session.hub, session.scope.approvals, asked
                )
                session.registered = await stack.enter_async_context(
                    ctx.register.registered(starting)
                )
                session.interrupts.registered = session.registered
            session.hub.publish(started)
            session.interrupts.begin()
            for notice in ctx.notices:
                session.warn(notice)
            try:
                yield session
            except BaseException as error:
                await run_shielded(session.fail(error))
                raise
            ended = True
    except Exception as error:
        if not ended:
            raise
        # Its ending is stored, and others may have read it: that stays as it is.
        _LOG.error("what execution %s used was not closed", session.info.id, exc_info=error)
    finally:
        with watching:
            await session.tell_the_end()


def _new_session(ctx: CmdCtx, command: str, dry_run: bool, only: tuple[ItemId, ...]) -> Session:
    from peaceful._item.approvals import Approvals  # who only shows what is stored asks nobody

    now = ctx.clock.now()
    info = ExecutionInfo(
        id=new_execution_id(now),
        app=ctx.app,
        profile=ctx.profile,
        flow=ctx.flow.id,
        command=command,
        started_by=started_by(ctx.door, ctx.by),
        started_at=now,
        dry_run=dry_run,
        can_interrupt=isinstance(ctx.interruptibility, Interruptible),
    )
    hub = ProgressHub(ctx.sinks)
    interruptibility = ctx.interruptibility
    if ctx.settings.fail_fast and isinstance(interruptibility, NonInterruptible):
        # A latch that nobody else can reach.
        interruptibility = Interruptible(interrupt_channel()[1])
    state = InterruptibilityState.begin(interruptibility)
    loop = asyncio.get_running_loop()
    guard_loop(loop)
    scope = ExecutionScope(
        execution=info,
        workspace=ctx.workspace.root,
        interruptibility=state,
        children=Children(),
        clock=ctx.clock,
        publish=hub.publish,
        publish_made=hub.publish_made,
        resources=ctx.resources.child(),
        shared=SharedResources(ctx.shared, ctx.fakes),
        loop=loop,
        approvals=Approvals(ctx.clock, hub.publish, loop, ctx.on_ask),
    )
    calls = ItemCalls(DaemonThreadPool(ctx.settings.max_concurrency, "peaceful-item"))
    interrupts = InterruptPublisher(state, hub, ctx.clock, loop)
    leavings = Leavings() if ctx.door == "terminal" else None
    return Session(ctx, info, only, scope, hub, calls, interrupts, leavings=leavings)


def _started_event(session: Session) -> ExecutionStarted:
    graph = session.ctx.flow.graph
    waits_for = {item: graph.predecessors(item) for item in graph.order}
    return ExecutionStarted(session.info.started_at, session.info, graph.order, waits_for)


def _as_error(error: BaseException) -> PeacefulError:
    match error:
        case PeacefulError():
            return error
        case asyncio.CancelledError() | KeyboardInterrupt():
            return PeacefulError(
                "The command was cancelled by the program that ran it, or by code of an item.",
                help="if nobody meant to, look for an item that cancels tasks of others",
            )
        case _:
            return Unexpected(error)


AnyBlock: TypeAlias = CmdBlock[Any]
"""A block of any value. (Any: a type variable of the class.)"""


class CmdExecution(Generic[T]):
    """A command as a list of blocks.

    Commands are made of such lists, and so can yours be: take a command's blocks, and put blocks of
    your own before, after or between them. A block finds what earlier ones gave by its type, in
    `run.scope.resources`.

    Args:
        command: the command's name, in one word.
        blocks: its parts, in order.
        value: returns the result of the execution from the values of its blocks, or None if it is
            not there yet.
        main: the block that the command is about, if there is one. If the command ends before it
            begins, items that earlier blocks have only looked at are reported as not started.

    Attributes:
        command: the command's name.
        blocks: its parts, in order.
    """

    def __init__(
        self,
        command: str,
        blocks: Sequence[AnyBlock],
        value: Callable[[Resources], T | None],
        *,
        main: AnyBlock | None = None,
    ) -> None:
        self.command: str = command
        self.blocks: tuple[AnyBlock, ...] = tuple(blocks)
        self._value = value
        self._main_at = 0 if main is None else self.blocks.index(main)

    async def run(
        self,
        ctx: CmdCtx,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        asked: Asked = _NOTHING_ASKED,
    ) -> CmdOutcome[T]:
        """Run the blocks, one execution at a time for the profile.

        Args:
            ctx: what it runs on.
            dry_run: whether the blocks, which were made so, only say what they would do.
            only: the items that the blocks are limited to; for the register.
            asked: how somebody chose them, if not by their names, and which plan it is held to.

        Returns:
            How it ended, also by an interrupt or failed items.

        Raises:
            ProfileBusy: another execution runs on the profile.
            PeacefulError: a block itself failed.
            CancelledError: the task that runs it was cancelled. Items in progress were cancelled
                first, and had time to clean up; what was done is recorded.
        """
        only = tuple(only)
        if asked.selection == Selection(only=only):
            asked = msgspec.structs.replace(asked, selection=Selection())
        async with open_session(ctx, self.command, dry_run, only, asked) as session:
            outcome = await self._through_blocks(session)
            return await run_shielded(session.end(outcome))

    async def _through_blocks(self, session: Session) -> CmdOutcome[T]:
        names = tuple(block.name for block in self.blocks)
        resources = session.scope.resources

        def so_far(
            number: int,
        ) -> tuple[tuple[str, ...], Mapping[ItemId, ItemResult], InterruptSignal | None, Timings]:
            return names[:number], session.results, session.signal, session.timings()

        for number, block in enumerate(self.blocks):
            left = names[number:]
            if not session.scope.interruptibility.may_go_on():
                value = self._value(resources)
                return ExecutionInterrupted(*so_far(number), blocks_not_processed=left, value=value)
            result = await session.run_block(block, looks=number < self._main_at)
            resources.insert(result.value)
            statuses = {each.status for each in result.items.values()}
            if ItemStatus.FAILED in statuses:
                results = session.results.items()
                errors = {item: each.error for item, each in results if each.error is not None}
                value = self._value(resources)
                return ItemError(
                    *so_far(number), blocks_not_processed=left, value=value, errors=errors
                )
            if statuses & _CUT:
                value = self._value(resources)
                return BlockInterrupted(*so_far(number), blocks_not_processed=left, value=value)
        value = self._value(resources)
        if value is None:
            raise DefinitionError(
                f"No block of {self.command} gave what it is run for.",
                help="let a block give it, and let the execution's `value` find it",
            )
        return Complete(names, session.results, session.signal, session.timings(), value=value)
