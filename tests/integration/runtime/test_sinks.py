"""Sinks that are slow, that fail, and that hang: none of them touches the execution."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from item_world import Stage
from waiting import until

from peaceful import ItemCtx
from peaceful._runtime.hub import ProgressHub, Subscription
from peaceful.commands import (
    CmdCtx,
    Complete,
    EnsureCmd,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutputSink,
)
from peaceful.interrupt import InterruptLevel
from peaceful.testing import RecordingSink

NEEDS = {"a": [], "b": ["a"], "c": []}


def _with(ctx: CmdCtx, *sinks: OutputSink) -> CmdCtx:
    return replace(ctx, sinks=(*ctx.sinks, *sinks))


class Failing(RecordingSink):
    """Fails at some event, however many come in one call, and when it is closed."""

    def __init__(self, at: int, error: BaseException) -> None:
        """Fails with the error at that event."""
        super().__init__()
        self._left = at
        self._error = error

    def receive(self, events: Sequence[Event]) -> None:
        """Keeps events, until it fails."""
        for event in events:
            self._left -= 1
            if self._left == 0:
                raise self._error
            super().receive([event])

    def close(self) -> None:
        """Fails too."""
        super().close()
        raise self._error


@pytest.mark.parametrize("error", [OSError("broken pipe"), SystemExit(1), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_sink_that_fails(
    stage: Stage, at: int, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told nothing more, a log says so, and the command and other sinks go on."""
    failing = Failing(at, error)
    outcome = await EnsureCmd.exec(_with(stage.ctx(stage.flow(NEEDS)), failing))
    assert isinstance(outcome, Complete)
    assert isinstance(stage.sink.events[-1], ExecutionEnded)
    assert stage.sink.closed
    assert failing.closed == 1
    assert not failing.of(ExecutionEnded)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "shows nothing more of this execution" in messages[0]
    assert "could not be closed" in messages[1]


class Waiting(RecordingSink):
    """Takes nothing until it may."""

    def __init__(self) -> None:
        """May take nothing."""
        super().__init__()
        self.asked = threading.Event()
        self.may_go_on = threading.Event()

    def receive(self, events: Sequence[Event]) -> None:
        """Waits, then keeps events."""
        self.asked.set()
        self.may_go_on.wait()
        super().receive(events)


async def test_a_slow_sink_slows_no_item(stage: Stage) -> None:
    """All items end while it takes its first event; then it is told of every start and ending.

    Of an item's progress it is told the newest only.
    """
    slow = Waiting()

    async def hook(ctx: ItemCtx) -> None:
        for number in range(100):
            ctx.progress.message(f"at {number}")
            await asyncio.sleep(0)

    stage.world.every = hook
    task = asyncio.create_task(EnsureCmd.exec(_with(stage.ctx(stage.flow(NEEDS)), slow)))
    await until(lambda: len(stage.sink.ended()) == len(NEEDS))
    assert not task.done()
    assert not slow.events
    slow.may_go_on.set()
    assert isinstance(await task, Complete)
    starts, ends = slow.of(ItemStarted), slow.of(ItemEnded)
    assert sorted(event.item for event in starts) == sorted(event.item for event in ends)
    assert {event.item for event in ends} == set(NEEDS)
    assert isinstance(slow.events[0], ExecutionStarted)
    assert isinstance(slow.events[-1], ExecutionEnded)
    assert len(slow.of(ItemProgressed)) <= len(NEEDS)
    assert slow.closed == 1


async def test_a_sink_that_hangs_is_given_up_after_a_kill(stage: Stage) -> None:
    """The command waits for a sink that hangs, but not after a kill: what it did is on disk."""
    hanging = Waiting()

    async def hook(_: ItemCtx) -> None:
        stage.sender.request(InterruptLevel.KILL)
        await asyncio.get_running_loop().create_future()

    stage.world.hooks["b"] = hook
    ctx = _with(stage.ctx(stage.flow(NEEDS)), hanging)
    outcome = await EnsureCmd.exec(ctx)
    assert outcome.interrupt is not None
    assert not hanging.events
    hanging.may_go_on.set()


async def test_who_waits_for_a_sink_that_hangs_can_be_cancelled(stage: Stage) -> None:
    """The execution has ended by then, and the next one can start."""
    hanging = Waiting()
    ctx = stage.ctx(stage.flow(NEEDS))
    task = asyncio.create_task(EnsureCmd.exec(_with(ctx, hanging)))
    await until(lambda: any(isinstance(event, ExecutionEnded) for event in stage.sink.events))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stage.sink.events.clear()
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    hanging.may_go_on.set()


# ---- readers in the loop


async def _read(subscription: Subscription) -> list[Event]:
    return [event async for event in subscription]


async def _recorded(stage: Stage) -> list[Event]:
    """The events of a command."""
    await EnsureCmd.exec(stage.ctx(stage.flow(NEEDS)))
    return stage.sink.events


@examples(15)
@given(st.data())
async def test_a_reader_that_comes_at_any_moment(data: st.DataObject) -> None:
    """The snapshot tells the past, and batches what comes: together, everything, once."""
    with tempfile.TemporaryDirectory() as folder:
        events = await _recorded(Stage(Path(folder)))
    moment = data.draw(st.integers(0, len(events)))
    hub = ProgressHub()
    for event in events[:moment]:
        hub.publish(event)
    known = set(hub.snapshot.ended) if hub.snapshot.block else set()
    subscription = hub.subscribe()
    for event in events[moment:]:
        hub.publish(event)
    read = await _read(subscription)
    expected = events[moment:] or [events[-1]]
    assert [event for event in read if not isinstance(event, ItemProgressed)] == expected
    told = {event.item for event in read if isinstance(event, ItemEnded)}
    assert not known & told
    hub.unsubscribe(subscription)
    assert await hub.close()


async def test_nothing_is_told_after_the_end(stage: Stage) -> None:
    """Functions that were abandoned may still have something to say: nobody hears it."""
    events = await _recorded(stage)
    sink = RecordingSink()
    hub = ProgressHub([sink])
    for event in (*events, *events):
        hub.publish(event)
    await hub.close()
    assert sink.events == events


def test_a_reader_whose_loop_is_closed() -> None:
    """It is forgotten by who publishes: nothing fails because nobody reads any more."""

    async def subscribed() -> ProgressHub:
        hub = ProgressHub()
        hub.subscribe()
        return hub

    hub = asyncio.run(subscribed())
    started = ItemStarted(datetime.now(UTC), "a")
    hub.publish(started)
    assert "a" in hub.snapshot.running
