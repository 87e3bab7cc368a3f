"""What an execution, or a block of it, does once it is interrupted; and whether it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from peaceful.errors import DefinitionError
from peaceful.interrupt._channel import InterruptReceiver


@dataclass(frozen=True, slots=True)
class IgnoreInterruptions:
    """Runs on, whatever the level. The signal is still latched, and shown in the outcome."""


@dataclass(frozen=True, slots=True)
class FinishCurrent:
    """Finishes what is in progress and starts nothing new."""


@dataclass(frozen=True, slots=True)
class PollNextN:
    """At STOP, starts a given number of things more, or fewer if the work ends first; then stops.

    From CANCEL on it starts nothing more.

    Attributes:
        n: how many; 0 is the same as `FinishCurrent`.

    Raises:
        DefinitionError: it is negative.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise DefinitionError(
                f"PollNextN({self.n}) cannot be: nothing can be started fewer than 0 times.",
                help="give the number of starts that are allowed after an interrupt, 0 or more",
            )


InterruptStrategy: TypeAlias = IgnoreInterruptions | FinishCurrent | PollNextN
"""What an execution, or a block of it, does once it is interrupted."""


@dataclass(frozen=True, slots=True)
class NonInterruptible:
    """There is no way to ask for an interrupt."""


@dataclass(frozen=True, slots=True)
class Interruptible:
    """An interrupt can be asked for.

    Attributes:
        receiver: where the request arrives.
        strategy: what is done then.
    """

    receiver: InterruptReceiver
    strategy: InterruptStrategy = FinishCurrent()


Interruptibility: TypeAlias = NonInterruptible | Interruptible
"""Whether, and how, something can be interrupted."""
