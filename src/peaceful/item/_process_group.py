"""Process groups: signalling all members, and knowing when the last one is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def signal_group(group: int, number: signal.Signals) -> None:
    """Sends a signal to every process of a group; a group that is gone is no error."""
    # Gone; or, where a child runs as another user, it may not be signalled.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Sends a signal to one process; one that is gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def group_alive(group: int, proc: Path = _PROC) -> bool:
    """Whether a process of the group still runs. Zombies do not, even where nobody reaps them.

    Args:
        group: the group.
        proc: where the system tells of processes; where it does not, a zombie counts as alive.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # There are some, and they may not be signalled.
    if not (proc / "self" / "stat").exists():
        return True
    return any(state not in "ZX" for state in _states_in(group, proc))


def group_stopped(group: int, proc: Path = _PROC) -> bool:
    """Whether a process of the group is stopped; where the system does not tell, none is.

    Args:
        group: the group.
        proc: where the system tells of processes.
    """
    return (proc / "self" / "stat").exists() and "T" in _states_in(group, proc)


def _states_in(group: int, proc: Path) -> Iterator[str]:
    with os.scandir(proc) as entries:
        for entry in entries:
            if entry.name.isdecimal():
                # It may have ended since the folder was read.
                with suppress(OSError):
                    # The name in parentheses may hold anything, parentheses and spaces included.
                    text = Path(entry.path, "stat").read_text(errors="replace")
                    state, _parent, its_group, *_ = text.rpartition(")")[2].split()
                    if int(its_group) == group:
                        yield state
