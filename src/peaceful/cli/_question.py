"""A question to a person at the terminal, and the answer."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from getpass import getpass
from typing import Final

from peaceful.cli._terminal_modes import TerminalModes
from peaceful.errors import UsageError

_STDIN: Final = 0


def can_ask() -> bool:
    """Whether there is somebody at a terminal who could answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(question: str, *, hidden: bool = False) -> str:
    """Asks a person, and waits for a line.

    Args:
        question: without a mark at its end.
        hidden: whether what is typed is not shown.

    Returns:
        The line without its end; empty where there is none.

    Raises:
        UsageError: nobody can be asked.
    """
    if not can_ask():
        raise UsageError(
            f"Nobody can be asked: {question}",
            help="run the command on a terminal, or give the answer as an option",
        )
    if os.name != "posix":
        return getpass(f"{question}: ") if hidden else input(f"{question}: ")
    fd = _STDIN if hidden else None
    with TerminalModes(fd, all_keys=True, on_resume=lambda: None):
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
    """Waits until there is something to read.

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
