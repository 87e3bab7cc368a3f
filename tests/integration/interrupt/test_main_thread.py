"""A main thread that sleeps is woken for signals that it would not notice."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from peaceful.interrupt._main_thread import Bell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no lock is woken by signals there")

PATIENCE = 30.0
"""Seconds that anything is waited for, on a busy machine."""


class Handled:
    """A handler of SIGUSR1 that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = threading.Event()

    def __call__(self, _number: int, _frame: object) -> None:
        """A signal has come."""
        self.calls += 1
        self.called.set()


@pytest.fixture
def handled() -> Iterator[Handled]:
    """The handler, in place."""
    handler = Handled()
    before = signal.signal(signal.SIGUSR1, handler)
    yield handler
    signal.signal(signal.SIGUSR1, before)


def twice(bell: Bell) -> None:
    """Waits for the signal, and then for what is done about it."""
    bell.wait(None)
    bell.wait(None)


def wakeup_fd() -> int:
    """The descriptor to which Python writes the numbers of signals."""
    fd = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(fd)
    return fd


def test_an_unnoticed_signal_is_sent_again(handled: Handled) -> None:
    """A signal that no handler was called for is sent to the main thread once more."""
    with Bell().hung() as bell:
        bell.expect([signal.SIGUSR1])
        # As Python does it for a signal that comes right before the main thread falls asleep.
        os.write(wakeup_fd(), bytes([signal.SIGUSR1]))
        listener = threading.Thread(target=twice, args=[bell])
        listener.start()
        assert handled.called.wait(PATIENCE)
        listener.join(PATIENCE)
    assert handled.calls == 1


def test_a_noticed_signal_is_not_sent_again(handled: Handled) -> None:
    """A signal whose handler was called is left at that."""
    with Bell().hung() as bell:
        bell.expect([signal.SIGUSR1])
        signal.raise_signal(signal.SIGUSR1)
        bell.noticed(signal.SIGUSR1)
        bell.wait(None)
        bell.wait(0.2)
    assert handled.calls == 1


def test_signals_of_others_are_not_sent_again(handled: Handled) -> None:
    """Signals that were not expected, or have another handler by now, are not its business."""
    with Bell().hung() as bell:
        bell.expect([signal.SIGUSR2])
        signal.raise_signal(signal.SIGUSR1)
        bell.wait(None)
        bell.wait(0.2)
        bell.expect([signal.SIGUSR1])
        another = Handled()
        signal.signal(signal.SIGUSR1, another)
        signal.raise_signal(signal.SIGUSR1)
        bell.wait(None)
        bell.wait(None)
        bell.wait(0.2)
    assert (handled.calls, another.calls) == (1, 1)


def test_who_listens_already_goes_on_listening() -> None:
    """Where something else hears signals already, it is left alone."""
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno())
        try:
            with Bell().hung() as bell:
                assert wakeup_fd() == writing.fileno()
                bell.ring()
                bell.wait(None)
            assert wakeup_fd() == writing.fileno()
        finally:
            signal.set_wakeup_fd(before)


def test_signals_to_a_fork_are_not_heard(handled: Handled) -> None:
    """A signal that a fork gets is not taken for one of this process."""
    with Bell().hung() as bell:
        bell.expect([signal.SIGUSR1])
        child = os.fork()
        if child == 0:
            signal.raise_signal(signal.SIGUSR1)
            os._exit(wakeup_fd() != -1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        bell.wait(0)
        bell.wait(0.2)
    assert handled.calls == 0
    assert wakeup_fd() == -1
