"""A request to interrupt an execution, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class InterruptLevel(enum.IntEnum):
    """How much is interrupted. One ladder for every door; it only goes up."""

    STOP = 1
    """What is in progress finishes; nothing new starts."""
    CANCEL = 2
    """What is in progress is asked to end, then cancelled; its own clean-up runs."""
    KILL = 3
    """What is in progress is abandoned; its child processes are killed."""

    def __str__(self) -> str:
        """The word for the level: `stop`, `cancel` or `kill`."""
        return self.name.lower()


class InterruptSource(enum.StrEnum):
    """The door that an interrupt came through."""

    SIGINT = "SIGINT"
    """Ctrl-C in the execution's own terminal."""
    SIGTERM = "SIGTERM"
    """A service manager, a container runtime, `kill`."""
    SIGHUP = "SIGHUP"
    """The terminal went away."""
    WEB = "web"
    """The button on a page."""
    API = "api"
    """The HTTP endpoint, called by a program; or the Python API."""
    COMMAND = "command"
    """The `interrupt` command, in another terminal."""


@dataclass(frozen=True, slots=True)
class InterruptSignal:
    """One request to interrupt.

    Attributes:
        level: how much is interrupted.
        source: the door that it came through.
        requested_at: when it was made; UTC.
        reason: what the person said of it, or none.
    """

    level: InterruptLevel
    source: InterruptSource
    requested_at: datetime
    reason: str | None = None
