"""Processes of other programs: which there are, and waiting for what they do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

PATIENCE: Final = 30.0
"""Seconds that anything is waited for, on a busy machine."""


MARK: Final = "MARK_OF_THIS_TEST"
"""An environment variable by which a program is known, and whatever it starts, at any level."""


def unmeasured() -> dict[str, str]:
    """The environment for a child process in which coverage is not measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def processes_with(mark: str) -> dict[int, str]:
    """The processes that run and have a mark: by number, their command lines."""
    entry = f"{MARK}={mark}".encode()
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            # It may end while it is looked at; of one that waits to be reaped, nothing is left.
            with suppress(OSError):
                if entry in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_text(errors="replace")
                    found[int(folder.name)] = command.replace("\0", " ").strip()
    return found


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process handles a signal by itself; false too if it is not there any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = dict(line.split(":\t", 1) for line in lines)
    return bool(int(masks["SigCgt"], 16) >> (number - 1) & 1)


def eventually(holds: Callable[[], bool], *, within: float = PATIENCE) -> bool:
    """Whether something comes about that nobody tells of, such as what another process does.

    Args:
        holds: looks.
        within: seconds.
    """
    deadline = time.monotonic() + within
    look_again = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            return False
        look_again.wait(0.005)
    return True


def in_a_shell(code: int) -> int:
    """How a shell tells the end of a process: 128 and the number of the signal that it died of.

    Args:
        code: its exit code, or the negated number of the signal.
    """
    return 128 - code if code < 0 else code


def kill(pid: int) -> None:
    """Ends a process; one that has ended already is no error."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
