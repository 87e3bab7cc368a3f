"""Liveness of the process of an execution, and the children that outlived it."""

from __future__ import annotations

import enum
import hashlib
import os
import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from peaceful._executions.records import Machine, ProcessIdentity
from peaceful._model.codec import ExecutionId
from peaceful._model.execution import EXECUTION_VARIABLE

PROC: Final = Path("/proc")
"""The folder in which Linux describes processes."""

_MACHINE_ID: Final = Path("/etc/machine-id")

_SHOWN: Final = 500

T = TypeVar("T")


def this_machine(proc: Path = PROC, machine_id: Path = _MACHINE_ID) -> Machine:
    """Return the machine that this process runs on, as this process sees it."""
    return Machine(
        host=socket.gethostname(),
        machine_id=_digest(_line(machine_id)),
        boot_id=_line(proc / "sys/kernel/random/boot_id"),
        pid_namespace=_told(lambda: str((proc / "self/ns/pid").readlink())),
    )


def this_process(proc: Path = PROC) -> ProcessIdentity:
    pid, started = os.getpid(), None
    # The folder may be that of another container, with other processes in it.
    with suppress(ProcessLookupError):
        started = started_at(pid, proc)
    return ProcessIdentity(pid=pid, started=started, machine=this_machine(proc))


def started_at(pid: int, proc: Path = PROC) -> int | None:
    """Return when a process was started, in clock ticks since the machine was; None if not known.

    Raises `ProcessLookupError` if it is gone, as is a zombie, which only waits for its parent to
    notice.
    """
    status = _told((proc / str(pid) / "stat").read_bytes)
    if status is None:
        # Elsewhere, the number 0 is a signal, and would end it.
        if os.name == "posix":
            with suppress(PermissionError):
                os.kill(pid, 0)
        return None
    # The second field, the name, may itself hold spaces and parentheses.
    fields = status[status.rindex(b")") + 2 :].split()
    if fields[0] in {b"Z", b"X"}:
        raise ProcessLookupError
    return int(fields[19])


def _told(ask: Callable[[], T]) -> T | None:
    """Return what the system tells, or None if it does not."""
    try:
        return ask()
    except OSError:
        return None


def _line(path: Path) -> str | None:
    return (_told(path.read_text) or "").strip() or None


def _digest(machine_id: str | None) -> str | None:
    """Return a hash: the ID itself must not leave the machine, see machine-id(5)."""
    if machine_id is None:
        return None
    return hashlib.blake2b(machine_id.encode(), digest_size=8, person=b"peaceful").hexdigest()


class Liveness(enum.Enum):
    """Whether the process that runs an execution is there."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class ProcessProbe(msgspec.Struct, frozen=True):
    """What one process can find out of others: start times by PID, and answers of addresses."""

    machine: Machine
    started_at: Callable[[int], int | None]
    answer: Callable[[str], Liveness]


def liveness(process: ProcessIdentity, address: str | None, probe: ProcessProbe) -> Liveness:
    """Return whether a process is still there.

    A process of this machine and boot is found by PID and start time. In another container its PID
    means nothing here; then its socket decides, which the kernel closes with it. If the machine was
    restarted since, the process is gone. Processes of other machines are unknown.
    """
    was, here = process.machine, probe.machine
    if was.boot_id is not None and was.boot_id == here.boot_id:
        if was.pid_namespace == here.pid_namespace:
            return _by_number(process, address, probe)
        return _by_socket(address, probe)
    if was.host != here.host or _differ(was.machine_id, here.machine_id):
        return Liveness.UNKNOWN
    if _differ(was.boot_id, here.boot_id):
        return Liveness.GONE
    return _by_number(process, address, probe)


def _by_number(process: ProcessIdentity, address: str | None, probe: ProcessProbe) -> Liveness:
    try:
        started = probe.started_at(process.pid)
    except ProcessLookupError:
        return Liveness.GONE
    if started is not None and process.started is not None:
        return Liveness.ALIVE if started == process.started else Liveness.GONE
    return _by_socket(address, probe)


def _by_socket(address: str | None, probe: ProcessProbe) -> Liveness:
    return Liveness.UNKNOWN if address is None else probe.answer(address)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


class SurvivingChild(msgspec.Struct, frozen=True):
    """A process that an item started, and that outlived its execution; its command line is cut."""

    execution_id: ExecutionId
    pid: int
    command: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.pid} ({self.command}) since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def surviving_children(*execution_ids: ExecutionId, proc: Path = PROC) -> list[SurvivingChild]:
    """Return this user's processes that belong to one of the executions, oldest first.

    They are recognised by their initial environment: one that was started with another, or as
    another user, is not found. Only Linux shows it: elsewhere the list is empty.
    """
    wanted = {f"{EXECUTION_VARIABLE}={each}".encode(): each for each in execution_ids}
    if not wanted or not (proc / "stat").exists():
        return []
    booted = _booted_at(proc)
    found: list[SurvivingChild] = []
    for pid in _own_processes(proc):
        # A process may end at any moment: then there is nothing of it to tell.
        execution_id = next(
            (wanted[entry] for entry in _entries(proc, pid, "environ") if entry in wanted), None
        )
        if execution_id is None:
            continue
        started = None
        with suppress(ProcessLookupError):
            started = started_at(pid, proc)
        if started is not None:
            since = datetime.fromtimestamp(booted + started / os.sysconf("SC_CLK_TCK"), UTC)
            found.append(SurvivingChild(execution_id, pid, _command(proc, pid), since))
    return sorted(found, key=lambda child: (child.since, child.pid))


def _own_processes(proc: Path) -> Iterator[int]:
    user, this = os.geteuid(), os.getpid()
    with os.scandir(proc) as entries:
        for entry in entries:
            if entry.name.isdecimal() and int(entry.name) != this and _owner(entry) == user:
                yield int(entry.name)


def _owner(entry: os.DirEntry[str]) -> int | None:
    found = _told(lambda: entry.stat(follow_symlinks=False))
    return None if found is None else found.st_uid


def _entries(proc: Path, pid: int, name: str) -> list[bytes]:
    """Return the zero-terminated texts of a process's file; none if it is not readable."""
    return (_told((proc / str(pid) / name).read_bytes) or b"").split(b"\0")[:-1]


def _command(proc: Path, pid: int) -> str:
    words = [os.fsdecode(word) for word in _entries(proc, pid, "cmdline")]
    line = shlex.join(words).encode(errors="replace").decode()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _booted_at(proc: Path) -> float:
    """Return when the machine was started, in seconds since 1970."""
    lines = (proc / "stat").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
