"""Many who wait for the same news."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from peaceful.web._live._tracker import pause_between_looks
from peaceful.web._live._waiting import AT_ONCE, Waiting


async def _waiting(waiting: Waiting, number: int) -> list[asyncio.Task[bool]]:
    """So many who wait, all of whom have begun to."""
    tasks = [asyncio.create_task(waiting.news(30)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_all_are_told_in_order_and_others_get_their_turn() -> None:
    """However many they are, whatever else there is to do waits for a few of them only."""
    waiting = Waiting()
    tasks = await _waiting(waiting, 10 * AT_ONCE)
    waiting.tell()
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
    waiting = Waiting()
    first = await _waiting(waiting, 3 * AT_ONCE)
    waiting.tell()
    (late,) = await _waiting(waiting, 1)
    await asyncio.gather(*first)
    assert not late.done()
    waiting.tell()
    assert await late


async def test_news_while_others_are_told_reach_all() -> None:
    """Those who wait again already, too; none is told twice for nothing."""
    waiting = Waiting()
    tasks = await _waiting(waiting, 3 * AT_ONCE)
    waiting.tell()
    again = await _waiting(waiting, 5)
    waiting.tell()
    assert all(await asyncio.gather(*tasks, *again))


async def test_who_leaves_is_in_nobodys_way() -> None:
    """Those behind are told."""
    waiting = Waiting()
    tasks = await _waiting(waiting, 5)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.sleep(0)
    waiting.tell()
    assert await asyncio.gather(*tasks[3:]) == [True, True]


async def test_without_news_there_is_an_end_to_waiting() -> None:
    """So that whoever waits can say that it is still there."""
    assert not await Waiting().news(0)


@pytest.mark.parametrize(
    ("watchers", "seconds"), [(0, 0.1), (500, 0.1), (1000, 0.2), (1_000_000, 0.3)]
)
def test_many_watchers_are_told_less_often(watchers: int, seconds: float) -> None:
    """But always more often than anybody would notice."""
    assert pause_between_looks(watchers) == seconds
