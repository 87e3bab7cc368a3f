"""Who starts an execution: this user, in this process, on this machine."""

from __future__ import annotations

import getpass
import os
import socket

from peaceful.model import StartedBy


def started_by(door: str) -> StartedBy:
    """This user, process and machine.

    Args:
        door: where the command comes from.
    """
    return StartedBy(_user(), socket.gethostname(), os.getpid(), door)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # In a container, a user often has no name; on Windows, there is no module that would know.
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"
