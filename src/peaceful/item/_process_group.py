"""Process groups: signalling all of one, and knowing when the last member is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_FIRST_LOOK: Final = 0.002
_LAST_LOOK: Final = 0.1


def signal_group(group: int, number: signal.Signals) -> None:
    """Sends a signal to every process of a group; a group that is gone is no error."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # Gone; or, on some systems, only zombies are left of it.
        return


def group_alive(group: int) -> bool:
    """Whether a process of the group still runs. Zombies do not run, even where nobody reaps them."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    if not _PROC.joinpath("self/stat").exists():
        return True
    return any(state not in "ZX" for state in _states_in(group))


def _states_in(group: int) -> Iterator[str]:
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            try:
                text = Path(entry.path, "stat").read_text(errors="replace")
            except OSError:
                continue  # It ended while the folder was read.
            # The name in parentheses may hold anything, parentheses and spaces included.
            state, _parent, its_group, *_ = text.rpartition(")")[2].split()
            if int(its_group) == group:
                yield state


async def group_gone(group: int) -> None:
    """Returns once no process of the group runs any more.

    The kernel tells nobody of the end of a group, so this looks, at first often, then ten times a
    second.
    """
    pause = _FIRST_LOOK
    while group_alive(group):
        await asyncio.sleep(pause)
        pause = min(_LAST_LOOK, pause * 2)
