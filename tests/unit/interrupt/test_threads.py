"""Many threads at one latch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial, wraps

from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptSignal,
    PollNextN,
    SendResult,
    interrupt_channel,
)

STOP, CANCEL, KILL = InterruptLevel


def repeated(times: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Runs a test many times over: threads do not meet at the same instruction each time."""

    def decorate(test: Callable[[], None]) -> Callable[[], None]:
        @wraps(test)
        def run() -> None:
            for _ in range(times):
                test()

        return run

    return decorate


def together(*works: Callable[[], None]) -> None:
    """Run functions in threads that begin at the same moment, and wait for them."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait(10)
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@repeated(50)
def test_each_level_is_accepted_at_most_once() -> None:
    """However many threads send, each level is accepted once, and each is told once, in order."""
    sender, receiver = interrupt_channel()
    told: list[InterruptLevel] = []
    receiver.subscribe(lambda signal: told.append(signal.level))
    results: list[tuple[InterruptLevel, SendResult]] = []

    def climb() -> None:
        levels = (STOP, STOP, CANCEL, KILL, CANCEL)
        results.extend((level, sender.request(level)) for level in levels)

    together(*[climb] * 4)
    accepted = [level for level, result in results if result is SendResult.ACCEPTED]
    assert sorted(accepted) == told == sorted(set(told))
    assert told[-1] is KILL


@repeated(100)
def test_finished_first_and_accepted_exclude_each_other() -> None:
    """What was told `ACCEPTED` is in the answer of closing; what was told `TOO_LATE` is not."""
    sender, receiver = interrupt_channel()
    results: list[SendResult] = []
    latched: list[InterruptSignal | None] = []
    together(
        lambda: results.append(sender.request()),
        lambda: latched.append(receiver.close()),
    )
    assert results == [SendResult.TOO_LATE if latched == [None] else SendResult.ACCEPTED]


@repeated(50)
def test_subscribers_in_threads_are_told_once() -> None:
    """Subscribing while others send misses nothing and tells nothing twice."""
    sender, receiver = interrupt_channel()
    told: list[list[InterruptSignal]] = [[], [], []]

    def send(level: InterruptLevel) -> None:
        sender.request(level)

    def subscribe(seen: list[InterruptSignal]) -> None:
        receiver.subscribe(seen.append)

    together(*(partial(subscribe, seen) for seen in told), partial(send, STOP), partial(send, KILL))
    assert told == [list(receiver._current.latch.state.accepted)] * 3


@repeated(20)
def test_exactly_n_more_start_whatever_the_threads() -> None:
    """`PollNextN(n)` allows n starts after the signal, whichever threads ask, and however often."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(50)))
    sender.request()
    started: list[int] = []

    def ask() -> None:
        started.extend(1 for _ in range(40) if state.may_start())

    together(*[ask] * 4)
    assert len(started) == state.starts_after_signal == 50
