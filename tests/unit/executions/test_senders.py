"""Which executions of this process can be interrupted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from peaceful._executions.running import InterruptSenders
from peaceful.interrupt import (
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    SendResult,
    interrupt_channel,
)

STOP = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, datetime(2026, 3, 1, tzinfo=UTC))


def test_from_start_to_end() -> None:
    """A sender is found from when it is registered until it is dropped."""
    senders = InterruptSenders()
    assert senders.interrupt("e1", STOP) is None
    sender, receiver = interrupt_channel()
    senders.register("e1", sender)
    assert senders.get("e1") is sender
    assert len(senders) == 1
    assert senders.interrupt("e1", STOP) is SendResult.ACCEPTED
    assert senders.interrupt("e1", STOP) is SendResult.UNCHANGED
    assert receiver.poll() == STOP
    senders.drop("e1")
    senders.drop("e1")
    assert senders.get("e1") is None
    assert senders.interrupt("e1", STOP) is None


def test_registered_once() -> None:
    """An ID is registered once."""
    senders = InterruptSenders()
    senders.register("e1", interrupt_channel()[0])
    with pytest.raises(ValueError, match="e1 is registered"):
        senders.register("e1", interrupt_channel()[0])


def test_too_late() -> None:
    """Between the end of the work and the stored outcome, an interrupt comes too late."""
    senders = InterruptSenders()
    sender, receiver = interrupt_channel()
    senders.register("e1", sender)
    assert senders.close("e1") is None
    assert senders.interrupt("e1", STOP) is SendResult.TOO_LATE
    assert receiver.poll() is None


def test_closed_without_a_sender() -> None:
    """An execution that cannot be interrupted is closed like any other, and leaves nothing."""
    senders = InterruptSenders()
    assert senders.close("e1") is None
    senders.drop("e1")
    senders.register("e1", interrupt_channel()[0])
    assert senders.interrupt("e1", STOP) is SendResult.ACCEPTED


def test_finished_first_or_accepted() -> None:
    """Where an end and many interrupts race, whoever is told "accepted" is known to the end."""
    for _ in range(50):
        senders = InterruptSenders()
        sender, _receiver = interrupt_channel()
        senders.register("e1", sender)
        barrier = threading.Barrier(5)
        results: list[SendResult | None] = []

        def send(
            senders: InterruptSenders = senders,
            barrier: threading.Barrier = barrier,
            results: list[SendResult | None] = results,
        ) -> None:
            barrier.wait()
            results.append(senders.interrupt("e1", STOP))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        barrier.wait()
        latched = senders.close("e1")
        for thread in threads:
            thread.join()
        assert results.count(SendResult.ACCEPTED) == (0 if latched is None else 1)
