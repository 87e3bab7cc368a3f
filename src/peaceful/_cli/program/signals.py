"""Process signals around a command: before there is anything to interrupt, and after its end.

While an execution runs, `interrupt_on_signals` has the signals, and the execution heeds them.
Before, a signal ends the command at once; afterwards it must not spoil what is being printed.
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
from types import FrameType, TracebackType
from typing import Final, Self

from peaceful._model.interrupt import (
    KEY_REPEAT,
    MAY_BE_IGNORED,
    PROCESS_SIGNALS,
    InterruptLevel,
    InterruptSource,
)

_TIME_TO_PRINT: Final = 2.0
"""Seconds that a command which has ended may still print, once somebody wants it to end."""

_LAST_RESORT: Final = 10.0
"""Seconds from KILL to the end of the process, where nothing that is running lets go."""


class Signalled(BaseException):
    """A process signal came while there was no execution that could have been interrupted.

    Not an `Exception`: like `KeyboardInterrupt`, it must get past whoever catches errors.

    Attributes:
        source: the signal.
    """

    def __init__(self, source: InterruptSource) -> None:
        super().__init__(source)
        self.source = source


_Handler = Callable[[int, FrameType | None], object] | int | None


class ProcessSignals:
    """Handles SIGINT, SIGTERM and SIGHUP for the length of a command; a context manager.

    In another thread than the main one, and for signals that are to be ignored, it does nothing.

    Attributes:
        at_once: called before the process is left in the middle of everything; it puts back what
            must not stay behind, such as how the terminal is set.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, _Handler] = {}
        self._ending: int | None = None
        self._leaving: tuple[InterruptSource, float] | None = None
        self._alarm_before: _Handler = None
        self._unraisable_before: Callable[[sys.UnraisableHookArgs], object] | None = None
        self.at_once: Callable[[], None] = _nothing

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            _ignore_at_exit()
            self._unraisable_before = sys.unraisablehook
            sys.unraisablehook = self._unraisable
            for source in PROCESS_SIGNALS:
                self._take_over(source)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, _after_the_end(handler))
        if self._unraisable_before is not None:
            sys.unraisablehook = self._unraisable_before
        self._stay()

    def heeds(self, source: InterruptSource) -> bool:
        """Whether the signal is handled at all."""
        return any(number.name == source.name for number in self._before)

    @property
    def left_by(self) -> InterruptSource | None:
        """The signal that came before there was anything to interrupt, or none.

        To be asked where something begins, or has failed: what is raised for a signal gets lost in
        places where Python lets nothing be raised, such as callbacks of weak references.
        """
        return None if self._leaving is None else self._leaving[0]

    def ending(self, exit_code: int) -> None:
        """From now on the outcome is known and is being printed.

        Signals do not change it any more; but where printing does not come to an end, they end it.
        """
        self._ending = exit_code

    @contextmanager
    def last_resort(self) -> Generator[None]:
        """Within the context, the third Ctrl-C ends the process after some time in any case.

        An execution heeds its presses in an event loop. Where an item blocks that loop, nobody
        would. To be entered after the handlers of the execution are in place.
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

    def _take_over(self, source: InterruptSource) -> None:
        number = source.signal_number
        if number is None:
            return
        before = signal.getsignal(number)
        # None: other code than Python handles it, and that could not be put back.
        if before is None or (before is signal.SIG_IGN and source in MAY_BE_IGNORED):
            return
        self._before[number] = before
        signal.signal(number, lambda _number, _frame: self._received(source))

    def _received(self, source: InterruptSource) -> None:
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
                # Somebody insists; a held key does not, nor do signals that come together.
                self._leave_now(first.exit_code)

    def _unraisable(self, what: sys.UnraisableHookArgs) -> None:
        """Tells of errors that nobody gets, but not of a signal, which is heeded later."""
        if not isinstance(what.exc_value, Signalled) and self._unraisable_before is not None:
            self._unraisable_before(what)

    def _leave_in(self, seconds: float, exit_code: int) -> None:
        """Sets an alarm that ends the process, unless one is set."""
        if self._alarm_before is not None or not hasattr(signal, "setitimer"):  # on Windows
            return

        def leave(_number: int, _frame: FrameType | None) -> None:
            self._leave_now(exit_code if self._ending is None else self._ending)

        self._alarm_before = signal.signal(signal.SIGALRM, leave)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _stay(self) -> None:
        """Turns the alarm off."""
        if self._alarm_before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._alarm_before)
            self._alarm_before = None

    def _leave_now(self, exit_code: int) -> None:
        self.at_once()
        os._exit(exit_code)


def _nothing() -> None:
    pass


class _Late:
    """Handles a signal once the command has ended.

    A key that is still held down must neither make Python print a traceback while it ends, nor
    change the exit code. So what would do so is put back only at the first press after the time of
    a key's repeating.
    """

    def __init__(self, before: _Handler) -> None:
        self._before = before
        self._ended = time.monotonic()

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - self._ended >= KEY_REPEAT:
            signal.signal(number, self._before)
            signal.raise_signal(number)


def _after_the_end(before: _Handler) -> _Handler:
    """What handles a signal once the command has ended."""
    ends_the_process = before is signal.default_int_handler or before is signal.SIG_DFL
    return _Late(before) if ends_the_process else before


@functools.cache
def _ignore_at_exit() -> None:
    """While Python takes itself apart, it would let signals end the process, by their own code."""

    def ignore() -> None:
        for source in PROCESS_SIGNALS:
            number = source.signal_number
            if number is not None and isinstance(signal.getsignal(number), _Late):
                signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)
