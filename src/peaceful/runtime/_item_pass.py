"""One concurrent pass over the items of a graph: the heart of every block that has items."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from peaceful.errors import ChildFailed, ItemCrashed, PeacefulError
from peaceful.graph import Direction, Graph, Traversal
from peaceful.item import ItemCtx, StoppedAtSafePoint
from peaceful.model import ItemEnded, ItemId, ItemProgressed, ItemResult, ItemStarted, ItemStatus
from peaceful.runtime._block_run import BlockRun
from peaceful.runtime._ladder import Ladder

ItemWork: TypeAlias = Callable[[ItemCtx], Awaitable[ItemResult]]
"""What a pass does with an item, once everything that the item waits for has ended well."""

_STALL_CHECK: Final = 5.0
"""Seconds between two looks for items that have not moved."""


class ItemPass:
    """Goes through the items of a graph: each after what it waits for, many at once.

    It ends when nothing can start any more: all have ended, or an interrupt came. An item is
    reported when its work returns; so work that returns once its record is on disk makes `done`
    mean that.

    Args:
        run: the block that goes through the items.
        graph: the items, and what waits for what.
        work: what is done with each.
        direction: which way.
    """

    def __init__(
        self,
        run: BlockRun,
        graph: Graph,
        work: ItemWork,
        direction: Direction = Direction.FORWARD,
    ) -> None:
        self._run = run
        self._graph = graph
        self._work = work
        self._traversal = Traversal(graph, direction)
        self._state = run.scope.interruptibility
        self._clock = run.scope.clock
        self._publish = run.scope.publish
        self._results: dict[ItemId, ItemResult] = {}
        self._in_progress: dict[ItemId, tuple[ItemCtx, float]] = {}
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._ladder = Ladder(self._state, run.settings.ladder, run.scope.children, self._abandon)
        self._tasks: dict[ItemId, asyncio.Task[None]] = {}
        self._ending = False

    @property
    def in_progress(self) -> tuple[ItemId, ...]:
        """The items that are in progress."""
        return tuple(self._in_progress)

    async def results(self) -> Mapping[ItemId, ItemResult]:
        """Goes through the items.

        Returns:
            How each item of the graph ended, in the graph's order.
        """
        self._stall_check = self._loop.call_later(_STALL_CHECK, self._report_stalls)
        with self._ladder:
            self._start_what_may()
            try:
                await self._finished
            except asyncio.CancelledError:
                await self._end_early()
                raise
            finally:
                self._stall_check.cancel()
        for item in self._traversal.not_started():
            self._results[item] = ItemResult(
                ItemStatus.NOT_STARTED, message=self._why_not_started(item)
            )
        return {item: self._results[item] for item in self._graph.order}

    # ---- starting

    def _start_what_may(self) -> None:
        most = self._run.settings.max_concurrency
        while len(self._tasks) < most and self._traversal.ready_count and self._state.may_go_on():
            item = self._traversal.take()
            assert item is not None
            self._tasks[item] = self._loop.create_task(self._run_item(item), name=item)
        if not self._tasks and not self._finished.done():
            self._finished.set_result(None)

    async def _run_item(self, item: ItemId) -> None:
        try:
            # Asked and counted at the last moment before the item's own code runs: the task may
            # have been waiting for the loop, and an interrupt may have come meanwhile.
            if self._ending or not self._state.may_start():
                self._traversal.put_back(item)
                return
            result = await self._result_of(item)
            if item in self._in_progress:
                self._ended(item, result)
        except BaseException as error:  # noqa: BLE001 - it is passed on
            # A mistake of the framework's own, such as an event that cannot be made.
            if not self._finished.done():
                self._finished.set_exception(error)
        finally:
            self._ladder.tasks.pop(item, None)
            if self._tasks.pop(item, None) is not None and not self._finished.done():
                self._start_what_may()

    async def _result_of(self, item: ItemId) -> ItemResult:
        ctx = ItemCtx(item, self._run.scope)
        self._in_progress[item] = (ctx, self._clock.monotonic())
        # From here on the ladder may cancel it; a task cancelled before its first step would never
        # run.
        self._ladder.tasks[item] = self._tasks[item]
        self._publish(ItemStarted(self._clock.now(), item))
        try:
            return await self._work(ctx)
        except StoppedAtSafePoint as stop:
            return ItemResult(ItemStatus.ABANDONED, message=_stopped_message(stop))
        except asyncio.CancelledError:
            return ItemResult(ItemStatus.ABANDONED, message="cancelled")
        except PeacefulError as error:
            if ctx.interrupted and _by_child(error):
                # The ladder ended the child, from CANCEL on: that is no failure of the item.
                return ItemResult(ItemStatus.ABANDONED, message="its child process was ended")
            return ItemResult(ItemStatus.FAILED, message=error.message, error=error)
        except Exception as error:  # noqa: BLE001 - a block's own code may raise anything
            crash = ItemCrashed(item, self._run.block, error)
            crash.__cause__ = error
            return ItemResult(ItemStatus.FAILED, message=crash.message, error=crash)

    # ---- ending

    def _ended(self, item: ItemId, result: ItemResult) -> None:
        _, started = self._in_progress.pop(item)
        seconds = self._clock.monotonic() - started
        result = ItemResult(
            result.status, result.state, result.shown, result.message, result.error, seconds
        )
        self._results[item] = result
        if result.status in _ENDED_WELL:
            self._traversal.succeeded(item)
        else:
            self._traversal.failed(item)
        self._publish(
            ItemEnded(
                self._clock.now(),
                item,
                result.status,
                result.shown,
                result.message,
                None if result.error is None else result.error.to_json(),
                seconds,
            )
        )

    def _abandon(self, item: ItemId) -> None:
        """Waits for an item no longer. Its task may end when it can; its result is not taken."""
        self._ladder.tasks.pop(item, None)
        task = self._tasks.pop(item, None)
        if task is not None:
            self._run.left_behind.add(task)
        if item in self._in_progress:
            self._ended(item, ItemResult(ItemStatus.ABANDONED, message="abandoned"))
        if not self._tasks and not self._finished.done():
            self._finished.set_result(None)

    async def _end_early(self) -> None:
        """The command's own task was cancelled: items are cancelled, and have time to clean up."""
        self._ending = True
        self._ladder.end_all()
        tasks = set(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=self._run.settings.ladder.cleanup_timeout)
        self._run.scope.children.kill_all()

    def _why_not_started(self, item: ItemId) -> str:
        blockers = self._traversal.blocked_by(item)
        return f"needs {', '.join(blockers)}" if blockers else "interrupted before it started"

    def _report_stalls(self) -> None:
        for item, (ctx, _) in self._in_progress.items():
            still = ctx.progress.stalled_for()
            if still >= self._run.settings.stall_after:
                picture = ctx.progress.snapshot(stalled_for=still)
                self._publish(ItemProgressed(self._clock.now(), item, picture))
        self._stall_check = self._loop.call_later(_STALL_CHECK, self._report_stalls)


_ENDED_WELL = frozenset({ItemStatus.DONE, ItemStatus.UNCHANGED})


def _by_child(error: BaseException | None) -> bool:
    """Whether an error is, or comes of, a child process that ended with an error."""
    while error is not None and not isinstance(error, ChildFailed):
        error = error.__cause__
    return error is not None


def _stopped_message(stop: StoppedAtSafePoint) -> str:
    return f"stopped at a safe point: {stop.where}" if stop.where else "stopped at a safe point"
