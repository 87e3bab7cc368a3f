"""What a slow reader has not taken yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stories import ITEMS, NOW, SIGNAL, stories

from peaceful.model import (
    Event,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStatus,
    OutcomeKind,
    Progress,
)
from peaceful.runtime._mailbox import Mailbox


def _ended(item: str) -> ItemEnded:
    return ItemEnded(NOW, item, ItemStatus.DONE, "there", "", None, 1.0)


def _progressed(item: str, done: int) -> ItemProgressed:
    return ItemProgressed(NOW, item, Progress(done=done))


@given(stories(), st.integers(1, 7))
def test_a_slow_reader(events: list[Event], every: int) -> None:
    """It gets each event in order but progress, of which it gets the newest before each ending.

    What waits for it is never more than starts, endings and one progress for each item.
    """
    taken: list[Event] = []
    mailbox = Mailbox(lambda _: None)
    for number, event in enumerate(events):
        mailbox.put(event)
        if number % every == 0:
            taken += mailbox.take()
    taken += mailbox.take()
    assert mailbox.take() == []

    def rare(some: list[Event]) -> list[Event]:
        return [event for event in some if not isinstance(event, ItemProgressed)]

    assert rare(taken) == rare(events)
    for item in ITEMS:
        told = [each for each in taken if isinstance(each, ItemProgressed) and each.item == item]
        newest = [each for each in events if isinstance(each, ItemProgressed) and each.item == item]
        assert told[-1:] == newest[-1:]


def test_a_reader_that_takes_nothing_any_more() -> None:
    """Nothing is kept for it."""
    told: list[bool] = []
    mailbox = Mailbox(told.append)
    mailbox.put(_ended("a"))
    mailbox.refuse()
    mailbox.put(_ended("b"))
    assert mailbox.take() == []
    assert told == [False]


def test_what_is_urgent() -> None:
    """A reader is told once that there is something, and once more where it is urgent."""
    told: list[bool] = []
    mailbox = Mailbox(told.append)
    for _ in range(3):
        mailbox.put(_ended("a"))
    for _ in range(3):
        mailbox.put(InterruptRequested(NOW, SIGNAL, ()))
    assert told == [False, True]
    mailbox.take()
    mailbox.put(ExecutionEnded(NOW, "e1", OutcomeKind.COMPLETE, {}, None))
    assert told == [False, True, True]
