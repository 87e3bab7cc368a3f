"""Child processes of executions whose own process was killed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from peaceful.executions._proc import PROC, started_at
from peaceful.model import EXECUTION_VARIABLE, ExecutionId

_SHOWN: Final = 500
"""How many characters of a command line are shown."""


class SurvivingChild(msgspec.Struct, frozen=True):
    """A process that an item started, and that outlived its execution.

    Attributes:
        execution_id: the execution that it belongs to.
        pid: its number.
        command: its command line, long ones cut.
        since: when it was started; UTC.
    """

    execution_id: ExecutionId
    pid: int
    command: str
    since: datetime

    def __str__(self) -> str:
        """The process in a few words."""
        return f"{self.pid} ({self.command}) since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def surviving_children(*execution_ids: ExecutionId, proc: Path = PROC) -> list[SurvivingChild]:
    """The processes of this user that belong to one of the executions, oldest first.

    They are known by the environment that they were started with, so one that was started with
    another environment, or as another user, is not found. Only Linux shows it: elsewhere none is.

    Args:
        execution_ids: the executions, most likely found lost.
        proc: where the system tells of processes.
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
        started = started_at(pid, proc)
        if isinstance(started, int):
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
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:
        return None


def _entries(proc: Path, pid: int, name: str) -> list[bytes]:
    """The zero-terminated texts of a file of a process; none where it may not be read any more."""
    try:
        return (proc / str(pid) / name).read_bytes().split(b"\0")
    except OSError:
        return []


def _command(proc: Path, pid: int) -> str:
    words = [os.fsdecode(word) for word in _entries(proc, pid, "cmdline")[:-1]]
    line = shlex.join(words).encode(errors="replace").decode()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _booted_at(proc: Path) -> float:
    """When the machine was started, in seconds since 1970."""
    lines = (proc / "stat").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
