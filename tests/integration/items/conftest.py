"""What tests of the shelf share: a web server, retries that do not wait, interrupts at any moment."""

from __future__ import annotations

import functools
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from file_server import FileServer, file_server

from peaceful.interrupt import InterruptReceiver, InterruptSender
from peaceful.item import Backoff
from peaceful.items._download import _transfer
from peaceful.model import InterruptSignal


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    """A web server on loopback."""
    async with file_server() as running:
        yield running


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts, next to nothing is waited."""
    monkeypatch.setattr(_transfer, "Backoff", functools.partial(Backoff, delay=0.001))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine uses, tests on loopback use none."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


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


@pytest.fixture
def countdown(monkeypatch: pytest.MonkeyPatch) -> Countdown:
    """Interrupts at a chosen question: a start, a boundary, a safe point, a wait."""
    count = Countdown()
    poll = InterruptReceiver.poll

    def counting(self: InterruptReceiver) -> InterruptSignal | None:
        count.asked()
        return poll(self)

    monkeypatch.setattr(InterruptReceiver, "poll", counting)
    return count
