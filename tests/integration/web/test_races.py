"""Many at once: who interrupts as it ends, who watches as it ends, who is cut off."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from event_streams import Told, told

WATCHERS = 500


async def test_an_interrupt_is_accepted_or_too_late(site: Any) -> None:
    """Never both: 202 and it is latched, or 409 with an outcome that knows of none."""
    seen: set[int] = set()
    for number in range(30):
        execution_id = await site.started(command="discover" if number % 2 else "ensure")
        path = f"/api/executions/{execution_id}"
        for _ in range(number % 10):
            await asyncio.sleep(0)
        responses = await asyncio.gather(*(site.client.post(f"{path}/interrupt") for _ in range(3)))
        ended = await site.ended(execution_id)
        statuses = [response.status_code for response in responses]
        seen |= set(statuses)
        assert set(statuses) <= {202, 409}
        assert (ended["outcome"]["interrupt"] is not None) is (202 in statuses)
        for response in responses:
            if response.status_code == 409:
                assert response.json()["outcome"] == ended["outcome"]
        late = await site.client.post(f"{path}/interrupt")
        assert late.status_code == 409
    assert 202 in seen


async def _raw(port: int, token: str, path: str, told_first: asyncio.Event) -> bytes:
    """Everything that a watcher is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
    )
    got = await reader.readuntil(b"event: snapshot")
    told_first.set()
    got += await reader.read()
    writer.close()
    return got


async def test_hundreds_watch_one_execution(served: Any) -> None:
    """Each is told the end, and no ID twice; the execution is not held up."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/events"
    port = site.client.base_url.port
    firsts = [asyncio.Event() for _ in range(WATCHERS)]
    watching = [asyncio.ensure_future(_raw(port, served.token, path, first)) for first in firsts]
    for first in firsts:
        await first.wait()
    gate.open.set()
    await site.ended(execution_id)
    for got in await asyncio.gather(*watching):
        assert got.count(b"event: execution_ended") == 1
        ids = [int(line[4:]) for line in got.splitlines() if line.startswith(b"id: ")]
        assert ids == sorted(set(ids))
        # Endings are told in the order in which they came: b waits for a.
        words = re.findall(rb'"event":"item_ended"[^\n]*?"item":"(.)"', got)
        assert words.index(b"a") < words.index(b"b")
        assert sorted(set(words)) == sorted(words)


async def test_a_stream_that_is_cut_again_and_again_misses_nothing(served: Any) -> None:
    """Each time it goes on after the last event that arrived."""
    site = served.site
    gates = [site.gates.gate("dev", item) for item in "abc"]
    execution_id = await site.started()
    path = f"/api/executions/{execution_id}/events"
    seen: list[Told] = []
    while not seen or seen[-1].word != "execution_ended":
        headers = {"Last-Event-ID": str(seen[-1].id)} if seen else {}
        async with site.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            # One event, then the connection is cut.
            seen.append(await anext(told(response)))
        if gates:
            gates.pop(0).open.set()
    ids = [event.id for event in seen]
    assert ids == sorted(set(ids))
    ended = {event.data["item"] for event in seen if event.word == "item_ended"}
    assert ended | set(seen[0].data["snapshot"]["ended"]) == {"a", "b", "c"}


async def test_a_slow_watcher_holds_nothing_up(served: Any) -> None:
    """It reads nothing at all, and everybody else is told everything."""
    site = served.site
    gate = site.gates.gate("dev", "a")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}/events"
    port = site.client.base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {served.token}\r\n\r\n".encode()
    )
    async with site.client.stream("GET", path) as response:
        events = told(response)
        await anext(events)
        gate.open.set()
        *_, last = [event async for event in events]
    assert last.word == "execution_ended"
    writer.transport.abort()
    assert reader is not None
