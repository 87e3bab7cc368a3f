"""A request to interrupt an execution, as data."""

from __future__ import annotations

import enum
import functools
from typing import Final

import msgspec

from peaceful.model._fields import Moment


@functools.total_ordering
class InterruptLevel(enum.Enum):
    """How much is interrupted. One ladder for every door; it only goes up."""

    STOP = "stop"
    """What is in progress finishes; nothing new starts."""
    CANCEL = "cancel"
    """What is in progress is asked to end, then cancelled; its own clean-up runs."""
    KILL = "kill"
    """What is in progress is abandoned; its child processes are killed."""

    def __str__(self) -> str:
        """The word for the level: `stop`, `cancel` or `kill`."""
        return self.value

    def __lt__(self, other: object) -> bool:
        """Whether less is interrupted."""
        if not isinstance(other, InterruptLevel):
            return NotImplemented
        return _LADDER.index(self) < _LADDER.index(other)

    @property
    def above(self) -> InterruptLevel | None:
        """The next higher level; none above the highest."""
        return None if self is _LADDER[-1] else _LADDER[_LADDER.index(self) + 1]


_LADDER: Final = tuple(InterruptLevel)


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


class InterruptSignal(msgspec.Struct, frozen=True):
    """One request to interrupt.

    Attributes:
        level: how much is interrupted.
        source: the door that it came through.
        requested_at: when it was made; UTC.
        reason: what the person said of it, or none.
    """

    level: InterruptLevel
    source: InterruptSource
    requested_at: Moment
    reason: str | None = None
