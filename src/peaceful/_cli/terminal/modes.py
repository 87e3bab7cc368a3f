"""The terminal's modes, and questions asked on it."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from getpass import getpass
from types import FrameType
from typing import Final, Self

from peaceful._cli.terminal.writer import in_foreground
from peaceful._errors.usage import UsageError

_LOCAL: Final = 3
"""The index of the local modes among the attributes of a terminal."""

_STDIN: Final = 0


class TerminalModes:
    """Switches the echo of keys off within a context, so that they cannot spoil a picture.

    The terminal itself would echo `^C` and line feeds into the middle of it. While the process is
    suspended (Ctrl-Z), the terminal is restored. It is set only from the foreground: elsewhere it
    belongs to another command, and setting it would stop this one. Unless `all_keys`, only control
    keys are not echoed.

    Args:
        fd: the terminal; none if there is none.
        all_keys: whether no keys are echoed.
        still: opens a context in which nobody draws; afterwards, others may have written. Suspended
            in the middle of a frame, its other half would go where a shell has written since.
    """

    def __init__(
        self,
        fd: int | None,
        *,
        all_keys: bool,
        still: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._fd = fd
        self._all_keys = all_keys
        self._still = still
        self._off = 0
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}

    def __enter__(self) -> Self:
        if self._fd is not None and sys.platform != "win32":  # there, nothing can be set
            self._switch_off()
            self._watch_suspension()
        return self

    def __exit__(self, *exception: object) -> None:
        for number in self._handlers:
            signal.signal(number, signal.SIG_DFL)
        self._handlers.clear()
        self.restore()

    def restore(self) -> None:
        """Switch the echo on again. May be called at any moment, and repeatedly.

        All other modes are left as they are: another program of the same pipeline, such as a pager,
        may have set them in the meantime.
        """
        off, self._off = self._off, 0
        if off and self._fd is not None and in_foreground(self._fd):
            self._change(lambda modes: modes | off)

    def _switch_off(self) -> None:
        import termios

        if self._off or self._fd is None or not in_foreground(self._fd):
            return
        unwanted = termios.ECHOCTL | (termios.ECHO if self._all_keys else 0)
        self._off = self._change(lambda modes: modes & ~unwanted) & unwanted

    def _change(self, change: Callable[[int], int]) -> int:
        """Change the local modes, and return what they were before."""
        import termios

        assert self._fd is not None
        try:
            attributes = termios.tcgetattr(self._fd)
            before: int = attributes[_LOCAL]
            attributes[_LOCAL] = change(before)
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)
        except termios.error:
            # A terminal that cannot be set, such as one that has gone away, is left as it is.
            return 0
        return before

    def _watch_suspension(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in ((signal.SIGTSTP, self._suspended), (signal.SIGCONT, self._resumed)):
            if signal.getsignal(number) is signal.SIG_DFL:
                self._handlers[number] = handler
                signal.signal(number, handler)

    def _suspended(self, number: int, _frame: FrameType | None) -> None:
        self.restore()
        # SIGCONT could reach its handler only after a frame has been drawn, which would be drawn a
        # second time then: what it does is done here.
        with self._still(), self._unhandled():
            signal.raise_signal(number)  # stops here, until the process is told to go on
        self._switch_off()

    @contextmanager
    def _unhandled(self) -> Generator[None]:
        """Within the context, let the signals do what they do by default."""
        for number in self._handlers:
            signal.signal(number, signal.SIG_DFL)
        try:
            yield
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _resumed(self, _number: int, _frame: FrameType | None) -> None:
        self._switch_off()
        with self._still():
            pass


def can_ask() -> bool:
    """Return whether stdin and stderr are terminals, on which somebody could answer.

    From the background nobody is asked: reading would stop the process.
    """
    streams = (sys.stdin, sys.stderr)
    return all(
        stream is not None and stream.isatty() and in_foreground(stream.fileno())
        for stream in streams
    )


def can_type_answers() -> bool:
    """Return whether somebody can answer by keys while a picture is drawn."""
    return os.name == "posix" and can_ask()


def confirm(name: str, question: str, *, unasked: str, refused: str, command: str) -> None:
    """Let a person type a name before something is done; raise `UsageError` unless it was.

    Args:
        name: the name.
        question: what is asked.
        unasked: what is said where nobody can be asked.
        refused: what is said where something else is typed.
        command: what does it without being asked.
    """
    if not can_ask():
        raise UsageError(unasked, help=f"if it is: {command}")
    if ask(question).strip() != name:
        raise UsageError(
            f"{refused}: its name was not typed.", help=f"to do it without being asked: {command}"
        )


def agree(question: str, *, refused: str, command: str) -> None:
    """Let a person say yes; raise `UsageError` for any other answer.

    Args:
        question: what is asked.
        refused: what is said where the answer is another one.
        command: what does it without being asked.
    """
    if ask(f"{question} [y/N]").strip().lower() not in {"y", "yes"}:
        raise UsageError(f"{refused}.", help=f"to do it without being asked: {command}")


def ask(question: str, *, hidden: bool = False) -> str:
    """Ask a question and return the typed line; raise `UsageError` if nobody can be asked."""
    if not can_ask():
        raise UsageError(
            f"Nobody can be asked: {question}",
            help="run the command on a terminal, or give the answer as an option",
        )
    if os.name != "posix":
        return getpass(f"{question}: ") if hidden else input(f"{question}: ")
    fd = _STDIN if hidden else None
    with TerminalModes(fd, all_keys=True):
        sys.stderr.write(f"{question}: ")
        sys.stderr.flush()
        try:
            _wait_for_line()
        except BaseException:
            sys.stderr.write("\n")  # What is said next belongs on a line of its own.
            raise
        line = sys.stdin.readline()
    if hidden or not line:
        sys.stderr.write("\n")
    return line.rstrip("\r\n")


def _wait_for_line() -> None:
    """Wait until there is something to read.

    Not by reading: a signal that comes right before the system call that reads would be noticed
    only when somebody types something.
    """
    noticed, notices = socket.socketpair()
    with noticed, notices:
        notices.setblocking(False)
        before = signal.set_wakeup_fd(notices.fileno(), warn_on_full_buffer=False)
        try:
            select.select([_STDIN, noticed.fileno()], [], [])
        finally:
            signal.set_wakeup_fd(before)
