"""Handlers of process signals, and how repeated signals escalate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator
from types import FrameType

from peaceful._model.interrupt import (
    CANCEL_AFTER,
    MAY_BE_IGNORED,
    PROCESS_SIGNALS,
    InterruptLevel,
    InterruptSource,
)


class SignalEscalation:
    """Counts presses of Ctrl-C and keeps deadlines.

    Args:
        stop_timeout: seconds from the first SIGTERM or SIGHUP to KILL; CANCEL comes after 60 %.
        key_repeat: presses less than this many seconds apart count once, however many there are: a
            key that is held down is not consent.
    """

    __slots__ = ("_deadlines", "_key_repeat", "_last_press", "_presses", "_stop_timeout")

    def __init__(self, *, stop_timeout: float, key_repeat: float) -> None:
        self._stop_timeout = stop_timeout
        self._key_repeat = key_repeat
        self._presses = 0
        self._last_press: float | None = None
        self._deadlines: list[tuple[float, InterruptLevel]] | None = None

    def press(self, at: float) -> InterruptLevel | None:
        """Return the level of a Ctrl-C: STOP, CANCEL, then KILL; `None` for a key repeat.

        All times are seconds of one clock that never goes back.
        """
        before, self._last_press = self._last_press, at
        if before is not None and at - before < self._key_repeat:
            return None
        self._presses += 1
        levels = tuple(InterruptLevel)
        return levels[min(self._presses, len(levels)) - 1]

    def terminate(self, at: float) -> InterruptLevel:
        """Return STOP for SIGTERM or SIGHUP; the first of them sets the deadlines."""
        if self._deadlines is None:
            self._deadlines = [
                (at + CANCEL_AFTER * self._stop_timeout, InterruptLevel.CANCEL),
                (at + self._stop_timeout, InterruptLevel.KILL),
            ]
        return InterruptLevel.STOP

    @property
    def next_deadline(self) -> float | None:
        """When `due` returns the next level, or `None`."""
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, at: float) -> InterruptLevel | None:
        """Return the level of the last deadline that has passed since the last call, or `None`."""
        level: InterruptLevel | None = None
        while self._deadlines and self._deadlines[0][0] <= at:
            _, level = self._deadlines.pop(0)
        return level


@contextlib.contextmanager
def handle_signals(
    receive: Callable[[InterruptSource], None],
) -> Generator[frozenset[InterruptSource]]:
    """Within the context, pass process signals to a function; afterwards restore the handlers.

    Left alone are: all signals outside the main thread, where Python cannot handle any; those the
    platform does not know; SIGINT and SIGHUP if they are ignored; and those handled by other code
    than Python, because that could not be restored.

    Args:
        receive: called in the main thread, in the middle of whatever it does.

    Yields:
        The signals that are passed on.
    """
    before = _replaceable() if threading.current_thread() is threading.main_thread() else {}
    for source, (number, previous) in before.items():
        signal.signal(number, _handler(source, previous, receive))
    try:
        yield frozenset(before)
    finally:
        for number, previous in before.values():
            signal.signal(number, previous)


_Previous = Callable[[int, FrameType | None], object] | int


def _replaceable() -> dict[InterruptSource, tuple[signal.Signals, _Previous]]:
    found: dict[InterruptSource, tuple[signal.Signals, _Previous]] = {}
    for source in PROCESS_SIGNALS:
        number = source.signal_number
        previous = None if number is None else signal.getsignal(number)
        ignored = previous is signal.SIG_IGN and source in MAY_BE_IGNORED
        if number is not None and previous is not None and not ignored:
            found[source] = (number, previous)
    return found


def _handler(
    source: InterruptSource, previous: _Previous, receive: Callable[[InterruptSource], None]
) -> Callable[[int, FrameType | None], None]:
    owner = os.getpid()

    def handle(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == owner:
            receive(source)
        elif source is not InterruptSource.SIGINT:
            # A fork has copied this handler, but not what listens to it. It must not be deaf to
            # those who want it to end. Ctrl-C reaches the whole group, and there the parent
            # decides.
            signal.signal(number, previous)
            os.kill(os.getpid(), number)

    return handle


@contextlib.contextmanager
def wake_on_signals(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Within the context, let a process signal wake the loop, even one that is about to sleep.

    Without it, a signal that comes between Python's last check for signals and the system call that
    waits would be noticed only when the loop wakes for another reason.
    """
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        if before != -1:
            # Something wakes the loop already: handlers of its own, or it is another kind of loop.
            signal.set_wakeup_fd(before)
            yield
            return
        try:
            loop.add_reader(reading, _drain, reading)
            yield
        finally:
            loop.remove_reader(reading)
            now = signal.set_wakeup_fd(-1)
            if now != writing.fileno():
                signal.set_wakeup_fd(now)


def _drain(reading: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while reading.recv(4096):
            pass


@contextlib.contextmanager
def suspend_loop_handlers(
    loop: asyncio.AbstractEventLoop, sources: frozenset[InterruptSource]
) -> Generator[None]:
    """Within the context, suspend the loop's own handlers of these signals.

    asyncio has no API for it, so this looks where asyncio keeps them. With another kind of loop,
    which keeps them elsewhere, they go on being called.
    """
    on_loop: dict[int, asyncio.Handle] = getattr(loop, "_signal_handlers", {})
    numbers = [getattr(signal, source.name) for source in sources]
    silenced = {number: on_loop.pop(number) for number in numbers if number in on_loop}
    try:
        yield
    finally:
        on_loop.update(silenced)
