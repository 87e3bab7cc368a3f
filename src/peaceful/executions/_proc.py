"""What Linux tells of processes under /proc. Elsewhere is no such folder, and little known."""

from __future__ import annotations

import enum
import hashlib
import os
import socket
from pathlib import Path
from typing import Final

from peaceful.executions._identity import Machine, ProcessIdentity

PROC: Final = Path("/proc")
"""Where Linux tells of processes."""

_MACHINE_ID: Final = Path("/etc/machine-id")


class Unseen(enum.Enum):
    """A process that nothing is told of."""

    GONE = "gone"
    HIDDEN = "hidden"
    """It is there, but no more is known."""


def this_machine(proc: Path = PROC, machine_id: Path = _MACHINE_ID) -> Machine:
    """The machine that this process runs on, as this process sees it."""
    return Machine(
        host=socket.gethostname(),
        machine_id=_digest(_line(machine_id)),
        boot_id=_line(proc / "sys/kernel/random/boot_id"),
        pid_namespace=_link(proc / "self/ns/pid"),
    )


def this_process(proc: Path = PROC) -> ProcessIdentity:
    """The running process."""
    pid = os.getpid()
    started = started_at(pid, proc)
    return ProcessIdentity(
        pid=pid,
        started=started if isinstance(started, int) else None,
        machine=this_machine(proc),
    )


def started_at(pid: int, proc: Path = PROC) -> int | Unseen:
    """When a process was started, in clock ticks since the machine was.

    One that has ended and only waits for its parent to notice is gone.
    """
    try:
        status = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return _signalled(pid)
    # The second field, the name, may itself hold spaces and parentheses.
    fields = status[status.rindex(b")") + 2 :].split()
    return Unseen.GONE if fields[0] in {b"Z", b"X"} else int(fields[19])


def _signalled(pid: int) -> Unseen:
    """Whether a process is there of which /proc says nothing, if there is a /proc at all."""
    if os.name != "posix":
        # There, the number 0 is a signal, and would end it.
        return Unseen.HIDDEN
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Unseen.GONE
    except PermissionError:
        return Unseen.HIDDEN
    return Unseen.HIDDEN


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _digest(machine_id: str | None) -> str | None:
    """The ID itself is to be kept to the machine: see machine-id(5)."""
    if machine_id is None:
        return None
    return hashlib.blake2b(machine_id.encode(), digest_size=8, person=b"peaceful").hexdigest()
