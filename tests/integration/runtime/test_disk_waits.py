"""What happens while the records of items are on their way to the disk."""

from __future__ import annotations

import asyncio
from itertools import accumulate

import pytest
from item_world import Stage

from peaceful import ItemCtx, ItemStatus
from peaceful.commands import Complete, EnsureCmd, ItemEnded, ItemStarted, StateKind
from peaceful.testing import MemoryStateStore
from peaceful.testing._fakes import MemoryStateWriter

ITEMS = "abcdefgh"


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes longer for a record than items take for their work."""

    def durable(_: MemoryStateWriter) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        loop.call_later(0.01, future.set_result, None)
        return future

    monkeypatch.setattr(MemoryStateWriter, "_sync", durable)


def _most_in_progress(stage: Stage) -> int:
    steps = {ItemStarted: 1, ItemEnded: -1}
    return max(accumulate(steps.get(type(event), 0) for event in stage.sink.events))


@pytest.mark.usefixtures("slow_disk")
@pytest.mark.parametrize(("at_once", "in_progress"), [(1, 1), (2, 4), (3, 6)])
async def test_items_that_wait_for_the_disk_make_room(
    stage: Stage, at_once: int, in_progress: int
) -> None:
    """As many again may start meanwhile; one at a time stays one after the other."""
    flow = stage.flow(dict.fromkeys(ITEMS, ()))
    outcome = await EnsureCmd.exec(stage.ctx(flow, at_once=at_once, store=MemoryStateStore()))

    assert isinstance(outcome, Complete)
    assert outcome.items_with(ItemStatus.DONE) == tuple(ITEMS)
    assert _most_in_progress(stage) == in_progress
    assert stage.world.most_running <= at_once


@pytest.mark.usefixtures("slow_disk")
async def test_an_item_waits_for_the_records_of_those_that_it_needs(stage: Stage) -> None:
    """What needs an item starts when that is on disk, and not as soon as it is made."""
    flow = stage.flow({"a": (), "b": ("a",), "c": ()})
    await EnsureCmd.exec(stage.ctx(flow, store=MemoryStateStore()))
    order = [
        (type(event), event.item)
        for event in stage.sink.events
        if isinstance(event, (ItemStarted, ItemEnded))
    ]

    assert order.index((ItemEnded, "a")) < order.index((ItemStarted, "b"))


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_ended_unchanged_survives_a_loss_of_power(stage: Stage, is_known: bool) -> None:
    """It is not in doubt from its end on, whether or not it was stored already."""
    flow = stage.flow(dict.fromkeys("abcd", ()))
    store = MemoryStateStore()
    await EnsureCmd.exec(stage.ctx(flow, store=store))
    del stage.world.things["b"]
    if not is_known:
        store = MemoryStateStore()
    looked_at: list[str] = []

    async def look(ctx: ItemCtx) -> None:
        found = store.after_power_loss().load(StateKind.CURRENT)
        certain = {item for item, state in found.items() if state.in_progress_since is None}
        assert certain.issuperset(looked_at)
        looked_at.append(ctx.item)

    stage.world.look = look
    outcome = await EnsureCmd.exec(stage.ctx(flow, at_once=1, store=store))

    assert outcome.items_with(ItemStatus.UNCHANGED) == ("a", "c", "d")
    assert looked_at == ["a", "b", "c", "d"]


async def test_cancelled_before_the_first_change(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cancelled while it waited to be changed was not, and is not in doubt."""
    waits = asyncio.Event()

    def endless(_: MemoryStateWriter) -> asyncio.Future[None]:
        waits.set()
        return asyncio.get_running_loop().create_future()

    monkeypatch.setattr(MemoryStateWriter, "_sync", endless)
    store = MemoryStateStore()
    ensuring = asyncio.create_task(EnsureCmd.exec(stage.ctx(stage.flow({"a": ()}), store=store)))
    await waits.wait()
    ensuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ensuring

    assert not stage.world.applied
    known = store.load(StateKind.CURRENT)["a"]
    assert known.in_progress_since is None
    assert not known.is_there
