"""Process signals that a sleeping main thread would not notice."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import threading
from collections.abc import Generator, Iterable
from typing import Final, Self

_PATIENCE: Final = 0.05
"""Seconds that the main thread has to notice a signal by itself."""

_NOTICED: Final = 128
"""Added to the number of a signal: its handler has been called."""


class Bell:
    """Wakes a thread for signals, and lets that thread wake the main thread.

    Python notices a signal between two steps of the main thread. One that comes after the last look
    and before a system call that waits, such as that of a lock, is noticed only when that call
    returns: perhaps never. So the thread that waits here hears of each signal by itself, from
    Python's wakeup descriptor, and sends it again if no handler has been called for it.

    What the bell hears is one stream of bytes in the order in which things happened: the number of
    each signal as it comes, and the same with `_NOTICED` added as its handler begins.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._unnoticed: set[int] = set()
        self._handlers: dict[int, object] = {}

    @contextlib.contextmanager
    def hung(self) -> Generator[Self]:
        """Within the context, it hears the signals of the main thread, if it is hung there.

        It does not, where something listens to them already: an event loop is woken by them too.
        """
        with self._reading, self._writing:
            self._reading.setblocking(False)
            self._writing.setblocking(False)
            if threading.current_thread() is not threading.main_thread():
                yield self
                return
            ours = self._writing.fileno()
            before = signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
            if before != -1:
                signal.set_wakeup_fd(before)
            _deaf_in_forks()
            _DESCRIPTORS.add(ours)
            try:
                yield self
            finally:
                _stop_waking(ours)
                _DESCRIPTORS.discard(ours)

    def expect(self, numbers: Iterable[int]) -> None:
        """Says which signals are handled, by handlers that are in place and say that they begin."""
        self._handlers = {number: signal.getsignal(number) for number in numbers}

    def noticed(self, number: int) -> None:
        """Says that the handler of a signal begins. Safe in the handler."""
        self._send(number + _NOTICED)

    def ring(self) -> None:
        """Wakes the thread that waits. Safe in a handler."""
        self._send(0)

    def wait(self, seconds: float | None) -> None:
        """Waits until it is rung, or a signal comes, or the time is over; for one thread.

        Args:
            seconds: how long at most, or none for ever.
        """
        if self._unnoticed:
            seconds = _PATIENCE if seconds is None else min(seconds, _PATIENCE)
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if ready:
            self._listen()
        else:
            self._wake_main_thread()

    def _listen(self) -> None:
        for byte in self._reading.recv(4096):
            if byte > _NOTICED:
                self._unnoticed.discard(byte - _NOTICED)
            elif byte in self._handlers:
                self._unnoticed.add(byte)

    def _wake_main_thread(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        for number in self._unnoticed:
            # Where another handler is in place by now, nobody would say that it was noticed.
            ours = signal.getsignal(number) is self._handlers[number]
            if ours and hasattr(signal, "pthread_kill"):  # not on Windows: no lock wakes up there
                # It came already: Python keeps both as one until it notices.
                signal.pthread_kill(main, number)
        self._unnoticed.clear()  # Each of them is heard again.

    def _send(self, byte: int) -> None:
        # Full: then the thread has enough to wake up for.
        with contextlib.suppress(BlockingIOError):
            self._writing.send(bytes([byte]))


_DESCRIPTORS: Final[set[int]] = set()
"""Where bells of this process hear signals."""


def _stop_waking(*descriptors: int) -> None:
    """Takes Python's wakeup descriptor away, if it is one of these."""
    now = signal.set_wakeup_fd(-1)
    if now not in descriptors:
        signal.set_wakeup_fd(now)


@functools.cache
def _deaf_in_forks() -> None:
    """What comes to a fork must not be heard here, where it would be sent to this process."""

    def be_deaf() -> None:
        if threading.current_thread() is threading.main_thread():
            _stop_waking(*_DESCRIPTORS)

    if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
        os.register_at_fork(after_in_child=be_deaf)
