"""How an execution stands, made from its events; and what a slow reader has not taken yet."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from peaceful.model import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    ExecutionState,
    InterruptLevel,
    InterruptRequested,
    InterruptSignal,
    InterruptSource,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    ItemStatus,
    OutcomeKind,
    Progress,
    StartedBy,
    event_json,
)
from peaceful.runtime import Picture
from peaceful.runtime._mailbox import Mailbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, NOW)
INFO = ExecutionInfo("e1", "app", "dev", "flow", "ensure", StartedBy("a", "b", 1, "web"), NOW)
ITEMS = ("a", "b", "c")


def _ended(item: str) -> ItemEnded:
    return ItemEnded(NOW, item, ItemStatus.DONE, "there", "", None, 1.0)


def _progressed(item: str, done: int) -> ItemProgressed:
    return ItemProgressed(NOW, item, Progress(done=done))


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """The events of one block, in an order in which they may come."""
    events: list[Event] = [ExecutionStarted(NOW, INFO, ITEMS, {}), BlockStarted(NOW, "B", ITEMS)]
    waiting, running = list(ITEMS), list[str]()
    for _ in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(["start", "progress", "end", "interrupt"]))
        if what == "start" and waiting:
            running.append(waiting.pop(0))
            events.append(ItemStarted(NOW, running[-1]))
        elif what == "end" and running:
            events.append(_ended(running.pop(draw(st.integers(0, len(running) - 1)))))
        elif what == "progress" and running:
            events.append(_progressed(draw(st.sampled_from(running)), draw(st.integers(0, 9))))
        elif what == "interrupt":
            events.append(InterruptRequested(NOW, SIGNAL, tuple(running)))
    if draw(st.booleans()):
        events += [
            BlockEnded(NOW, "B", not waiting),
            ExecutionEnded(NOW, "e1", OutcomeKind.COMPLETE, {}, None),
        ]
    return events


@given(stories())
def test_a_picture_says_how_everything_stands(events: list[Event]) -> None:
    """Each item is waiting, running or ended, and never two of these."""
    picture = Picture()
    for event in events:
        picture.add(event)
    started = [event.item for event in events if isinstance(event, ItemStarted)]
    ended = [event.item for event in events if isinstance(event, ItemEnded)]
    assert set(picture.ended) == set(ended)
    assert set(picture.running) == set(started) - set(ended)
    assert picture.waiting == len(ITEMS) - len(started)
    interrupted = any(isinstance(event, InterruptRequested) for event in events)
    assert picture.execution is not None
    assert (picture.execution.state is ExecutionState.INTERRUPTING) == interrupted
    assert (picture.interrupt is not None) == interrupted
    over = isinstance(events[-1], ExecutionEnded)
    assert (picture.ending is not None) == over
    assert picture.block == ("" if over else "B")
    document = picture.to_json()
    assert document["waiting"] == picture.waiting
    assert document["ending"] == (event_json(events[-1]) if over else None)


def test_what_comes_before_the_start_and_after_the_end() -> None:
    """A picture of nothing is one too; progress of what does not run is not of this block."""
    picture = Picture()
    assert picture.to_json()["execution"] is None
    picture.add(InterruptRequested(NOW, SIGNAL, ()))
    assert picture.execution is None
    picture.add(_progressed("a", 1))
    assert not picture.running


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
