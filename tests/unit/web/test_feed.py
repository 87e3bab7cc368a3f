"""What happens in an execution, as it is told to all who watch it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.model import (
    ExecutionEnded,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    ItemStatus,
    OutcomeKind,
    Progress,
    StreamEvent,
)
from peaceful.web._live._feed import Feed

BEGAN = 1_000
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _told(data: bytes) -> list[tuple[int, str, Any]]:
    events: list[tuple[int, str, Any]] = []
    for text in data.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


def _started(item: str) -> ItemStarted:
    return ItemStarted(AT, item)


def _progressed(item: str, done: int) -> ItemProgressed:
    return ItemProgressed(AT, item, Progress(done=done))


def _ended(item: str, message: str = "") -> ItemEnded:
    return ItemEnded(AT, item, ItemStatus.DONE, "", message, None, 1.0)


END = ExecutionEnded(AT, "e1", OutcomeKind.COMPLETE, {}, None)

steps = st.one_of(
    st.builds(_started, st.sampled_from("abc")),
    st.builds(_progressed, st.sampled_from("abc"), st.integers(0, 9)),
    st.builds(_ended, st.sampled_from("abc")),
    st.none(),
)


@given(st.lists(steps), st.integers(1, 20), st.lists(st.booleans(), min_size=60, max_size=60))
def test_every_watcher_gets_every_ending(
    story: list[StreamEvent | None], kept: int, looks: list[bool]
) -> None:
    """Whenever it looks, and however little is kept, in events or in a picture; and the last event.

    IDs increase for every watcher, and no event comes twice.
    """
    feed = Feed(BEGAN // 2, kept=kept)
    seen: int | None = None
    got: list[tuple[int, str, Any]] = []
    for number, step in enumerate([*story, None, END, None]):
        if step is None:
            feed.flush()
        else:
            feed.add(step)
        if looks[number % len(looks)]:
            chunk = feed.since(seen)
            if chunk.data:
                seen = chunk.last_id
                got += _told(chunk.data)
    got += _told(feed.since(seen).data)
    ids = [event_id for event_id, _, _ in got]
    assert ids == sorted(set(ids))
    assert [word for _, word, _ in got].count("execution_ended") == 1
    assert got[-1][1] == "execution_ended"
    ended: set[str] = set()
    for _, word, data in got:
        if word == "snapshot":
            ended |= set(data["snapshot"]["ended"])
        elif word == "item_ended":
            ended.add(data["item"])
    assert ended == {step.item for step in story if isinstance(step, ItemEnded)}


@pytest.mark.parametrize("seen", [None, 0, BEGAN - 1, BEGAN + 99, 10**18])
def test_who_asks_for_what_is_not_there_gets_a_picture(seen: int | None) -> None:
    """Of how everything stands."""
    feed = Feed(BEGAN // 2, kept=2)
    for item in "abc":
        feed.add(_started(item))
    feed.flush()
    ((event_id, word, data),) = _told(feed.since(seen).data)
    assert (event_id, word) == (BEGAN + 6, "snapshot")
    assert set(data["snapshot"]["running"]) == {"a", "b", "c"}


def test_of_progress_only_the_newest_is_told() -> None:
    """Of each item; whatever else happens is told, in its place."""
    feed = Feed(BEGAN // 2)
    events: list[StreamEvent] = [_started("a"), _progressed("a", 1), _started("b")]
    for event in [*events, _progressed("a", 2)]:
        feed.add(event)
    feed.add(_ended("a"))
    feed.flush()
    told = [(word, data["item"]) for _, word, data in _told(feed.since(BEGAN).data)]
    assert told == [
        ("item_started", "a"),
        ("item_progressed", "a"),
        ("item_started", "b"),
        ("item_ended", "a"),
    ]
    assert _told(feed.since(BEGAN).data)[1][2]["progress"]["done"] == 2


def test_watchers_at_one_place_share_what_they_are_sent() -> None:
    """It is made once for all of them."""
    feed = Feed(BEGAN // 2)
    feed.add(_started("a"))
    feed.flush()
    assert feed.since(BEGAN).data is feed.since(BEGAN).data
    assert feed.since(None).data is feed.since(5).data


def test_nothing_is_told_before_anything_is_known() -> None:
    """A watcher waits for the first event."""
    feed = Feed(BEGAN // 2)
    assert not feed.begun
    assert feed.since(None).data == b""
    assert not feed.flush()


def test_what_items_say_cannot_make_events() -> None:
    """Line ends in texts stay in their text."""
    feed = Feed(BEGAN // 2)
    text = "a\n\nevent: execution_ended\ndata: {}\r\rb\u2028\ud800"
    feed.add(_ended("a", text))
    feed.flush()
    data = feed.since(BEGAN).data
    assert data.count(b"\n") == 4
    assert b"\r" not in data
