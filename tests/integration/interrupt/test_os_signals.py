"""Process signals within one process: what is installed, put back, told and left alone."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from peaceful.interrupt import (
    InterruptLevel,
    InterruptReceiver,
    InterruptSender,
    InterruptSignal,
    InterruptSource,
    SendResult,
    interrupt_channel,
)
from peaceful.interrupt.os_signals import interrupt_on_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

STOP, CANCEL, KILL = InterruptLevel
ALL = frozenset({InterruptSource.SIGINT, InterruptSource.SIGTERM, InterruptSource.SIGHUP})
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

Told = list[tuple[InterruptSignal, SendResult]]


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        """Always noon."""
        return NOON

    def monotonic(self) -> float:
        """What it was set to."""
        return self.seconds


@pytest.fixture(autouse=True)
def handlers() -> Iterator[list[object]]:
    """Whatever a test does, the handlers of the test process are put back; these they were."""
    before = [signal.getsignal(number) for number in NUMBERS]
    fd = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(fd)
    yield list(before)
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)
    assert signal.set_wakeup_fd(fd) == fd


def installed() -> list[object]:
    """The handlers that are in place."""
    return [signal.getsignal(number) for number in NUMBERS]


@pytest.fixture
def channel() -> tuple[InterruptSender, InterruptReceiver]:
    """A latch of its own for each test."""
    return interrupt_channel()


Channel = tuple[InterruptSender, InterruptReceiver]


async def test_handlers_are_put_back_exactly(channel: Channel) -> None:
    """Within the context all three signals are handled; afterwards all is as it was."""
    before = installed()
    async with interrupt_on_signals(channel[0]) as sources:
        assert sources == ALL
        assert all(now != then for now, then in zip(installed(), before, strict=True))
    assert installed() == before


def test_handlers_are_put_back_after_an_error(channel: Channel, handlers: list[object]) -> None:
    """An error within the context passes through, and the handlers are put back."""

    def fail() -> None:
        with interrupt_on_signals(channel[0]) as sources:
            assert sources == ALL
            raise ValueError("mistake")

    with pytest.raises(ValueError, match="mistake"):
        fail()
    assert installed() == handlers


async def test_signals_carry_the_given_clocks_time(channel: Channel) -> None:
    """What is sent, and told to `on_press`, has source, level and the time of the clock."""
    told: Told = []
    clock = Clock()
    pressed = asyncio.Event()

    def on_press(sent: InterruptSignal, result: SendResult) -> None:
        told.append((sent, result))
        pressed.set()

    async with interrupt_on_signals(channel[0], on_press=on_press, clock=clock):
        for seconds in (100.0, 100.4, 101.0):
            clock.seconds = seconds
            signal.raise_signal(signal.SIGINT)
        await channel[1].wait(CANCEL)
    assert told == [
        (InterruptSignal(STOP, InterruptSource.SIGINT, NOON), SendResult.ACCEPTED),
        (InterruptSignal(CANCEL, InterruptSource.SIGINT, NOON), SendResult.ACCEPTED),
    ]


async def test_a_level_reached_by_another_door_is_told_as_unchanged(channel: Channel) -> None:
    """A first press is a STOP, whatever the level is already, and then it changes nothing."""
    told: Told = []
    sender, _ = channel
    sender.request(CANCEL, source=InterruptSource.WEB)
    async with interrupt_on_signals(sender, on_press=lambda *what: told.append(what)):
        signal.raise_signal(signal.SIGINT)
    assert [(sent.level, result) for sent, result in told] == [(STOP, SendResult.UNCHANGED)]


async def test_a_signal_at_the_last_moment_is_sent(channel: Channel) -> None:
    """A signal that comes right before the context is left is sent and told, with no deadline."""
    sender, receiver = channel
    told: Told = []
    async with interrupt_on_signals(sender, on_press=lambda *what: told.append(what)):
        signal.raise_signal(signal.SIGTERM)
    assert [sent.level for sent, _ in told] == [STOP]
    for _ in range(10):
        await asyncio.sleep(0)
    latched = receiver.poll()
    assert latched is not None
    assert latched.level is STOP


async def test_an_error_of_on_press_costs_no_deadline(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that `on_press` raises is logged, and the ladder is climbed all the same."""
    sender, receiver = channel

    def fail(sent: InterruptSignal, result: SendResult) -> None:
        raise ValueError("mistake")

    async with interrupt_on_signals(sender, stop_timeout=0.02, on_press=fail):
        signal.raise_signal(signal.SIGTERM)
        await receiver.wait(KILL)
    messages = [record.getMessage() for record in caplog.records if record.exc_info]
    assert messages[0] == "on_press raised an error at stop"
    assert messages[-1] == "on_press raised an error at kill"


async def test_after_the_end_there_are_no_deadlines(channel: Channel) -> None:
    """With the latch closed, SIGTERM is told as too late, and nothing follows of itself."""
    sender, receiver = channel
    receiver.close()
    told: Told = []
    watch = interrupt_on_signals(sender, on_press=lambda *what: told.append(what), stop_timeout=0.0)
    async with watch:
        signal.raise_signal(signal.SIGTERM)
        for _ in range(10):
            await asyncio.sleep(0)
    assert [(sent.level, result) for sent, result in told] == [(STOP, SendResult.TOO_LATE)]


