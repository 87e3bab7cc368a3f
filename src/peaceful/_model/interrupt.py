"""Interrupt requests as data."""

from __future__ import annotations

import enum
import functools
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

KEY_REPEAT: Final = 0.5
"""Seconds: Ctrl-C pressed again within them counts as the same press."""

STOP_TIMEOUT: Final = 25.0
"""Seconds from SIGTERM or SIGHUP to KILL: a container is usually given 30."""

CANCEL_AFTER: Final = 0.6
"""The fraction of the time from SIGTERM or SIGHUP to KILL after which CANCEL comes."""


@functools.total_ordering
class InterruptLevel(enum.Enum):
    """The severity of an interrupt, the same everywhere; it only goes up."""

    STOP = "stop"
    """What is in progress finishes; nothing new starts."""
    CANCEL = "cancel"
    """What is in progress is asked to end, then cancelled; its own clean-up runs."""
    KILL = "kill"
    """What is in progress is abandoned; its child processes are killed."""

    def __str__(self) -> str:
        """Return the word for the level: `stop`, `cancel` or `kill`."""
        return self.value

    def __lt__(self, other: object) -> bool:
        """Return whether less is interrupted."""
        if not isinstance(other, InterruptLevel):
            return NotImplemented
        return _LADDER.index(self) < _LADDER.index(other)

    @property
    def above(self) -> InterruptLevel | None:
        """The next higher level, or `None`."""
        return None if self is _LADDER[-1] else _LADDER[_LADDER.index(self) + 1]


_LADDER: Final = tuple(InterruptLevel)


class InterruptSource(enum.StrEnum):
    """The source of an interrupt request."""

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
    FAILURE = "failure"
    """The execution itself, because an item failed and it was to stop then."""

    @property
    def exit_code(self) -> int:
        """The exit code of a command that was interrupted from this source.

        128 plus the number of the process signal, as from a shell; every other source counts as
        Ctrl-C.
        """
        return _EXIT_CODES.get(self, _EXIT_CODES[InterruptSource.SIGINT])

    @property
    def signal_number(self) -> signal.Signals | None:
        """The process signal on this platform, or `None`, as for SIGHUP on Windows."""
        return getattr(signal, self.name, None)


_EXIT_CODES: Final[Mapping[InterruptSource, int]] = {
    InterruptSource.SIGINT: 130,
    InterruptSource.SIGTERM: 143,
    InterruptSource.SIGHUP: 129,
}

PROCESS_SIGNALS: Final = tuple(_EXIT_CODES)
"""The process signals that interrupt: SIGINT at each press, the others with a deadline."""

MAY_BE_IGNORED: Final = frozenset({InterruptSource.SIGINT, InterruptSource.SIGHUP})
"""The signals that `nohup`, and `&` in a shell without job control, make programs ignore."""


# Not a struct: whoever uses interruption alone needs no other distribution.
@dataclass(frozen=True, slots=True)
class InterruptSignal:
    """One request to interrupt.

    Attributes:
        level: how much is interrupted.
        source: where the request came from.
        requested_at: when it was made; UTC.
        reason: what the person gave as a reason, or `None`; of a failure, which item failed.

    Raises:
        ValueError: the time has no zone.
    """

    level: InterruptLevel
    source: InterruptSource
    requested_at: datetime
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.requested_at.tzinfo is None:
            raise ValueError("requested_at has no zone")
