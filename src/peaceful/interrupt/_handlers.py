"""Handlers of process signals, and how repeated signals escalate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Final, Self

from peaceful._model.interrupt import (
    CANCEL_AFTER,
    MAY_BE_IGNORED,
    PROCESS_SIGNALS,
    InterruptLevel,
    InterruptSource,
)
from peaceful._process_signals import can_press_keys


class SignalEscalation:
    """Decides what level each process signal asks for, and keeps deadlines.

    The first signal is a STOP. Each further press of Ctrl-C climbs one level, and so does the first
    signal of another kind: whoever sends SIGTERM after SIGINT means it. Signals that come together
    count once, however many there are: a key that is held down is not consent, and neither are the
    SIGTERM and the SIGHUP that some service managers send at once.

    Args:
        stop_timeout: seconds from the first signal that nobody at a terminal can have sent to KILL;
            CANCEL comes after 60 %.
        key_repeat: signals less than this many seconds apart count once.
        can_press: returns whether somebody could press Ctrl-C now.
    """

    __slots__ = (
        "_can_press",
        "_deadlines",
        "_key_repeat",
        "_kinds",
        "_last",
        "_level",
        "_stop_timeout",
        "deadline_of",
    )

    def __init__(
        self, *, stop_timeout: float, key_repeat: float, can_press: Callable[[], bool] | None = None
    ) -> None:
        self._stop_timeout = stop_timeout
        self._key_repeat = key_repeat
        self._can_press = can_press or can_press_keys
        self._level: InterruptLevel | None = None
        self._kinds: set[InterruptSource] = set()
        self._last: dict[InterruptSource, float] = {}
        self._deadlines: list[tuple[float, InterruptLevel]] | None = None
        self.deadline_of: InterruptSource | None = None
        """The signal that set the deadlines, or `None`."""

    def receive(self, source: InterruptSource, at: float) -> InterruptLevel | None:
        """Return the level of a signal; `None` for a key repeat.

        All times are seconds of one clock that never goes back.
        """
        pressed = source is InterruptSource.SIGINT
        before = self._last.get(source)
        together = any(at - last < self._key_repeat for last in self._last.values())
        self._last[source] = at
        if pressed and before is not None and at - before < self._key_repeat:
            return None
        if self._deadlines is None and not (pressed and self._can_press()):
            self.deadline_of = source
            self._deadlines = [
                (at + CANCEL_AFTER * self._stop_timeout, InterruptLevel.CANCEL),
                (at + self._stop_timeout, InterruptLevel.KILL),
            ]
        climbs = (pressed or source not in self._kinds) and not together
        self._kinds.add(source)
        if self._level is None:
            self._level = InterruptLevel.STOP
        elif climbs:
            self._level = self._level.above or self._level
        elif not pressed:
            # Asked for once more: whoever asks hears that it is known.
            return InterruptLevel.STOP
        return self._level

    @property
    def next_deadline(self) -> float | None:
        """When `due` returns the next level, or `None`."""
        return self._deadlines[0][0] if self._deadlines else None

    def due(self, at: float) -> InterruptLevel | None:
        """Return the next level whose deadline has passed, or `None`: each, however late."""
        if not self._deadlines or self._deadlines[0][0] > at:
            return None
        _, self._level = self._deadlines.pop(0)
        return self._level


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


class SignalBell:
    """Rings for each process signal that is handled here, also while the main thread does not run.

    Python calls handlers in the main thread, between two of its instructions: not while that waits
    in a function of another language. The number of each signal comes as a byte at once, if nothing
    else of the program has its signals come in that way already, such as a loop with handlers of
    its own; then the handlers ring.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reading, selectors.EVENT_READ)
        self._before: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
            if before == -1 or before in _bells:
                self._before = before
            else:
                signal.set_wakeup_fd(before)
            _bells.add(self._writing.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            now = signal.set_wakeup_fd(self._before)
            if now != self._writing.fileno():
                # Something else has taken over meanwhile, and keeps it.
                signal.set_wakeup_fd(now)
        _bells.discard(self._writing.fileno())

    def close(self) -> None:
        """Close it, once nobody listens any more."""
        self._selector.close()
        self._reading.close()
        self._writing.close()

    def rings_by_itself(self) -> bool:
        """Return whether signals ring without a handler; call it in a handler."""
        now = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        if now == self._writing.fileno():
            return True
        signal.set_wakeup_fd(now)
        return False

    def ring(self, number: int = 0) -> None:
        """Ring for a signal; for none, only whoever listens is woken. Never waits."""
        with contextlib.suppress(BlockingIOError):  # it rings already
            self._writing.send(bytes([number]))

    def wait(self, seconds: float | None) -> None:
        """Wait until it rings, but not longer than so many seconds."""
        self._selector.select(seconds)

    def take(self) -> bytes:
        """Return the numbers of the signals that have come since the last call. Never waits."""
        try:
            return self._reading.recv(4096)
        except BlockingIOError:
            return b""


_bells: Final[set[int]] = set()
"""The descriptors of bells that are in use."""


def _after_fork() -> None:
    # Else a signal to the child would ring at its parent.
    if _bells:
        _bells.clear()
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


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
