"""Process signals around a command: before there is anything to interrupt, and after its end.

While an execution runs, `interrupt_on_signals` handles them. Before, a signal ends the command at
once; afterwards it must not spoil what is being printed.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Self

from peaceful._model.interrupt import (
    KEY_REPEAT,
    MAY_BE_IGNORED,
    PROCESS_SIGNALS,
    InterruptLevel,
    InterruptSource,
)

_TIME_TO_PRINT: Final = 2.0
"""Seconds that a command which has ended may still print, after a signal."""

_LAST_RESORT: Final = 10.0
"""Seconds from KILL to the end of the process, if nothing that is running lets go."""


class Signalled(BaseException):
    """A process signal came while there was no execution to interrupt.

    Not an `Exception`: like `KeyboardInterrupt`, it must get past code that catches errors.
    """

    def __init__(self, source: InterruptSource) -> None:
        super().__init__(source)
        self.source = source


_Handler = Callable[[int, FrameType | None], object] | int | None


class ProcessSignals:
    """Handles SIGINT, SIGTERM and SIGHUP within a context.

    It does nothing outside the main thread, and for signals that are to be ignored.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, _Handler] = {}
        self._ending: int | None = None
        self._leaving: tuple[InterruptSource, float] | None = None
        self._alarm_before: _Handler = None
        self._unraisable_before: Callable[[sys.UnraisableHookArgs], object] | None = None
        # Undoes what must not stay behind where the process is left in the middle of everything,
        # such as the modes of the terminal.
        self.at_once: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            _ignore_at_exit()
            self._unraisable_before = sys.unraisablehook
            sys.unraisablehook = self._unraisable
            for source in PROCESS_SIGNALS:
                number = source.signal_number
                before = None if number is None else signal.getsignal(number)
                # None: other code than Python handles it, and that could not be put back.
                ignored = before is signal.SIG_IGN and source in MAY_BE_IGNORED
                if number is not None and before is not None and not ignored:
                    self._before[number] = before
                    signal.signal(number, functools.partial(self._received, source))
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            ends_the_process = handler in (signal.default_int_handler, signal.SIG_DFL)
            signal.signal(number, _Late(handler) if ends_the_process else handler)
        if self._unraisable_before is not None:
            sys.unraisablehook = self._unraisable_before
        self._stay()

    def heeds(self, source: InterruptSource) -> bool:
        """Return whether the signal is handled at all."""
        return any(number.name == source.name for number in self._before)

    @property
    def left_by(self) -> InterruptSource | None:
        """The signal that came before there was anything to interrupt, or None.

        Check it where something begins or has failed: what is raised for a signal gets lost in
        places where Python cannot raise, such as callbacks of weak references.
        """
        return None if self._leaving is None else self._leaving[0]

    def ending(self, exit_code: int) -> None:
        """Keep the exit code from now on; a signal only ends printing that takes too long."""
        self._ending = exit_code

    @contextmanager
    def last_resort(self) -> Generator[None]:
        """Within the context, end the process some time after the third Ctrl-C in any case.

        An execution heeds signals in an event loop, which an item may block. Enter it after the
        handlers of the execution are in place.
        """
        heeded = self._before.get(signal.SIGINT)
        if heeded is None:
            yield
            return
        inner = signal.getsignal(signal.SIGINT)
        levels = iter(InterruptLevel)
        last = float("-inf")

        def press(number: int, frame: FrameType | None) -> None:
            nonlocal last
            now = time.monotonic()
            counts, last = now - last >= KEY_REPEAT, now
            if counts and next(levels, None) is InterruptLevel.KILL:
                self._leave_in(_LAST_RESORT, InterruptSource.SIGINT.exit_code)
            if callable(inner):
                inner(number, frame)

        signal.signal(signal.SIGINT, press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, inner)
            self._stay()

    def _received(self, source: InterruptSource, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._ending is not None:
            self._leave_in(_TIME_TO_PRINT, self._ending)
        elif self._leaving is None:
            self._leaving = source, now
            raise Signalled(source)
        else:
            first, before = self._leaving
            self._leaving = first, now
            if now - before >= KEY_REPEAT:
                # Another press; a held key is none, nor are signals that come together.
                self._leave_now(first.exit_code)

    def _unraisable(self, what: sys.UnraisableHookArgs) -> None:
        """Report errors that cannot be raised, except signals, which are heeded later."""
        if not isinstance(what.exc_value, Signalled) and self._unraisable_before is not None:
            self._unraisable_before(what)

    def _leave_in(self, seconds: float, exit_code: int) -> None:
        """Set an alarm that ends the process, unless one is set."""
        if self._alarm_before is not None or not hasattr(signal, "setitimer"):  # on Windows
            return

        def leave(_number: int, _frame: FrameType | None) -> None:
            self._leave_now(exit_code if self._ending is None else self._ending)

        self._alarm_before = signal.signal(signal.SIGALRM, leave)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _stay(self) -> None:
        """Turn the alarm off."""
        if self._alarm_before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._alarm_before)
            self._alarm_before = None

    def _leave_now(self, exit_code: int) -> None:
        self.at_once()
        os._exit(exit_code)


class _Late:
    """Handles a signal after the end of the command.

    A key that is still held down must neither make Python print a traceback while it ends, nor
    change the exit code. So the previous handler is restored only by the first press after the time
    of a key's repeating.
    """

    def __init__(self, before: _Handler) -> None:
        self._before = before
        self._ended = time.monotonic()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - self._ended >= KEY_REPEAT:
            signal.signal(number, self._before)
            signal.raise_signal(number)


@functools.cache
def _ignore_at_exit() -> None:
    """Ignore signals while Python shuts down, which would let them change the exit code."""

    def ignore() -> None:
        for source in PROCESS_SIGNALS:
            number = source.signal_number
            if number is not None and isinstance(signal.getsignal(number), _Late):
                signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)
