"""How a terminal is set while a picture is drawn on it."""

from __future__ import annotations

import os
import pty
import signal
import termios
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from peaceful._cli.terminal.modes import TerminalModes

LOCAL = 3


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal that echoes keys."""
    ours, theirs = pty.openpty()
    yield theirs
    os.close(theirs)
    os.close(ours)


def echoes(terminal: int) -> tuple[bool, bool]:
    """Whether keys are echoed, and control keys."""
    local = termios.tcgetattr(terminal)[LOCAL]
    return bool(local & termios.ECHO), bool(local & termios.ECHOCTL)


def modes(terminal: int | None, *, all_keys: bool = True) -> TerminalModes:
    """The modes of a terminal that nobody suspends."""
    return TerminalModes(terminal, all_keys=all_keys)


@pytest.mark.parametrize(("all_keys", "within"), [(True, (False, False)), (False, (True, False))])
def test_within(terminal: int, all_keys: bool, within: tuple[bool, bool]) -> None:
    """Within the context keys are not echoed, or control keys are not; afterwards all are."""
    with modes(terminal, all_keys=all_keys):
        assert echoes(terminal) == within
    assert echoes(terminal) == (True, True)


def test_after_an_error(terminal: int) -> None:
    """Whatever happens within, the terminal is set back."""

    def fail() -> None:
        with modes(terminal):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert echoes(terminal) == (True, True)


def test_set_back_at_once(terminal: int) -> None:
    """It can be set back in the middle of everything, and again."""
    with modes(terminal) as within:
        within.restore()
        assert echoes(terminal) == (True, True)
        within.restore()


def test_no_terminal() -> None:
    """Without a terminal nothing is done."""
    with modes(None) as within:
        within.restore()
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_terminal_that_is_gone() -> None:
    """A terminal that has gone away is no obstacle."""
    ours, theirs = pty.openpty()
    with modes(theirs):
        os.close(ours)
    os.close(theirs)
    reading, writing = os.pipe()
    with modes(reading):
        pass
    os.close(reading)
    os.close(writing)


def test_going_on(terminal: int) -> None:
    """When the process goes on after it was stopped, the terminal is set again."""
    still: list[str] = []
    with TerminalModes(terminal, all_keys=True, still=partial(noted, still)) as within:
        within.restore()
        os.kill(os.getpid(), signal.SIGCONT)
        assert (echoes(terminal), still) == ((False, False), ["still", "not"])
    assert signal.getsignal(signal.SIGCONT) is signal.SIG_DFL


@contextmanager
def noted(still: list[str]) -> Generator[None]:
    """Notes when nobody draws."""
    still.append("still")
    yield
    still.append("not")


def test_nothing_is_drawn_while_suspended(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who draws is in the middle of nothing when the process is suspended."""
    still: list[str] = []
    monkeypatch.setattr(signal, "raise_signal", lambda _number: still.append("stopped"))
    with TerminalModes(terminal, all_keys=True, still=partial(noted, still)):
        os.kill(os.getpid(), signal.SIGTSTP)
    assert still == ["still", "stopped", "not"]


def test_suspended(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the process is suspended, the terminal is set back for whoever has it then."""
    seen: list[tuple[bool, bool]] = []
    monkeypatch.setattr(signal, "raise_signal", lambda _number: seen.append(echoes(terminal)))
    with modes(terminal):
        os.kill(os.getpid(), signal.SIGTSTP)
        assert seen == [(True, True)]
        assert signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL


def test_others_who_watch(terminal: int) -> None:
    """Where somebody handles suspension already, that is left to them."""
    heard: list[int] = []
    before = signal.signal(signal.SIGCONT, lambda number, _frame: heard.append(number))
    try:
        with modes(terminal):
            os.kill(os.getpid(), signal.SIGCONT)
    finally:
        signal.signal(signal.SIGCONT, before)
    assert heard == [signal.SIGCONT]
