"""Process signals before there is anything to interrupt, and after the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from peaceful._cli.program.signals import ProcessSignals, Signalled
from peaceful.interrupt import InterruptSource

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test does, signals are handled as before afterwards."""
    before = {number: signal.getsignal(number) for number in ALL}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    """Sends a signal to this process, which handles it at once."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("source", [*InterruptSource][:3])
def test_before(source: InterruptSource) -> None:
    """Before anything has started, a signal ends whatever is done."""
    with ProcessSignals() as signals:
        assert signals.heeds(source)
        with pytest.raises(Signalled) as raised:
            send(signal.Signals[source.name])
    assert raised.value.source is source


def test_a_held_key() -> None:
    """A key that is held down, and signals that come together, count once."""
    with ProcessSignals():
        with pytest.raises(Signalled):
            send(signal.SIGINT)
        send(signal.SIGINT)
        send(signal.SIGTERM)


def test_insisting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever presses again, later, is not kept waiting."""
    left: list[int] = []
    times = iter([1.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr("peaceful._cli.program.signals.time.monotonic", lambda: next(times, 9.0))
    monkeypatch.setattr(os, "_exit", left.append)
    with ProcessSignals() as signals:
        put_back: list[bool] = []
        signals.at_once = lambda: put_back.append(True)
        with pytest.raises(Signalled):
            send(signal.SIGTERM)
        send(signal.SIGINT)
    assert (left, put_back) == ([143], [True])


def test_while_the_outcome_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the outcome is known, signals do not change it, but limit how long it is printed."""
    left: list[int] = []
    armed: list[float] = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(signal, "setitimer", lambda _which, seconds: armed.append(seconds))
    with ProcessSignals() as signals:
        signals.ending(1)
        send(signal.SIGTERM)
        send(signal.SIGINT)
        signals.ending(0)
        assert armed == [2.0]
        send(signal.SIGALRM)
    assert left == [0]
    assert armed[-1] == 0


def test_after_the_end() -> None:
    """A key that is still held down when the command has ended makes no noise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with ProcessSignals():
        pass
    send(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later, all is as it was before."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ProcessSignals():
        pass
    monkeypatch.setattr("peaceful._cli.program.signals.time.monotonic", lambda: float("inf"))
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ignored() -> None:
    """What the program was told to ignore stays ignored: SIGINT and SIGHUP, as by nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ProcessSignals() as signals, signals.last_resort():
        assert not signals.heeds(InterruptSource.SIGHUP)
        send(signal.SIGHUP)
        send(signal.SIGINT)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_in_another_thread() -> None:
    """In another thread nothing is handled, and all else works."""
    heeded: list[bool] = []

    def run() -> None:
        with ProcessSignals() as signals, signals.last_resort():
            heeded.append(signals.heeds(InterruptSource.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert heeded == [False]


def test_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third press ends the process after some time, if nothing else does."""
    armed: list[float] = []
    heard: list[int] = []
    left: list[int] = []
    now = 0.0
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(signal, "setitimer", lambda _which, seconds: armed.append(seconds))
    monkeypatch.setattr("peaceful._cli.program.signals.time.monotonic", lambda: now)
    with ProcessSignals() as signals:
        signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
        with signals.last_resort():
            for pressed_at in (1.0, 1.1, 2.0, 3.0, 3.1, 4.0):
                now = pressed_at
                send(signal.SIGINT)
            assert armed == [10.0]
            send(signal.SIGALRM)
        assert armed == [10.0, 0]
    assert len(heard) == 6
    assert left == [130]
