"""How executions behave, where nobody says otherwise."""

from __future__ import annotations

from typing import Final

import msgspec

from peaceful.errors import DefinitionError
from peaceful.runtime._ladder import LadderTimes

MAX_CONCURRENCY: Final = 16
"""How many items are in progress at once: enough to hide waiting, few enough to read."""


class ExecutionSettings(msgspec.Struct, frozen=True):
    """How an execution behaves.

    Attributes:
        max_concurrency: how many items are worked on at once; at least 1. Where it is more, up to
            as many again may be in progress that only wait for their record to be on disk.
        ladder: how long each step of an interrupt waits.
        stall_after: seconds without a sign of progress after which an item is said to stall.

    Raises:
        DefinitionError: no item could ever be in progress.
    """

    max_concurrency: int = MAX_CONCURRENCY
    ladder: LadderTimes = msgspec.field(default_factory=LadderTimes)
    stall_after: float = 30.0

    def __post_init__(self) -> None:
        """Checks the number of items."""
        if self.max_concurrency < 1:
            raise DefinitionError(
                f"max_concurrency is {self.max_concurrency}, so that no item could ever start.",
                help="let at least 1 item be in progress at once",
            )
