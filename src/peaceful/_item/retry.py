"""The delays between attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import msgspec

from peaceful._errors.base import PeacefulError


class Backoff(msgspec.Struct, frozen=True):
    """The number of attempts, and the delays between them.

    Attributes:
        attempts: how often to try in all; at least 1.
        delay: seconds before the second attempt.
        factor: by how much each delay is longer than the one before.
        max_delay: seconds that no delay exceeds.
        jitter: the random share of each delay, from 0 to 1, so that many that failed together do
            not retry together.
    """

    attempts: int = 5
    delay: float = 0.5
    factor: float = 2.0
    max_delay: float = 30.0
    jitter: float = 0.3

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        if self.delay < 0 or self.max_delay < 0 or self.factor < 0:
            raise ValueError("delay, max_delay and factor must not be negative")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be from 0 to 1, not {self.jitter}")

    def delays(self, chance: Callable[[], float] = random.random) -> Iterator[float]:
        """Yield the delays between the attempts, in seconds: one fewer than there are attempts.

        Args:
            chance: returns random numbers from 0 to 1.
        """
        delay = self.delay
        for _ in range(self.attempts - 1):
            longest = min(delay, self.max_delay)
            yield longest * (1 - self.jitter * chance())
            delay = min(delay * self.factor, self.max_delay)


def one_line_message(error: Exception) -> str:
    """Return an error's message in one line."""
    text = error.message if isinstance(error, PeacefulError) else str(error)
    return " ".join(text.split()) or type(error).__name__
