"""What tests of the shelf share: a web server, quick retries, interrupts at any moment."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator

import pytest
from file_server import FileServer, file_server
from interrupt_countdown import Countdown

from peaceful import Backoff
from peaceful.interrupt import InterruptReceiver, InterruptSignal
from peaceful.items._download import _transfer


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
