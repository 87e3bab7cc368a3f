"""What is broadcast: whoever comes, and whenever, has the newest of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._web.live.broadcast import (
    AT_ONCE,
    Broadcast,
    Change,
    Latest,
    Waiters,
    gathering_time,
    saw_the_end,
)

BEGAN = 1_000
"""The version before the first."""

PUTS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 9)), max_size=30)


def _latest(kept: int = 4096) -> Latest[int]:
    return Latest(BEGAN // 2, kept)


class _Broadcast(Broadcast[int]):
    def message(self, changes: Sequence[Change[int]] | None) -> bytes:
        told = self.everything() if changes is None else changes
        return b"".join(b"%d=%d;" % change for change in told)


def _broadcast() -> Broadcast[int]:
    return _Broadcast(BEGAN // 2)


@given(PUTS, st.lists(st.booleans(), min_size=31, max_size=31))
def test_a_watcher_that_looks_now_and_then_has_the_newest(
    puts: list[tuple[str, int]], looks: list[bool]
) -> None:
    """However often values change between two looks; and no change comes twice."""
    latest, newest = _latest(), dict[str, int]()
    seen, got = BEGAN, list[tuple[int, int]]()
    for number, (key, value) in enumerate(puts):
        latest.put(key, value)
        newest[key] = value
        if looks[number]:
            changes = latest.since(seen)
            assert changes is not None
            got += changes
            seen = latest.version
            assert {name: latest.get(name) for name in newest} == newest
    versions = [version for version, _ in got]
    assert versions == sorted(set(versions))
    assert sorted(value for _, value in latest.everything()) == sorted(newest.values())


@given(PUTS, st.integers(1, 4), st.integers(BEGAN - 10, BEGAN + 70))
def test_what_is_not_kept_is_not_told_as_if_it_were_all(
    puts: list[tuple[str, int]], kept: int, seen: int
) -> None:
    """Memory is bounded; a watcher that missed too much is told so, or that it was never here."""
    latest, made = _latest(kept), list[tuple[int, str, int]]()
    for key, value in puts:
        latest.put(key, value)
        made.append((latest.version, key, value))
    assert len(latest.everything()) <= kept
    changes = latest.since(seen)
    newer = {key: (version, value) for version, key, value in made if version > seen}
    if changes is not None:
        assert list(changes) == sorted(newer.values())
    elif BEGAN <= seen <= latest.version:
        assert len({key for _, key, _ in made}) > kept


def test_nothing_changes_after_the_end() -> None:
    """A version tells by itself whether its watcher has seen the end."""
    latest = _latest()
    latest.put("a", 1)
    assert not saw_the_end(latest.version)
    latest.put("a", 2, last=True)
    assert latest.ended
    assert saw_the_end(latest.version)
    latest.put("a", 3)
    assert latest.everything() == ((BEGAN + 3, 2),)


async def _all(broadcast: Broadcast[int], seen: int | None = None) -> list[bytes]:
    return [each async for each in broadcast.messages(seen, 60) if each is not None]


async def test_a_watcher_is_told_to_the_end() -> None:
    """What is there, then what changes, then the last change; then the messages end."""
    broadcast = _broadcast()
    watching = asyncio.ensure_future(_all(broadcast))
    await asyncio.sleep(0)
    broadcast.put("a", 1)
    broadcast.notify()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    broadcast.put("a", 2)
    broadcast.put("b", 3, last=True)
    broadcast.notify()
    assert await watching == [b"1002=1;", b"1004=2;1005=3;"]
    assert await _all(broadcast, 1004) == [b"1005=3;"]
    assert await _all(broadcast, 1005) == []


async def test_changes_are_gathered_for_a_moment() -> None:
    """Watchers are told of several at once."""
    broadcast = _broadcast()
    messages = broadcast.messages(None, 60)
    coming = asyncio.ensure_future(anext(messages))
    for value in range(3):
        broadcast.put("a", value)
        broadcast.notify_soon()
    assert await coming == b"1006=2;"
    await messages.aclose()


async def test_what_comes_between_a_look_and_the_news_is_not_told_twice() -> None:
    """A watcher may see a change before the others are told of it."""
    broadcast = _broadcast()
    broadcast.put("a", 1)
    broadcast.notify()
    broadcast.put("b", 2)
    messages = broadcast.messages(None, 0)
    assert await anext(messages) == b"1002=1;1004=2;"
    assert await anext(messages) is None
    broadcast.notify()
    assert await anext(messages) is None
    await messages.aclose()


@pytest.mark.parametrize("seen", [None, 0, BEGAN - 1, BEGAN + 99, 10**18])
async def test_a_version_that_is_not_known_gets_everything(seen: int | None) -> None:
    """As after a restart of the server."""
    broadcast = _broadcast()
    broadcast.put("a", 1)
    broadcast.notify()
    messages = broadcast.messages(seen, 60)
    assert await anext(messages) == b"1002=1;"
    await messages.aclose()


async def test_one_message_for_all() -> None:
    """Who is at the same version gets the very same bytes."""
    broadcast = _broadcast()
    broadcast.put("a", 1)
    broadcast.notify()
    one, other = broadcast.messages(None, 60), broadcast.messages(5, 60)
    assert await anext(one) is await anext(other)
    await one.aclose()
    await other.aclose()


async def test_a_server_that_ends() -> None:
    """Watchers get what there is, and no end."""
    broadcast = _broadcast()
    broadcast.put("a", 1)
    broadcast.stop()
    assert await _all(broadcast) == [b"1002=1;"]


async def test_silence() -> None:
    """Where nothing changes, a watcher is told that the server is still there."""
    messages = _broadcast().messages(None, 0)
    assert await anext(messages) is None
    await messages.aclose()


async def _waiting(waiters: Waiters, number: int) -> list[asyncio.Task[bool]]:
    """So many who wait, all of whom have begun to."""
    tasks = [asyncio.create_task(waiters.wait(30)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_all_are_told_in_order_and_others_get_their_turn() -> None:
    """However many they are, whatever else there is to do waits for a few of them only."""
    waiters = Waiters()
    tasks = await _waiting(waiters, 10 * AT_ONCE)
    waiters.wake()
    told: list[int] = []
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        told.append(sum(task.done() for task in tasks))
        done = [task.done() for task in tasks]
        assert done == sorted(done, reverse=True)
    steps = [after - before for before, after in pairwise(told)]
    assert max(steps) <= AT_ONCE
    assert all(task.result() for task in tasks)


async def test_who_comes_after_the_news_waits_for_the_next() -> None:
    """Also while others are still being told."""
    waiters = Waiters()
    first = await _waiting(waiters, 3 * AT_ONCE)
    waiters.wake()
    (late,) = await _waiting(waiters, 1)
    await asyncio.gather(*first)
    assert not late.done()
    waiters.wake()
    assert await late


async def test_news_while_others_are_told_reach_all() -> None:
    """Those who wait again already, too; none is told twice for nothing."""
    waiters = Waiters()
    tasks = await _waiting(waiters, 3 * AT_ONCE)
    waiters.wake()
    again = await _waiting(waiters, 5)
    waiters.wake()
    assert all(await asyncio.gather(*tasks, *again))


async def test_who_leaves_is_in_nobodys_way() -> None:
    """Those behind are told."""
    waiters = Waiters()
    tasks = await _waiting(waiters, 5)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.sleep(0)
    waiters.wake()
    assert await asyncio.gather(*tasks[3:]) == [True, True]


async def test_without_news_there_is_an_end_to_waiting() -> None:
    """So that whoever waits can say that it is still there."""
    assert not await Waiters().wait(0)


@pytest.mark.parametrize(
    ("watchers", "seconds"), [(0, 0.1), (500, 0.1), (1000, 0.2), (1_000_000, 0.3)]
)
def test_many_watchers_are_told_less_often(watchers: int, seconds: float) -> None:
    """But always more often than anybody would notice."""
    assert gathering_time(watchers) == seconds
