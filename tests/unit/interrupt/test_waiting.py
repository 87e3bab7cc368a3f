"""Waiting is never a reason to be deaf, and an interrupted wait takes nothing along."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from peaceful.interrupt import (
    IgnoreInterruptions,
    Interrupted,
    InterruptibilityState,
    Interruptible,
    InterruptReceiver,
    InterruptSender,
    NoInterrupt,
    NonInterruptible,
    PollNextN,
    interrupt_channel,
    wait_or_interrupted,
)


@pytest.fixture
def channel() -> tuple[InterruptSender, InterruptReceiver]:
    """A latch of its own for each test."""
    return interrupt_channel()


Channel = tuple[InterruptSender, InterruptReceiver]


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_value_comes_through(channel: Channel) -> None:
    """Without an interrupt, the answer is the value, and nothing stays subscribed."""
    _, receiver = channel
    queue: asyncio.Queue[str] = asyncio.Queue()
    waiting = asyncio.create_task(wait_or_interrupted(queue.get(), receiver))
    await settle()
    queue.put_nowait("a")
    assert await waiting == NoInterrupt("a")
    assert len(receiver._current.latch.raised) == 0


async def test_an_error_comes_through(channel: Channel) -> None:
    """An error of what is waited for is passed on, a timeout of its own included."""
    _, receiver = channel
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError("mistake"))
    with pytest.raises(ValueError, match="mistake"):
        await wait_or_interrupted(future, receiver)
    with pytest.raises(TimeoutError):
        await wait_or_interrupted(asyncio.wait_for(asyncio.Event().wait(), 0), receiver)


async def test_waiting_for_a_slot_ends_at_once_and_takes_no_slot(channel: Channel) -> None:
    """Interrupted waits for a semaphore and a lock return at once, and acquire nothing."""
    sender, receiver = channel
    slots, lock = asyncio.Semaphore(1), asyncio.Lock()
    await slots.acquire()
    await lock.acquire()
    waiting = [
        asyncio.create_task(wait_or_interrupted(slots.acquire(), receiver)),
        asyncio.create_task(wait_or_interrupted(lock.acquire(), receiver)),
        asyncio.create_task(wait_or_interrupted(asyncio.sleep(3600), receiver)),
    ]
    await settle()
    sender.request()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [Interrupted()] * 3
    slots.release()
    lock.release()
    await asyncio.wait_for(slots.acquire(), 5)
    await asyncio.wait_for(lock.acquire(), 5)


@pytest.mark.parametrize("hops", range(8))
async def test_a_slot_freed_as_the_interrupt_comes_is_not_lost(channel: Channel, hops: int) -> None:
    """Whichever comes first, the slot is either in the answer or still free."""
    sender, receiver = channel
    slots = asyncio.Semaphore(1)
    await slots.acquire()
    waiting = asyncio.create_task(wait_or_interrupted(slots.acquire(), receiver))
    await settle()
    sender.request()
    for _ in range(hops):
        await asyncio.sleep(0)
    slots.release()
    answer = await waiting
    assert slots.locked() == (answer == NoInterrupt(True))


@pytest.mark.parametrize("hops", range(8))
async def test_an_interrupt_as_the_slot_is_freed_does_not_lose_it(
    channel: Channel, hops: int
) -> None:
    """The same with the slot first: nothing is acquired that nobody knows of."""
    sender, receiver = channel
    slots = asyncio.Semaphore(1)
    await slots.acquire()
    waiting = asyncio.create_task(wait_or_interrupted(slots.acquire(), receiver))
    await settle()
    slots.release()
    for _ in range(hops):
        await asyncio.sleep(0)
    sender.request()
    answer = await waiting
    assert slots.locked() == (answer == NoInterrupt(True))


async def test_a_cancelled_wait_is_cancelled_even_if_interrupted_too(channel: Channel) -> None:
    """A task that is cancelled while the interrupt ends its wait stays cancelled."""
    sender, receiver = channel
    waiting = asyncio.create_task(wait_or_interrupted(asyncio.Event().wait(), receiver))
    await settle()
    sender.request()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(receiver._current.latch.raised) == 0


async def test_a_wait_that_survives_cancelling_gives_its_value(channel: Channel) -> None:
    """What finishes in spite of the interrupt is not thrown away; the task goes on unharmed."""
    sender, receiver = channel

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "done"

    async def work() -> str:
        answer = await wait_or_interrupted(stubborn(), receiver)
        await asyncio.sleep(0)
        assert isinstance(answer, NoInterrupt)
        return answer.value

    working = asyncio.create_task(work())
    await settle()
    sender.request()
    assert await working == "done"


async def test_after_the_interrupt_nothing_is_begun(channel: Channel) -> None:
    """If nothing may start at the outset, a coroutine is closed unbegun, a future cancelled."""
    sender, receiver = channel
    sender.request()
    slots = asyncio.Semaphore(1)
    acquiring = slots.acquire()
    assert await wait_or_interrupted(acquiring, receiver) == Interrupted()
    assert inspect.getcoroutinestate(acquiring) == inspect.CORO_CLOSED
    assert not slots.locked()
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await wait_or_interrupted(future, receiver) == Interrupted()
    assert future.cancelled()


async def test_a_value_that_is_there_already_is_given(channel: Channel) -> None:
    """A finished future's value is given, even after the interrupt."""
    sender, receiver = channel
    sender.request()
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    future.set_result(1)
    assert await wait_or_interrupted(future, receiver) == NoInterrupt(1)


async def test_with_poll_next_the_wait_lasts_while_starts_are_left(channel: Channel) -> None:
    """Waits end when nothing more may start, which is when the last start is taken."""
    sender, receiver = channel
    state = InterruptibilityState(Interruptible(receiver, PollNextN(1)))
    waiting = asyncio.create_task(wait_or_interrupted(asyncio.Event().wait(), state))
    await settle()
    sender.request()
    await settle()
    assert not waiting.done()
    assert state.may_start()
    assert await asyncio.wait_for(waiting, 5) == Interrupted()


async def test_what_ignores_the_interrupt_waits_on(channel: Channel) -> None:
    """With `IgnoreInterruptions` or `NonInterruptible` a wait takes as long as it takes."""
    sender, receiver = channel
    sender.request()
    for by in (Interruptible(receiver, IgnoreInterruptions()), NonInterruptible()):
        assert await wait_or_interrupted(asyncio.sleep(0, "rested"), by) == NoInterrupt("rested")


async def test_an_interrupt_from_another_thread_wakes_the_wait(channel: Channel) -> None:
    """A signal sent by another thread ends a wait in this loop."""
    sender, receiver = channel
    waiting = asyncio.create_task(wait_or_interrupted(asyncio.sleep(3600), receiver))
    await settle()
    await asyncio.to_thread(sender.request)
    assert await asyncio.wait_for(waiting, 5) == Interrupted()
