"""What a reader is told of what it has not taken yet."""

from __future__ import annotations

from execution_events import NOW, SIGNAL

from peaceful import ItemStatus
from peaceful._runtime.hub import Mailbox
from peaceful.commands import (
    ChangeStarted,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    OutcomeKind,
    Progress,
)


def _ended(item: str) -> ItemEnded:
    return ItemEnded(NOW, item, ItemStatus.DONE, "there", "", None, 1.0)


def test_a_reader_that_takes_nothing_any_more() -> None:
    """Nothing is kept for it."""
    told: list[bool] = []
    mailbox = Mailbox(told.append)
    mailbox.put(_ended("a"))
    mailbox.refuse()
    mailbox.put(_ended("b"))
    assert mailbox.take() == []
    assert told == [False]


def test_progress_of_a_change_comes_after_its_start() -> None:
    """Newer progress takes the place of older one, but never of one that came before the change."""

    def progressed(done: int) -> ItemProgressed:
        return ItemProgressed(NOW, "a", Progress(done=done))

    mailbox = Mailbox(lambda _: None)
    change = ChangeStarted(NOW, "a")
    for event in (progressed(1), progressed(2), change, progressed(3), progressed(4)):
        mailbox.put(event)
    assert mailbox.take() == [progressed(2), change, progressed(4)]


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
