"""The two ends of a latch: what is kept, what is answered, who is told."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    SendResult,
    interrupt_channel,
)

STOP, CANCEL, KILL = InterruptLevel
MakeSignal = Callable[[InterruptLevel], InterruptSignal]


def test_nothing_is_latched_at_first() -> None:
    """A new latch is clear and open, and asking for it changes nothing."""
    sender, receiver = interrupt_channel()
    assert receiver.poll() is None
    assert receiver.first is None
    assert (sender.signal, sender.first, sender.closed) == (None, None, False)


def test_the_level_only_goes_up(signal_at: MakeSignal) -> None:
    """A lower or equal level after a higher one changes nothing, and says so."""
    sender, receiver = interrupt_channel()
    assert sender.send(signal_at(CANCEL)) is SendResult.ACCEPTED
    assert sender.send(signal_at(STOP)) is SendResult.UNCHANGED
    assert sender.send(signal_at(CANCEL)) is SendResult.UNCHANGED
    assert receiver.poll() == signal_at(CANCEL)
    assert sender.send(signal_at(KILL)) is SendResult.ACCEPTED
    assert receiver.poll() == sender.signal == signal_at(KILL)


def test_the_first_accepted_signal_is_remembered(signal_at: MakeSignal) -> None:
    """`first` keeps the first accepted signal when the level rises; `poll` gives the highest."""
    sender, receiver = interrupt_channel()
    first, second = signal_at(STOP), signal_at(CANCEL)
    sender.send(first)
    sender.send(second)
    assert receiver.first is first
    assert sender.first is first
    assert receiver.poll() is second


def test_a_request_carries_the_present_time(noon: datetime) -> None:
    """`request` makes a signal of level, source and reason, with the time of the given clock."""
    sender, receiver = interrupt_channel(now=lambda: noon)
    assert sender.request() is SendResult.ACCEPTED
    assert receiver.poll() == InterruptSignal(STOP, InterruptSource.API, noon)
    sender.request(KILL, source=InterruptSource.WEB, reason="enough")
    assert receiver.poll() == InterruptSignal(KILL, InterruptSource.WEB, noon, "enough")


def test_without_a_clock_the_time_is_that_of_the_system() -> None:
    """The time of a request is UTC, with its zone."""
    before = datetime.now(UTC)
    sender, receiver = interrupt_channel()
    sender.request()
    signal = receiver.poll()
    assert signal is not None
    assert before <= signal.requested_at <= datetime.now(UTC)


def test_after_the_end_everything_comes_too_late(signal_at: MakeSignal) -> None:
    """Closing gives what was latched; later sends change nothing; closing again says the same."""
    sender, receiver = interrupt_channel()
    sender.send(signal_at(STOP))
    assert receiver.close() == signal_at(STOP)
    assert sender.closed
    assert sender.send(signal_at(KILL)) is SendResult.TOO_LATE
    assert sender.send(signal_at(STOP)) is SendResult.TOO_LATE
    assert receiver.close() == receiver.poll() == signal_at(STOP)


def test_a_further_sender_shares_the_latch(noon: datetime) -> None:
    """A receiver makes senders of its own latch, with the same clock."""
    sender, receiver = interrupt_channel(now=lambda: noon)
    assert receiver.sender().request() is SendResult.ACCEPTED
    assert sender.request() is SendResult.UNCHANGED
    assert receiver.sender().signal == InterruptSignal(STOP, InterruptSource.API, noon)


def test_the_next_execution_starts_with_a_clear_latch(signal_at: MakeSignal) -> None:
    """Reopened after the end, both ends of the channel are clear, and take signals again."""
    sender, receiver = interrupt_channel()
    sender.send(signal_at(KILL))
    receiver.close()
    execution = receiver.reopen()
    assert (receiver.poll(), execution.poll(), sender.closed) == (None, None, False)
    assert sender.send(signal_at(STOP)) is SendResult.ACCEPTED
    assert receiver.poll() == execution.poll() == signal_at(STOP)


def test_a_signal_before_the_execution_begins_is_heeded(signal_at: MakeSignal) -> None:
    """An open latch is left alone when an execution begins."""
    sender, receiver = interrupt_channel()
    sender.send(signal_at(STOP))
    assert receiver.reopen().poll() == receiver.poll() == signal_at(STOP)


def test_each_execution_keeps_its_own_latch(signal_at: MakeSignal) -> None:
    """What was stopped stays so when the next execution runs; late requests never reach that."""
    sender, receiver = interrupt_channel()
    first = receiver.reopen()
    to_first = first.sender()
    state = InterruptibilityState(Interruptible(first))
    told: list[InterruptSignal] = []
    first.subscribe(told.append)
    sender.send(signal_at(STOP))
    first.close()
    assert sender.closed
    second = receiver.reopen()
    assert to_first.send(signal_at(KILL)) is SendResult.TOO_LATE
    assert second.poll() is None
    assert sender.send(signal_at(CANCEL)) is SendResult.ACCEPTED
    assert second.poll() == signal_at(CANCEL)
    assert first.poll() == signal_at(STOP)
    assert not state.may_go_on()
    assert told == [signal_at(STOP)]


async def test_a_waiter_is_woken_by_its_own_execution(signal_at: MakeSignal) -> None:
    """Who waited is given the signal it waited for, even if the next execution has begun."""
    sender, receiver = interrupt_channel()
    waiting = asyncio.create_task(receiver.wait())
    await asyncio.sleep(0)
    sender.send(signal_at(STOP))
    receiver.close()
    receiver.reopen()
    assert await waiting == signal_at(STOP)


def test_both_ends_show_how_the_latch_stands() -> None:
    """The representation of both ends tells level and end."""
    sender, receiver = interrupt_channel()
    assert repr(sender) == "InterruptSender(clear)"
    sender.request(CANCEL)
    assert repr(receiver) == "InterruptReceiver(cancel)"
    receiver.close()
    assert repr(sender) == "InterruptSender(cancel, closed)"


def test_a_subscriber_is_told_every_accepted_signal(signal_at: MakeSignal) -> None:
    """A subscriber is told each accepted signal once, by the thread that sends it."""
    sender, receiver = interrupt_channel()
    told: list[tuple[InterruptLevel, int]] = []
    receiver.subscribe(lambda signal: told.append((signal.level, threading.get_ident())))
    for level in (STOP, STOP, KILL, CANCEL):
        sender.send(signal_at(level))
    receiver.close()
    sender.send(signal_at(KILL))
    here = threading.get_ident()
    assert told == [(STOP, here), (KILL, here)]


def test_a_late_subscriber_is_told_at_once(signal_at: MakeSignal) -> None:
    """What was accepted before the subscription is told before `subscribe` returns, in order."""
    sender, receiver = interrupt_channel()
    sender.send(signal_at(STOP))
    sender.send(signal_at(KILL))
    told: list[InterruptSignal] = []
    receiver.subscribe(told.append)
    assert told == [signal_at(STOP), signal_at(KILL)]


def test_who_unsubscribed_is_told_nothing_more(signal_at: MakeSignal) -> None:
    """The returned function ends a subscription, any number of times, and no other one."""
    sender, receiver = interrupt_channel()
    left: list[InterruptSignal] = []
    stayed: list[InterruptSignal] = []
    unsubscribe = receiver.subscribe(left.append)
    receiver.subscribe(stayed.append)
    sender.send(signal_at(STOP))
    unsubscribe()
    unsubscribe()
    sender.send(signal_at(KILL))
    assert left == [signal_at(STOP)]
    assert stayed == [signal_at(STOP), signal_at(KILL)]


def test_a_callback_may_unsubscribe_itself(signal_at: MakeSignal) -> None:
    """A callback that ends its own subscription is not called for what is already waiting."""
    sender, receiver = interrupt_channel()
    told: list[InterruptLevel] = []

    def once(signal: InterruptSignal) -> None:
        told.append(signal.level)
        unsubscribe()
        sender.send(signal_at(CANCEL))

    unsubscribe = receiver.subscribe(once)
    sender.send(signal_at(STOP))
    assert told == [STOP]
    assert receiver.poll() == signal_at(CANCEL)


def test_unsubscribing_between_two_signals_that_wait(signal_at: MakeSignal) -> None:
    """Of several signals that wait to be told, an ended subscription is not told the rest."""
    sender, receiver = interrupt_channel()
    told: list[InterruptLevel] = []

    def climb(signal: InterruptSignal) -> None:
        told.append(signal.level)
        if signal.level is STOP:
            sender.send(signal_at(CANCEL))
            sender.send(signal_at(KILL))
        else:
            unsubscribe()

    unsubscribe = receiver.subscribe(climb)
    sender.send(signal_at(STOP))
    assert told == [STOP, CANCEL]


def test_a_callback_that_sends_is_told_its_own_signal_afterwards(signal_at: MakeSignal) -> None:
    """A callback is never called in the middle of itself; what it sends is told right after."""
    sender, receiver = interrupt_channel()
    log: list[str] = []

    def echo(signal: InterruptSignal) -> None:
        log.append(f"in {signal.level}")
        if signal.level is STOP:
            sender.send(signal_at(KILL))
        log.append(f"out {signal.level}")

    receiver.subscribe(echo)
    sender.send(signal_at(STOP))
    assert log == ["in stop", "out stop", "in kill", "out kill"]


def test_a_callback_that_raises_harms_nobody(
    signal_at: MakeSignal, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of a callback is logged; the sender, the others and its own next call go on."""
    sender, receiver = interrupt_channel()
    told: list[InterruptLevel] = []

    def fail(signal: InterruptSignal) -> None:
        told.append(signal.level)
        raise ValueError("mistake")

    receiver.subscribe(fail)
    receiver.subscribe(lambda signal: told.append(signal.level))
    with caplog.at_level(logging.ERROR, logger="peaceful.interrupt"):
        assert sender.send(signal_at(STOP)) is SendResult.ACCEPTED
        assert sender.send(signal_at(KILL)) is SendResult.ACCEPTED
    assert told == [STOP, STOP, KILL, KILL]
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert "stop" in caplog.text
    assert "ValueError: mistake" in caplog.text


