"""The pass over the items of a block."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Self, TypeAlias

from peaceful._aio import run_shielded
from peaceful._disclosure import kept
from peaceful._errors.base import PeacefulError
from peaceful._graph.graph import Graph
from peaceful._graph.traversal import Direction, Traversal
from peaceful._item.ctx import ItemCtx
from peaceful._item.safe_point import EndedWithChild, StoppedAtSafePoint
from peaceful._model.clock import Clock
from peaceful._model.codec import ItemId
from peaceful._model.events import (
    ChangeStarted,
    Event,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    Phase,
)
from peaceful._model.interrupt import InterruptSource
from peaceful._model.outcome import NOT_CHANGED, ItemResult, ItemStatus
from peaceful._runtime.block import BlockRun, ending_of
from peaceful._runtime.escalation import Escalation, was_cancelled
from peaceful._user_code import is_ctrl_c

_LOG = logging.getLogger("peaceful.runtime")

ItemWork: TypeAlias = Callable[[ItemCtx], Awaitable[ItemResult]]
"""Processes an item, after everything that it waits for has ended well."""

_LOOK_EVERY: Final = 5.0
"""Seconds between two checks, unless stalls are to be noticed sooner."""

_left_behind: Final[set[asyncio.Task[None]]] = set()
"""Tasks of abandoned items that still run. The loop alone would let them be garbage-collected."""


class StallWatch:
    """Reports items that stall, again and again while they do. Used as a context manager."""

    def __init__(
        self,
        in_progress: Callable[[], Iterable[ItemCtx]],
        stall_after: float,
        clock: Clock,
        publish: Callable[[Event], None],
    ) -> None:
        self._in_progress = in_progress
        self._stall_after = stall_after
        self._clock = clock
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._look_later()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        for ctx in self._in_progress():
            still = ctx.progress.stalled_for()
            if still >= self._stall_after:
                picture = ctx.progress.snapshot(stalled_for=still)
                self._publish(ItemProgressed(self._clock.now(), ctx.item, picture))
        self._look_later()

    def _look_later(self) -> None:
        pause = min(_LOOK_EVERY, max(self._stall_after / 4, 0.01))
        self._timer = self._loop.call_later(pause, self._look)


class BlockFailed(Exception):
    """Raised by `ItemWork` if the block itself cannot go on, as opposed to the item.

    The items in progress finish, nothing else starts, and the pass raises `error`. The `result` is
    that of the item, if it ended all the same; by default it has failed.
    """

    def __init__(self, error: PeacefulError, result: ItemResult | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.result = result


class ItemPass:
    """A pass over the items of a graph: each after those that it waits for, many at once.

    It ends when nothing can start any more: all have ended, or an interrupt came. An item is
    reported when its work returns; so work that returns once its record is on disk makes `done`
    mean that. An item that waits for an approval is not worked on: others are, until it goes on.

    Args:
        run: the block that goes through the items.
        graph: the items, and what waits for what.
        work: what is done with each.
        direction: forward or backward along the graph.
        at_once: how many are worked on at once; by default as many as the settings allow. If that
            is more than one, up to as many again may be in progress that only wait for the disk.
        changes: whether the work looks at an item, and then changes it only if
            `BlockRun.may_change` allows it; then that is the start that a strategy counts. False if
            it only looks, None if it is not known which of the two it does.
    """

    def __init__(
        self,
        run: BlockRun,
        graph: Graph,
        work: ItemWork,
        direction: Direction = Direction.FORWARD,
        *,
        at_once: int | None = None,
        changes: bool | None = None,
    ) -> None:
        self._run = run
        self._graph = graph
        self._work = work
        self._changes = changes
        self._at_once = at_once or run.settings.max_concurrency
        self._waiting_besides = self._at_once if self._at_once > 1 else 0
        self._traversal = Traversal(
            graph, direction, at_once=self._at_once, seconds=run.ctx.expected
        )
        self._state = run.scope.interruptibility
        self._clock = run.scope.clock
        self._publish = run.scope.publish
        self._in_progress: dict[ItemId, tuple[ItemCtx, float]] = {}
        self._looking: set[ItemId] = set()
        self._away: set[ItemId] = set()
        self._coming_back: deque[tuple[ItemId, asyncio.Future[None]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._idle: asyncio.Future[None] = self._loop.create_future()
        self._escalation = Escalation(
            self._state, run.settings.ladder, run.scope.children, self._abandon
        )
        self._tasks: dict[ItemId, asyncio.Task[None]] = {}
        self._failure: PeacefulError | None = None
        self._ending = False
        self._context = contextvars.copy_context()
        self._starts_soon = False

    async def results(self) -> Mapping[ItemId, ItemResult]:
        """Go through the items, and return how each ended, in the graph's order.

        If this is cancelled, the items in progress are too, and have time to clean up first.
        """
        watch = StallWatch(
            lambda: [c for item, (c, _) in self._in_progress.items() if item not in self._away],
            self._run.settings.stall_after,
            self._clock,
            self._publish,
        )
        self._run.disk_waits.on_wait = self._start_soon if self._waiting_besides else None
        self._run.scope.approvals.pause = self._pause
        if self._changes:
            self._run.boundary.lets = self._may_change
        with self._escalation, watch:
            self._start_what_may()
            try:
                await self._idle
            except BaseException:
                await run_shielded(self._end_early())
                raise
        results = self._run.results
        for item in self._traversal.not_started():
            results[item] = ItemResult(ItemStatus.NOT_STARTED, message=self._why_not_started(item))
        if self._failure is not None:
            raise self._failure
        return {item: results[item] for item in self._graph.order}

    # ---- starting

    def _start_what_may(self) -> None:
        traversal, tasks = self._traversal, self._tasks
        self._starts_soon = False
        while self._coming_back and self._has_room():
            back, room = self._coming_back.popleft()
            if not room.done():
                self._away.discard(back)
                room.set_result(None)
        while (
            self._has_room()
            and traversal.ready_count
            and not self._idle.done()
            and self._goes_on
            and self._state.may_go_on()
        ):
            item = traversal.take()
            assert item is not None
            tasks[item] = task = self._loop.create_task(self._run_item(item), name=item)
            # What comes next is not started by the task itself: it would see context variables that
            # this item has set.
            task.add_done_callback(partial(self._over, item))
        self._notice_idleness()

    def _has_room(self) -> bool:
        """Return whether one more item may be worked on."""
        on_disk = min(self._run.disk_waits.count, self._waiting_besides)
        return len(self._tasks) - on_disk - len(self._away) < self._at_once

    @asynccontextmanager
    async def _pause(self, item: ItemId) -> AsyncGenerator[None]:
        """Let others be worked on within the context, at whose end the item waits for room."""
        began = self._clock.monotonic()
        self._away.add(item)
        self._start_soon()
        try:
            with self._run.calls.threads.lent():
                yield
                room: asyncio.Future[None] = self._loop.create_future()
                self._coming_back.append((item, room))
                self._start_soon()
                await room
        finally:
            self._away.discard(item)
            if item in self._in_progress:
                ctx, started = self._in_progress[item]
                # How long a person took says nothing of how long the item takes.
                self._in_progress[item] = (ctx, started + self._clock.monotonic() - began)

    def _start_soon(self) -> None:
        """Start more items, because one only waits; not in its task: see above."""
        if not self._starts_soon:
            self._starts_soon = True
            self._loop.call_soon(self._start_what_may, context=self._context)

    @property
    def _goes_on(self) -> bool:
        return not self._ending and self._failure is None

    def _notice_idleness(self) -> None:
        if not self._tasks and not self._idle.done():
            self._idle.set_result(None)

    async def _run_item(self, item: ItemId) -> None:
        # Asked and counted at the last moment before the item's own code runs: the task may have
        # been waiting for the loop, and an interrupt may have come meanwhile.
        may_start = self._state.may_go_on if self._changes else self._state.may_start
        phase = None if self._changes is None else Phase.LOOKING
        if not self._begins(may_start, ItemStarted(self._clock.now(), item, phase)):
            self._traversal.put_back(item)
            return
        ctx = ItemCtx(item, self._run.scope, leads_to_apply=self._changes is True)
        self._in_progress[item] = (ctx, self._clock.monotonic())
        if phase is not None:
            self._looking.add(item)
        # From here on the escalation may cancel it; before its first step, it would then never run.
        task = self._escalation.tasks[item] = self._tasks[item]
        result = await self._result_of(item, ctx, task)
        if item in self._in_progress:
            self._ended(item, result)

    def _may_change(self, ctx: ItemCtx) -> bool:
        # Asked and counted here: however long the item was looked at, an interrupt that came
        # meanwhile leaves it as it is.
        if not self._begins(self._state.may_start, ChangeStarted(self._clock.now(), ctx.item)):
            return False
        self._looking.discard(ctx.item)
        return True

    def _begins(self, may_start: Callable[[], bool], event: Event) -> bool:
        """Return whether something begins, and say so: who hears of an interrupt hears it before.

        Another thread makes interrupts known. Whatever begins after that would break the promise.
        """
        return self._run.scope.publish_made(
            lambda _: event if self._goes_on and may_start() else None
        )

    async def _result_of(
        self, item: ItemId, ctx: ItemCtx, task: asyncio.Task[object]
    ) -> ItemResult:
        try:
            return await self._work(ctx)
        except BlockFailed as failed:
            self._failure = self._failure or failed.error
            if failed.result is not None:
                return failed.result
            return ItemResult(ItemStatus.FAILED, message=failed.error.message, error=failed.error)
        except BaseException as error:  # whatever it is, it ends this item alone
            if is_ctrl_c(error):
                # Somebody wants the program to end. Out of a task, it would leave the loop at once.
                if self._ending or self._idle.done():
                    raise
                self._idle.set_exception(error)
                return ItemResult(ItemStatus.ABANDONED, message="cancelled")
            if item in self._looking and _is_safe(error):
                return ItemResult(ItemStatus.NOT_STARTED, message=NOT_CHANGED)
            return ending_of(
                error,
                item,
                self._run.block,
                cancelled=was_cancelled(task),
                asked_to_end=self._escalation.asks_to_end,
            )

    # ---- ending

    def _ended(self, item: ItemId, result: ItemResult) -> None:
        _, started = self._in_progress.pop(item)
        self._looking.discard(item)
        seconds = self._clock.monotonic() - started
        shown, message = kept(result.shown), kept(result.message)
        result = ItemResult(
            result.status,
            result.state,
            shown,
            message,
            result.error,
            seconds,
            result.before,
            result.changes,
        )
        self._run.results[item] = result
        if result.status.ended_well:
            self._traversal.succeeded(item)
        else:
            self._traversal.failed(item)
        self._publish(
            ItemEnded(
                self._clock.now(),
                item,
                result.status,
                shown,
                message,
                None if result.error is None else result.error.to_json(),
                seconds,
            )
        )
        if result.status is ItemStatus.FAILED and self._run.settings.fail_fast:
            self._stop_because_of(item)

    def _stop_because_of(self, item: ItemId) -> None:
        receiver = self._state.receiver
        assert receiver is not None, "an execution that may be stopped has a latch"
        receiver.sender().request(source=InterruptSource.FAILURE, reason=f"{item} failed")

    def _over(self, item: ItemId, task: asyncio.Task[None]) -> None:
        self._escalation.tasks.pop(item, None)
        abandoned = self._tasks.pop(item, None) is None
        if abandoned:
            _left_behind.discard(task)
        if task.cancelled():
            # Before its first step, by somebody who cancels everything in the loop.
            self._traversal.put_back(item)
            self._idle.cancel()
        elif (error := task.exception()) is not None:
            self._failed(error)
        if not abandoned:
            self._start_what_may()

    def _failed(self, error: BaseException) -> None:
        """Handle a mistake of the framework's own, such as an event that cannot be made."""
        if self._ending or self._idle.done():
            _LOG.error("%s failed once more while it ended", self._run.block, exc_info=error)
        else:
            self._idle.set_exception(error)

    def _abandon(self, item: ItemId) -> None:
        """Wait for an item no longer. Its task may end when it can; its result is ignored."""
        self._escalation.tasks.pop(item, None)
        task = self._tasks.pop(item, None)
        if task is not None:
            self._run.left_behind.add(task)
            _left_behind.add(task)
        if item in self._in_progress:
            self._ended(item, ItemResult(ItemStatus.ABANDONED, message="abandoned"))
        self._notice_idleness()

    async def _end_early(self) -> None:
        """Cancel the items: the command's own task was cancelled, or something failed."""
        self._ending = True
        self._idle = self._loop.create_future()
        self._escalation.end_all()
        self._notice_idleness()
        await self._idle

    def _why_not_started(self, item: ItemId) -> str:
        results = self._run.results
        blockers = [
            each
            for each in self._traversal.blocked_by(item)
            if results[each].status is not ItemStatus.NOT_STARTED
        ]
        if blockers:
            return f"needs {', '.join(blockers)}"
        signal = self._state.signal
        if self._failure is not None:
            return f"{self._run.block} failed before it started"
        if signal is not None and signal.source is InterruptSource.FAILURE:
            return f"{signal.reason} before it started"
        return "interrupted before it started"


def _is_safe(error: BaseException) -> bool:
    """Return whether an item that was looked at ended at a safe point: nothing was changed."""
    return isinstance(error, StoppedAtSafePoint) and not isinstance(error, EndedWithChild)
