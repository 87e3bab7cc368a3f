"""An interrupted `ensure`, resumed any number of times, ends as one that was never interrupted."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from item_world import Stage

from peaceful import ItemCtx, ItemStatus
from peaceful.commands import CleanCmd, Complete, EnsureCmd, ItemError, LadderTimes
from peaceful.interrupt import InterruptLevel


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """A random graph of things, in an order in which each comes after what it needs."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 12)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=3))
        if place
        else []
        for place, name in enumerate(names)
    }


@examples(20, soak=10_000)
@given(
    graphs(),
    st.lists(st.integers(0, 12), max_size=4),
    st.sets(st.integers(0, 11), max_size=2),
    st.integers(1, 5),
)
def test_resumed_ends_as_uninterrupted(
    needs: dict[str, list[str]], stops: list[int], failing: set[int], at_once: int
) -> None:
    """Whatever the graph, and wherever interrupts and failures come, nothing is done twice."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_resumed(Stage(Path(folder)), needs, stops, failing, at_once))


async def _resumed(
    stage: Stage,
    needs: dict[str, list[str]],
    stops: list[int],
    failing: set[int],
    at_once: int,
) -> None:
    ctx = stage.ctx(stage.flow(needs), at_once=at_once)
    stage.world.failing = {f"t{number}" for number in failing} & set(needs)
    for stop in stops:
        await _interrupted_after(stage, stop)
        before = dict(stage.world.things)
        outcome = await EnsureCmd.exec(ctx)
        done = set(outcome.items_with(ItemStatus.DONE))
        assert set(stage.world.things) == set(before) | done
    stage.world.every = None
    outcome = await EnsureCmd.exec(ctx)
    if stage.world.failing:
        assert isinstance(outcome, ItemError)
        assert set(outcome.errors) <= stage.world.failing
        stage.world.failing = set()
        outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert stage.world.things == {name: _value(name, needs) for name in needs}
    assert set(stage.world.applied.values()) == {1}
    assert stage.world.most_running <= at_once
    await CleanCmd.exec(ctx)
    assert not stage.world.things


async def _interrupted_after(stage: Stage, starts: int) -> None:
    """Interrupts when that many items have been started."""
    if starts == 0:
        stage.sender.request()
    count = 0

    async def hook(_: ItemCtx) -> None:
        nonlocal count
        count += 1
        if count == starts:
            stage.sender.request()
        await asyncio.sleep(0)

    stage.world.every = hook


def _value(name: str, needs: dict[str, list[str]]) -> str:
    return "+".join(["there", *(_value(each, needs) for each in needs[name])])


@examples(20, soak=10_000)
@given(graphs(), st.integers(1, 6), st.sampled_from(InterruptLevel), st.integers(1, 5))
def test_any_level_leaves_what_is_done_recorded(
    needs: dict[str, list[str]], at: int, level: InterruptLevel, at_once: int
) -> None:
    """After a cancel or a kill too, what was done is not done again."""

    async def scenario(folder: str) -> None:
        stage = Stage(Path(folder))
        count = 0

        async def hook(_: ItemCtx) -> None:
            nonlocal count
            count += 1
            if count == at:
                stage.sender.request(level)
            await asyncio.sleep(0)

        stage.world.every = hook
        ctx = stage.ctx(stage.flow(needs), at_once=at_once, ladder=LadderTimes(0, 0.1))
        outcome = await EnsureCmd.exec(ctx)
        done = outcome.items_with(ItemStatus.DONE)
        stage.world.every = None
        again = await EnsureCmd.exec(ctx)
        assert isinstance(again, Complete)
        assert not set(done) & set(again.items_with(ItemStatus.DONE))
        assert all(stage.world.applied[name] == 1 for name in done)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(folder))