async def test_waiting_ends_at_the_level(signal_at: MakeSignal) -> None:
    """`wait` returns the signal once the level is reached, and not below it."""
    sender, receiver = interrupt_channel()
    waiting = asyncio.create_task(receiver.wait(CANCEL))
    await asyncio.sleep(0)
    sender.send(signal_at(STOP))
    assert await receiver.wait() == signal_at(STOP)
    assert not waiting.done()
    sender.send(signal_at(KILL))
    assert await waiting == signal_at(KILL)
    assert await receiver.wait(STOP) == signal_at(KILL)


async def test_all_who_wait_are_woken(signal_at: MakeSignal) -> None:
    """Any number of waiters in many loops and threads are woken by one signal."""
    sender, receiver = interrupt_channel()
    ready = threading.Barrier(5)

    def run_in_thread() -> list[InterruptSignal]:
        async def waiters() -> list[InterruptSignal]:
            tasks = [asyncio.ensure_future(receiver.wait()) for _ in range(20)]
            await asyncio.sleep(0)
            ready.wait(10)
            return await asyncio.gather(*tasks)

        return asyncio.run(waiters())

    threads = [asyncio.create_task(asyncio.to_thread(run_in_thread)) for _ in range(4)]
    await asyncio.to_thread(ready.wait, 10)
    sender.send(signal_at(STOP))
    assert await asyncio.gather(*threads) == [[signal_at(STOP)] * 20] * 4


