"""What happens to items in progress as an interrupt climbs, and after how long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from item_world import Stage
from waiting import until

from peaceful import ItemCtx, ItemStatus
from peaceful.commands import CmdOutcome, EnsureCmd, ExecutionSettings, LadderTimes
from peaceful.interrupt import InterruptLevel

TIMES = LadderTimes(cancel_grace=3000.0, cleanup_timeout=7000.0)


class Timers:
    """The timers of a loop for the times of the ladder: they go off when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the running loop."""
        loop = asyncio.get_running_loop()
        self._set: list[tuple[float, Callable[[], None]]] = []
        really = loop.call_later

        def call_later(seconds: float, step: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
            if seconds in {TIMES.cancel_grace, TIMES.cleanup_timeout}:
                self._set.append((seconds, step))
            return really(seconds, step, *args)

        monkeypatch.setattr(loop, "call_later", call_later)

    async def expire(self) -> float:
        """Waits for a timer, and lets it go off; returns after how many seconds it would have."""
        await until(lambda: bool(self._set))
        seconds, step = self._set.pop(0)
        step()
        await asyncio.sleep(0)
        return seconds

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return bool(self._set)


class Stubborn:
    """An item that is in progress, and does not end when it is cancelled.

    Attributes:
        running: set once it is.
        cancelled: by what it was cancelled, each time.
        may_end: set where it may end.
    """

    def __init__(self) -> None:
        """Not yet running."""
        self.running = asyncio.Event()
        self.cancelled: list[asyncio.CancelledError] = []
        self.may_end = asyncio.Event()

    async def __call__(self, _: ItemCtx) -> None:
        """Goes on until it may end."""
        self.running.set()
        while not self.may_end.is_set():
            try:
                await self.may_end.wait()
            except asyncio.CancelledError as error:
                self.cancelled.append(error)


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Of the test's loop."""
    return Timers(monkeypatch)


@pytest.fixture
async def item() -> AsyncIterator[Stubborn]:
    """The item that is in progress; it may end with the test, so that one that fails ends, too."""
    stubborn = Stubborn()
    yield stubborn
    stubborn.may_end.set()


async def _begun(stage: Stage, item: Stubborn) -> asyncio.Task[CmdOutcome[Any]]:
    stage.world.hooks["a"] = item
    ctx = stage.ctx(stage.flow({"a": []}), ladder=TIMES)
    task: asyncio.Task[CmdOutcome[Any]] = asyncio.create_task(EnsureCmd.exec(ctx))
    await item.running.wait()
    return task


async def test_stop_waits(stage: Stage, timers: Timers, item: Stubborn) -> None:
    """At STOP, what is in progress has all the time that it needs."""
    command = await _begun(stage, item)
    stage.sender.request(InterruptLevel.STOP)
    await asyncio.sleep(0)
    assert not timers.is_set
    item.may_end.set()
    assert (await command).items["a"].status is ItemStatus.DONE
    assert not item.cancelled


async def test_cancel_waits_twice(stage: Stage, timers: Timers, item: Stubborn) -> None:
    """At CANCEL items have `cancel_grace`, are cancelled, have `cleanup_timeout`, are abandoned."""
    command = await _begun(stage, item)
    stage.sender.request(InterruptLevel.CANCEL)
    await asyncio.sleep(0)
    assert not item.cancelled
    assert await timers.expire() == TIMES.cancel_grace
    assert len(item.cancelled) == 1
    assert not command.done()
    assert await timers.expire() == TIMES.cleanup_timeout
    assert (await command).items["a"].status is ItemStatus.ABANDONED
    assert not timers.is_set
    item.may_end.set()


async def test_kill_waits_for_nothing(stage: Stage, timers: Timers, item: Stubborn) -> None:
    """At KILL items are abandoned at once; what was cancelled before is not cancelled again."""
    command = await _begun(stage, item)
    stage.sender.request(InterruptLevel.CANCEL)
    assert await timers.expire() == TIMES.cancel_grace
    stage.sender.request(InterruptLevel.KILL)
    assert (await command).items["a"].status is ItemStatus.ABANDONED
    assert len(item.cancelled) == 1
    item.may_end.set()


async def test_the_command_is_cancelled(stage: Stage, timers: Timers, item: Stubborn) -> None:
    """Items are cancelled at once, and have `cleanup_timeout` for their own clean-up."""
    command = await _begun(stage, item)
    command.cancel()
    await until(lambda: len(item.cancelled) == 1)
    assert await timers.expire() == TIMES.cleanup_timeout
    with pytest.raises(asyncio.CancelledError):
        await command
    assert stage.sink.ended()["a"] == "abandoned"
    item.may_end.set()


def test_the_usual_times() -> None:
    """Unless told otherwise, items have 5 seconds to end, and 10 more to clean up."""
    assert ExecutionSettings().ladder == LadderTimes(cancel_grace=5.0, cleanup_timeout=10.0)


async def test_an_abandoned_item_is_not_collected(stage: Stage) -> None:
    """What an item does after it was abandoned goes on, also where nothing else refers to it.

    A loop knows its tasks weakly; one that waits for something that only itself knows would be
    garbage, and its clean-up would never run.
    """
    waiting: list[weakref.ref[asyncio.Future[None]]] = []
    ended = asyncio.Event()

    async def hook(_: ItemCtx) -> None:
        stage.sender.request(InterruptLevel.KILL)
        while not ended.is_set():
            future = asyncio.get_running_loop().create_future()
            waiting.append(weakref.ref(future))
            try:
                await future
                ended.set()
            except asyncio.CancelledError:
                del future

    stage.world.hooks["a"] = hook
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow({"a": []})))
    assert outcome.items["a"].status is ItemStatus.ABANDONED
    stage.world.hooks.clear()
    del outcome
    await until(lambda: len(waiting) == 2)
    gc.collect()
    future = waiting[-1]()
    assert future is not None
    future.set_result(None)
    await ended.wait()
