"""What readers of an execution's events get: everything, but of progress the newest alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.events import Snapshot
from peaceful._runtime.hub import ProgressHub
from peaceful.commands import Event, ItemEnded, ItemProgressed, ItemStarted, Progress

AT = datetime(2025, 3, 9, 14, 2, 11, tzinfo=UTC)

Steps = list[Event | None]
"""Events in order; none where the reader takes what is there."""


def starts(item: str) -> ItemStarted:
    """An item begins."""
    return ItemStarted(AT, item)


def moves(item: str, message: str) -> ItemProgressed:
    """An item says something."""
    return ItemProgressed(AT, item, Progress(message=message))


def ends(item: str) -> ItemEnded:
    """An item ends."""
    return ItemEnded(AT, item, ItemStatus.DONE, "", "", None, 0.0)


async def _read(*steps: Event | None) -> Steps:
    """What a reader gets, who takes now and then, and at last."""
    hub = ProgressHub()
    subscription = hub.subscribe()
    read: Steps = []
    for step in (*steps, None):
        if step is None:
            read += [*subscription.mailbox.take(), None]
        else:
            hub.publish(step)
    return read


async def test_newer_progress_takes_the_place_of_older() -> None:
    """Of what an item said, only the newest is there, where the first was."""
    events: Steps = [starts("a"), moves("a", "1"), starts("b"), moves("a", "2"), moves("b", "3")]
    assert await _read(*events) == [
        starts("a"),
        moves("a", "2"),
        starts("b"),
        moves("b", "3"),
        None,
    ]


async def test_progress_of_the_next_block_comes_after_the_end() -> None:
    """What an item says in the next block does not take the place of what it said in this one."""
    block: Steps = [starts("a"), moves("a", "1"), ends("a")]
    assert await _read(*block, *block) == [*block, *block, None]


async def test_progress_of_an_item_that_is_not_running() -> None:
    """A function that was abandoned may still have something to say: nobody is told."""
    events: Steps = [starts("a"), ends("a"), moves("a", "too late"), moves("b", "not begun")]
    assert await _read(*events) == [starts("a"), ends("a"), None]


async def test_nothing_comes_between() -> None:
    """What is made of how everything stands is told before anything that another thread tells."""
    hub = ProgressHub()
    subscription = hub.subscribe()
    others: list[threading.Thread] = []

    def tell() -> None:
        about_to_tell.set()
        hub.publish(starts("late"))

    about_to_tell = threading.Event()

    def make(snapshot: Snapshot) -> Event | None:
        others.append(threading.Thread(target=tell))
        others[0].start()
        about_to_tell.wait()
        others[0].join(0.05)
        return None if snapshot.running else starts("first")

    assert hub.publish_made(make)
    others[0].join()
    assert subscription.mailbox.take() == [starts("first"), starts("late")]
    assert not hub.publish_made(lambda _: None)
    assert subscription.mailbox.take() == []


@st.composite
def _steps(draw: st.DrawFn) -> Steps:
    """Items that start and end, and say something at any time, also when they do not run."""
    made: Steps = []
    running: set[str] = set()
    kinds = st.tuples(st.sampled_from("abc"), st.sampled_from(["begin or end", "say", "take"]))
    for number, (item, kind) in enumerate(draw(st.lists(kinds, max_size=40))):
        match kind:
            case "take":
                made.append(None)
            case "say":
                made.append(moves(item, str(number)))
            case _:
                made.append(ends(item) if item in running else starts(item))
                running ^= {item}
    return [*made, None]


def _of(item: str, steps: Sequence[Event | None]) -> Steps:
    """What concerns one item: its own events, and where the reader took."""
    kinds = (ItemStarted, ItemProgressed, ItemEnded)
    return [
        step for step in steps if step is None or (isinstance(step, kinds) and step.item == item)
    ]


def _newest_only(steps: Steps) -> Steps:
    """What is to be read of one item: progress while it runs, of each stretch the newest."""
    kept: Steps = []
    runs = False
    place: int | None = None
    for step in steps:
        if isinstance(step, ItemProgressed):
            if runs and place is None:
                place = len(kept)
                kept.append(step)
            elif runs and place is not None:
                kept[place] = step
            continue
        if step is not None:
            runs = isinstance(step, ItemStarted)
        place = None
        kept.append(step)
    return kept


@examples(100)
@given(_steps())
async def test_nothing_else_is_lost(steps: Steps) -> None:
    """Whenever the reader takes, it gets all starts and ends in order, and each newest progress."""
    read = await _read(*steps[:-1])

    def others(events: Steps) -> Steps:
        return [event for event in events if not isinstance(event, ItemProgressed)]

    assert others(read) == others(steps)
    for item in "abc":
        assert _of(item, read) == _newest_only(_of(item, steps))


async def test_a_reader_that_leaves() -> None:
    """What it has taken is still read; then the iteration ends, also where somebody waits in it."""
    hub = ProgressHub()
    subscription = hub.subscribe()
    hub.publish(starts("a"))
    hub.publish(starts("b"))
    assert await anext(subscription) == starts("a")
    await subscription.aclose()
    assert [event async for event in subscription] == [starts("b")]

    waiting = hub.subscribe()
    reading = asyncio.ensure_future(anext(waiting, None))
    await asyncio.sleep(0)
    await waiting.aclose()
    assert await reading is None
