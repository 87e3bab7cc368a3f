"""Processes of other programs: which there are, and waiting for what they do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

PATIENCE: Final = 30.0
"""Seconds that anything is waited for, on a busy machine."""


def processes_of(session: int) -> list[tuple[int, str]]:
    """The processes of a session that still run, with their command lines."""
    return [
        (pid, command)
        for pid, (state, its_session, command) in _processes()
        if its_session == session and state not in "ZX"
    ]


def _processes() -> Iterator[tuple[int, tuple[str, int, str]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                text = Path(entry.path, "stat").read_text(errors="replace")
                command = Path(entry.path, "cmdline").read_text(errors="replace")
            except OSError:
                continue  # It ended while the folder was read.
            state, _parent, _group, session, *_ = text.rpartition(")")[2].split()
            yield int(entry.name), (state, int(session), command.replace("\0", " ").strip())


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process handles a signal by itself; false too if it is not there any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = dict(line.split(":\t", 1) for line in lines)
    return bool(int(masks["SigCgt"], 16) >> (number - 1) & 1)


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes about that nobody tells of, such as what another process does."""
    deadline = time.monotonic() + PATIENCE
    look_again = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            return False
        look_again.wait(0.005)
    return True


def kill(pid: int) -> None:
    """Ends a process; one that has ended already is no error."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
