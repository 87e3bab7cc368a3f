"""When to try again: the decisions, apart from the waiting."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often something is tried, and how long to wait between.

    Attributes:
        attempts: how often in all; at least 1.
        delay: seconds before the second attempt.
        factor: by how much each further wait is longer than the one before.
        max_delay: seconds that no wait is longer than.
        jitter: the share of each wait that is left to chance, from 0 to 1, so that many that failed
            together do not try again together.
    """

    attempts: int = 5
    delay: float = 0.5
    factor: float = 2.0
    max_delay: float = 30.0
    jitter: float = 0.3

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")

    def delays(self, chance: Callable[[], float] = random.random) -> Iterator[float]:
        """The waits between the attempts, in seconds: one fewer than there are attempts.

        Args:
            chance: gives numbers from 0 to 1.
        """
        delay = self.delay
        for _ in range(self.attempts - 1):
            longest = min(delay, self.max_delay)
            yield longest * (1 - self.jitter * chance())
            delay *= self.factor