async def test_the_reason_of_a_deadline_is_given(channel: Channel) -> None:
    """What a deadline sends names the signal that set it."""
    sender, receiver = channel
    async with interrupt_on_signals(sender, stop_timeout=0.01):
        signal.raise_signal(signal.SIGHUP)
        last = await receiver.wait(KILL)
    assert (last.source, last.reason) == (InterruptSource.SIGHUP, "not done in time after SIGHUP")


async def test_the_first_deadline_is_kept(channel: Channel) -> None:
    """With a SIGTERM, a SIGHUP changes nothing: what follows is still that of SIGTERM."""
    sender, receiver = channel
    told: Told = []
    async with interrupt_on_signals(
        sender, stop_timeout=0.05, on_press=lambda *what: told.append(what)
    ):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        await receiver.wait(KILL)
    # On a busy machine, deadlines may pass before the second signal is heard.
    pressed, passed = (
        [
            (sent.source, sent.level, result is SendResult.ACCEPTED)
            for sent, result in told
            if (sent.reason is not None) == by_deadline
        ]
        for by_deadline in (False, True)
    )
    assert pressed == [(InterruptSource.SIGTERM, STOP, True), (InterruptSource.SIGHUP, STOP, False)]
    assert passed == [(InterruptSource.SIGTERM, level, True) for level in (CANCEL, KILL)]


async def test_without_on_press_nothing_is_told(channel: Channel) -> None:
    """`on_press` may be left out."""
    sender, receiver = channel
    async with interrupt_on_signals(sender):
        signal.raise_signal(signal.SIGINT)
        assert (await receiver.wait()).level is STOP


@pytest.mark.parametrize("in_loop", [True, False])
def test_in_another_thread_nothing_is_installed(
    channel: Channel, in_loop: bool, handlers: list[object]
) -> None:
    """In any other thread the set of signals is empty, no handler is touched, all else works."""
    seen: list[object] = []

    async def loop() -> None:
        async with interrupt_on_signals(channel[0]) as sources:
            seen.extend([sources, installed()])

    def no_loop() -> None:
        with interrupt_on_signals(channel[0]) as sources:
            seen.extend([sources, installed()])

    thread = threading.Thread(target=(lambda: asyncio.run(loop())) if in_loop else no_loop)
    thread.start()
    thread.join()
    assert seen == [frozenset(), handlers]


async def test_handlers_on_the_loop_are_silent_and_come_back(channel: Channel) -> None:
    """A handler that was put on the loop itself is not called meanwhile, and is afterwards."""
    sender, receiver = channel
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, called.set)
    try:
        async with interrupt_on_signals(sender):
            signal.raise_signal(signal.SIGTERM)
            await receiver.wait()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not called.is_set()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(called.wait(), 10)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_a_wake_up_that_changed_meanwhile_is_kept(channel: Channel) -> None:
    """If something else took over waking the loop within the context, it keeps it."""
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        async with interrupt_on_signals(channel[0]):
            ours = signal.set_wakeup_fd(writing.fileno())
            assert ours not in {-1, writing.fileno()}
        assert signal.set_wakeup_fd(-1) == writing.fileno()


async def test_contexts_may_be_nested() -> None:
    """The inner context hears signals; after it, the outer one does again."""
    before = installed()
    (outer, of_outer), (inner, of_inner) = interrupt_channel(), interrupt_channel()
    async with interrupt_on_signals(outer):
        async with interrupt_on_signals(inner):
            signal.raise_signal(signal.SIGINT)
            await of_inner.wait()
        assert of_outer.poll() is None
        signal.raise_signal(signal.SIGINT)
        await of_outer.wait()
    assert installed() == before


def test_in_a_loop_that_runs_already(channel: Channel, handlers: list[object]) -> None:
    """In a loop that somebody else started and keeps running, as in a notebook, it works alike."""
    sender, receiver = channel
    loop = asyncio.new_event_loop()
    levels: list[InterruptLevel] = []

    async def cell() -> None:
        async with interrupt_on_signals(sender):
            signal.raise_signal(signal.SIGINT)
            levels.append((await receiver.wait()).level)
        loop.stop()

    task = loop.create_task(cell())
    loop.run_forever()
    loop.close()
    assert task.done()
    assert levels == [STOP]
    assert installed() == handlers


def test_a_platform_without_sighup(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no SIGHUP, as on Windows, the others are handled."""
    monkeypatch.delattr(signal, "SIGHUP")
    with interrupt_on_signals(channel[0]) as sources:
        assert sources == ALL - {InterruptSource.SIGHUP}


def test_handlers_of_other_languages_are_left_alone(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that Python cannot put back is not replaced."""
    known = signal.getsignal
    monkeypatch.setattr(
        signal, "getsignal", lambda number: None if number == signal.SIGINT else known(number)
    )
    with interrupt_on_signals(channel[0]) as sources:
        assert sources == ALL - {InterruptSource.SIGINT}


def test_without_a_loop_the_latch_is_set_at_once(channel: Channel) -> None:
    """In a program without a loop, the handler itself sends: the next question sees it."""
    sender, receiver = channel
    told: Told = []
    with interrupt_on_signals(sender, on_press=lambda *what: told.append(what)):
        signal.raise_signal(signal.SIGINT)
        latched = receiver.poll()
        assert latched is not None
    assert told == [(latched, SendResult.ACCEPTED)]
