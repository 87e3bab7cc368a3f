"""Interrupts at a chosen moment: the n-th time that anything asks whether it may go on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from peaceful.interrupt import InterruptSender


@dataclass(slots=True)
class Countdown:
    """Interrupts at a chosen question whether something may go on.

    Attributes:
        sender: interrupts.
        left: how many questions are still answered before.
        fired: whether it has interrupted.
    """

    sender: InterruptSender | None = None
    left: int = 0
    fired: bool = False

    def arm(self, sender: InterruptSender, number: int) -> None:
        """Interrupts at the question with the given number, counted from 1."""
        self.sender, self.left, self.fired = sender, number, False

    def disarm(self) -> None:
        """Interrupts no more."""
        self.sender = None

    def asked(self) -> None:
        """A question was asked."""
        self.left -= 1
        if self.sender is not None and self.left == 0:
            self.fired = True
            self.sender.request()

    def numbers(self) -> Iterator[int]:
        """1, 2, 3 and so on, until a run ended before the question with that number was asked."""
        for number in itertools.count(1):
            yield number
            if not self.fired:
                return
