"""Watching an execution over Server-Sent Events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from event_streams import Told, told


async def _watched(site: Any, execution_id: str, last: int | None = None) -> list[Told]:
    """All events until the stream ends."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    path = f"/api/executions/{execution_id}/events"
    async with site.client.stream("GET", path, headers=headers) as response:
        assert response.status_code in {200, 204}
        return [event async for event in told(response)]


async def test_a_watcher_is_told_everything_to_the_end(served: Any) -> None:
    """First how everything stands, then what happens, with increasing IDs; then it ends."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    async with site.client.stream("GET", f"/api/executions/{execution_id}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        events = told(response)
        first = await anext(events)
        assert first.word == "snapshot"
        assert first.data["snapshot"]["items"] == ["a", "b", "c"]
        await gate.reached.wait()
        gate.open.set()
        rest = [event async for event in events]
    ids = [first.id, *(event.id for event in rest)]
    assert ids == sorted(set(ids))
    assert rest[-1].word == "execution_ended"
    assert rest[-1].data["state"] == "complete"
    ended = {event.data["item"] for event in rest if event.word == "item_ended"}
    assert ended | set(first.data["snapshot"]["ended"]) == {"a", "b", "c"}


async def test_an_interrupt_is_told_at_once(served: Any) -> None:
    """To everybody who watches, with what is still finishing."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}"
    async with AsyncExitStack() as stack:
        responses = [
            await stack.enter_async_context(site.client.stream("GET", f"{path}/events"))
            for _ in range(3)
        ]
        streams = [told(response) for response in responses]
        for events in streams:
            assert (await anext(events)).word == "snapshot"
        await site.client.post(f"{path}/interrupt")
        for events in streams:
            while (event := await anext(events)).word != "interrupt_requested":
                pass
            # `c` waits for nobody, but perhaps for the disk.
            assert event.data["in_progress"] in (["a"], ["a", "c"])
        gate.open.set()
        for events in streams:
            *_, last = [event async for event in events]
            assert (last.word, last.data["state"]) == ("execution_ended", "interrupted")


def _newest(events: Sequence[Told]) -> list[Told]:
    """The events without progress that was followed by newer progress of the same item."""
    last = {each.data["item"]: each.id for each in events if each.word == "item_progressed"}
    return [
        each
        for each in events
        if each.word != "item_progressed" or last[each.data["item"]] == each.id
    ]


async def test_what_was_missed_is_replayed(served: Any) -> None:
    """A watcher that comes again with the last ID gets what came after it, and no more."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/events"
    async with site.client.stream("GET", path) as response:
        events = told(response)
        await anext(events)
        gate.open.set()
        missed = [event async for event in events]
    for number, event in enumerate(missed[:-1]):
        again = await _watched(site, execution_id, event.id)
        assert again == _newest(missed[number + 1 :])
    assert await _watched(site, execution_id, missed[-1].id) == []


async def test_who_missed_too_much_gets_a_snapshot(served: Any) -> None:
    """And the end, where there was one."""
    site = served.site
    execution_id = await site.started()
    await site.ended(execution_id)
    snapshot, end = await _watched(site, execution_id, 2)
    assert (snapshot.word, end.word) == ("snapshot", "execution_ended")
    assert set(snapshot.data["snapshot"]["ended"]) == {"a", "b", "c"}
    assert snapshot.id < end.id


async def test_there_is_nothing_to_watch_after_the_end(served: Any) -> None:
    """204: a browser does not come again."""
    site = served.site
    execution_id = await site.started()
    await site.ended(execution_id)
    response = await site.client.get(f"/api/executions/{execution_id}/events")
    assert response.status_code == 204
    assert response.content == b""


async def test_watchers_that_go_away_leave_nothing_behind(served: Any) -> None:
    """They are counted while they are there."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/events"

    async def watchers() -> str:
        lines: list[str] = (await site.client.get("/metrics")).text.splitlines()
        return next(line for line in lines if line.startswith("peaceful_watchers "))

    async with AsyncExitStack() as stack:
        streams = [
            told(await stack.enter_async_context(site.client.stream("GET", path))) for _ in range(5)
        ]
        for events in streams:
            await anext(events)
        assert await watchers() == "peaceful_watchers 5"
    async with asyncio.timeout(20):
        while await watchers() != "peaceful_watchers 0":
            pass
