"""An execution that is followed, as it is told to all who watch it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._executions.registry import Executions
from peaceful._model.clock import SystemClock
from peaceful._model.events import Snapshot, SnapshotTaken, StreamEvent
from peaceful._web.live import watches
from peaceful._web.live.watches import ExecutionWatch, Watches
from peaceful.commands import (
    ExecutionEnded,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
)

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

events = st.one_of(
    st.builds(_started, st.sampled_from("abc")),
    st.builds(_progressed, st.sampled_from("abc"), st.integers(0, 9)),
    st.builds(_ended, st.sampled_from("abc")),
)


async def _news(watch: ExecutionWatch, seen: int | None) -> bytes:
    """What a watcher is told that looks once."""
    watch.notify()
    messages = watch.messages(seen, 0)
    told = await anext(messages, None)
    await messages.aclose()
    return told or b""


@given(st.lists(events), st.lists(st.booleans(), min_size=60, max_size=60))
def test_every_watcher_gets_every_ending(story: list[StreamEvent], looks: list[bool]) -> None:
    """Whenever it looks, in events or in a snapshot; and the last event.

    IDs increase for every watcher, and no event comes twice.
    """
    asyncio.run(_follow(story, looks))


async def _follow(story: list[StreamEvent], looks: list[bool]) -> None:
    watch = ExecutionWatch(SystemClock())
    seen: int | None = None
    got: list[tuple[int, str, Any]] = []
    for number, event in enumerate([*story, END]):
        watch.add(event)
        if looks[number % len(looks)] or event is END:
            got += _told(await _news(watch, seen))
            seen = got[-1][0]
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
    assert ended == {event.item for event in story if isinstance(event, ItemEnded)}


async def test_of_progress_only_the_newest_is_told() -> None:
    """Of each item; whatever else happens is told, in its place."""
    watch = ExecutionWatch(SystemClock())
    began = watch.version
    story = (_started("a"), _progressed("a", 1), _started("b"), _progressed("a", 2), _ended("a"))
    for event in story:
        watch.add(event)
    told = _told(await _news(watch, began))
    assert [(word, data["item"]) for _, word, data in told] == [
        ("item_started", "a"),
        ("item_started", "b"),
        ("item_progressed", "a"),
        ("item_ended", "a"),
    ]
    assert told[2][2]["progress"]["done"] == 2


async def test_a_snapshot_stays_as_it_was_taken() -> None:
    """What happens after it is told once: as an event, not in the snapshot as well."""
    watch = ExecutionWatch(SystemClock())
    began = watch.version
    watch.add(SnapshotTaken(Snapshot()))
    watch.add(_started("a"))
    watch.add(_ended("a"))
    snapshot, *rest = _told(await _news(watch, began))
    assert snapshot[2]["snapshot"].get("ended", {}) == {}
    assert [word for _, word, _ in rest] == ["item_started", "item_ended"]


async def test_nothing_is_told_before_anything_is_known() -> None:
    """A watcher waits for the first event."""
    assert await _news(ExecutionWatch(SystemClock()), None) == b""


async def test_what_items_say_cannot_make_events() -> None:
    """Line ends in texts stay in their text."""
    watch = ExecutionWatch(SystemClock())
    began = watch.version
    watch.add(_ended("a", "a\n\nevent: execution_ended\ndata: {}\r\rb\u2028\ud800"))
    data = await _news(watch, began)
    assert data.count(b"\n") == 4
    assert b"\r" not in data


class _Elsewhere:
    """Executions of other processes, in which nothing happens.

    Attributes:
        asked: how often events were asked for.
        left: set once nobody reads them any more.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.left = asyncio.Event()

    async def events(self, _: str) -> AsyncGenerator[StreamEvent]:
        self.asked += 1
        try:
            await asyncio.Event().wait()
            yield END
        finally:
            self.left.set()


async def test_an_execution_of_another_process_is_followed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For all who watch it, and who come back soon; not for long after the last one."""
    executions = _Elsewhere()
    followed = Watches(cast("Executions", executions), SystemClock())
    with followed.watched("e1") as one, followed.watched("e1") as other:
        assert one is other
        await asyncio.sleep(0)
    monkeypatch.setattr(watches, "LINGER", 0)
    with followed.watched("e1") as again:
        assert again is one
    await executions.left.wait()
    assert followed.get("e1") is None
    assert executions.asked == 1
    await followed.close()