async def test_cancelled_waiters_leave_nothing_behind(signal_at: MakeSignal) -> None:
    """Waiters, cancelled or woken, and subscriptions that ended are forgotten."""
    sender, receiver = interrupt_channel()
    listening = receiver._current.latch.raised
    cancelled = [asyncio.create_task(receiver.wait()) for _ in range(10)]
    woken = asyncio.create_task(receiver.wait())
    unsubscribe = receiver.subscribe(lambda _: None)
    await asyncio.sleep(0)
    assert len(listening) == 12
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    unsubscribe()
    assert len(listening) == 1
    sender.send(signal_at(STOP))
    await woken
    assert len(listening) == 0


async def test_a_waiter_cancelled_as_it_is_woken_is_cancelled(signal_at: MakeSignal) -> None:
    """A wake-up that is under way to a waiter that has just been cancelled is dropped."""
    sender, receiver = interrupt_channel()
    waiting = asyncio.create_task(receiver.wait())
    await asyncio.sleep(0)
    sender.send(signal_at(STOP))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_a_loop_that_went_away_does_not_harm_the_sender(signal_at: MakeSignal) -> None:
    """A waiter whose loop was closed without cancelling it makes no sender fail."""
    sender, receiver = interrupt_channel()
    loop = asyncio.new_event_loop()
    waiter = receiver.wait()
    loop.call_soon(waiter.send, None)
    loop.call_soon(loop.stop)
    errors: list[object] = []
    # The future that it waits for is handed to nobody.
    loop.set_exception_handler(lambda _, context: errors.append(context))
    loop.run_forever()
    loop.close()
    assert sender.send(signal_at(STOP)) is SendResult.ACCEPTED
    waiter.close()
    gc.collect()
    assert errors == []
