"""Trying again: when, how often, and what is said of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, TypeVar

import msgspec

from peaceful._errors.base import PeacefulError
from peaceful._errors.running import RetriesExhausted

T = TypeVar("T")


class Backoff(msgspec.Struct, frozen=True):
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
        if self.delay < 0 or self.max_delay < 0 or self.factor < 0:
            raise ValueError("delay, max_delay and factor must not be negative")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be from 0 to 1, not {self.jitter}")

    def delays(self, chance: Callable[[], float] = random.random) -> Iterator[float]:
        """The waits between the attempts, in seconds: one fewer than there are attempts.

        Args:
            chance: gives numbers from 0 to 1.
        """
        delay = self.delay
        for _ in range(self.attempts - 1):
            longest = min(delay, self.max_delay)
            yield longest * (1 - self.jitter * chance())
            delay = min(delay * self.factor, self.max_delay)


class Pause(Protocol):
    """Waits for some seconds."""

    async def __call__(self, seconds: float, *, where: str) -> None:
        """Waits.

        Args:
            seconds: how long.
            where: what comes then, for people.
        """
        ...


class Retry(msgspec.Struct, frozen=True):
    """What is tried again, and after which errors.

    Attributes:
        on: the errors after which trying again makes sense.
        backoff: how often, and how long to wait between.
        doing: what is tried, for messages.
        at_least: for an error that says how long to wait, the seconds that the wait has at least.
    """

    on: type[Exception] | tuple[type[Exception], ...]
    backoff: Backoff
    doing: str
    at_least: Callable[[Exception], float] | None

    async def run(
        self, attempt: Callable[[], Awaitable[T]], say: Callable[[str], None], pause: Pause
    ) -> T:
        """Tries until it succeeds, as often as allowed.

        Args:
            attempt: what to try.
            say: is told of each failure, and of the wait after it.
            pause: waits.

        Raises:
            RetriesExhausted: the last attempt failed too; its error is the cause.
        """
        number = 1
        for delay in self.backoff.delays():
            try:
                return await attempt()
            except self.on as error:
                wait = max(delay, self.at_least(error) if self.at_least else 0.0)
                reason = said(error)
            number += 1
            next_one = f"attempt {number} of {self.backoff.attempts}"
            say(f"{self.doing} failed ({reason}); {next_one} in {wait:.1f} s")
            await pause(wait, where=f"before {next_one} of {self.doing}")
        try:
            return await attempt()
        except self.on as error:
            times = "once" if number == 1 else f"{number} times; the last time"
            raise RetriesExhausted(
                f"{self.doing} failed {times}: {said(error)}",
                details=(("attempts", str(number)),),
                help="run the command again; if it stays so, mend the cause",
            ) from error


def said(error: Exception) -> str:
    """What an error says in one line."""
    text = error.message if isinstance(error, PeacefulError) else str(error)
    return " ".join(text.split()) or type(error).__name__
