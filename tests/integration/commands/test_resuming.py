"""An interrupted `ensure`, resumed any number of times, ends as one that was never interrupted."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from item_world import Recorded, Stage
from tally import counted_examples

from peaceful import ItemCtx, ItemStatus
from peaceful._model.outcome import NOT_CHANGED
from peaceful.commands import (
    CleanCmd,
    Complete,
    EnsureCmd,
    Event,
    ItemError,
    LadderTimes,
    StatusCmd,
)
from peaceful.interrupt import InterruptLevel, PollNextN, SendResult


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
    st.lists(st.integers(0, 24), max_size=4),
    st.sets(st.integers(0, 11), max_size=2),
    st.integers(1, 5),
    st.integers(0, 3),
)
@counted_examples("resuming", "graphs x interrupts x failures")
def test_resumed_ends_as_uninterrupted(
    needs: dict[str, list[str]], stops: list[int], failing: set[int], at_once: int, more: int
) -> None:
    """Whatever the graph, and whenever interrupts and failures come, nothing is done twice.

    After an interrupt no change begins, or only as many as the strategy allows.
    """
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_resumed(Stage(Path(folder)), needs, stops, failing, at_once, more))


async def _resumed(
    stage: Stage,
    needs: dict[str, list[str]],
    stops: list[int],
    failing: set[int],
    at_once: int,
    more: int,
) -> None:
    ctx = stage.ctx(stage.flow(needs), at_once=at_once, strategy=PollNextN(more))
    stage.world.failing = {f"t{number}" for number in failing} & set(needs)
    for stop in stops:
        moment = _Moment(stage, stop)
        before = dict(stage.world.things)
        outcome = await EnsureCmd.exec(ctx)
        done = set(outcome.items_with(ItemStatus.DONE))
        assert set(stage.world.things) == set(before) | done
        assert moment.begun_after <= more
        known = StatusCmd.exec(ctx)
        for item in outcome.items_with(ItemStatus.NOT_STARTED):
            looked_at = outcome.items[item].message == NOT_CHANGED
            assert not looked_at or known[item].shown == _shown(stage.world.things.get(item))
    stage.world.every = stage.world.look = None
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


class _Moment:
    """Interrupts a command at a step: a look or a change begins, or has got half way.

    `begun_after` is how many changes have begun since. A signal between two commands is too late
    for the one and too early for the other.
    """

    def __init__(self, stage: Stage, step: int) -> None:
        self._stage = stage
        self._step = step
        self._count = 0
        self._accepted = False
        self.begun_after = 0
        stage.world.look, stage.world.every = self._look, self._change
        self._next()

    async def _look(self, _: ItemCtx) -> None:
        self._next()
        await asyncio.sleep(0)
        self._next()

    async def _change(self, ctx: ItemCtx) -> None:
        self.begun_after += self._accepted
        await self._look(ctx)

    def _next(self) -> None:
        if self._count == self._step:
            self._accepted = self._stage.sender.request() is SendResult.ACCEPTED
        self._count += 1


def _shown(value: str | None) -> str:
    return "absent" if value is None else f"value={value}"


def _value(name: str, needs: dict[str, list[str]]) -> str:
    return "+".join(["there", *(_value(each, needs) for each in needs[name])])


@examples(20, soak=10_000)
@given(graphs(), st.integers(1, 12), st.sampled_from(InterruptLevel), st.integers(1, 5))
@counted_examples("resuming", "graphs x interrupts of any level")
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

        stage.world.every = stage.world.look = hook
        ctx = stage.ctx(stage.flow(needs), at_once=at_once, ladder=LadderTimes(0, 0.1))
        outcome = await EnsureCmd.exec(ctx)
        done = outcome.items_with(ItemStatus.DONE)
        stage.world.every = stage.world.look = None
        again = await EnsureCmd.exec(ctx)
        assert isinstance(again, Complete)
        assert not set(done) & set(again.items_with(ItemStatus.DONE))
        assert all(stage.world.applied[name] == 1 for name in done)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(folder))


_FILES: Final = 1_000 if settings.get_current_profile_name() == "soak" else 12
_STAGES: Final = ("get", "turn", "put")


@examples(15, soak=100)
@given(
    st.lists(st.tuples(st.integers(1, 2 * _FILES), st.sampled_from(InterruptLevel)), max_size=4),
    st.tuples(st.sampled_from(_STAGES), st.integers(0, _FILES - 1)),
    st.tuples(st.sampled_from(_STAGES), st.integers(0, _FILES - 1)),
    st.integers(2, 16),
)
@counted_examples("resuming", "pipeline x interrupts x one that fails x one that hangs")
def test_a_pipeline_with_a_file_that_fails_and_one_that_hangs(
    stops: list[tuple[int, InterruptLevel]],
    fails: tuple[str, int],
    hangs: tuple[str, int],
    at_once: int,
) -> None:
    """Interrupted and resumed at random, a pipeline ends as one that was never interrupted.

    What fails and what hangs cost their own files; all others are finished meanwhile.
    """

    async def scenario(folder: str) -> None:
        stage = Stage(Path(folder))
        needs = {name: needed for file in range(_FILES) for name, needed in _chain(file).items()}
        pipe = _Pipeline(stage, f"{fails[0]}_{fails[1]}", f"{hangs[0]}_{hangs[1]}")
        pipe.others = {
            name for name in needs if int(name.split("_")[1]) not in (fails[1], hangs[1])
        }
        ctx = stage.ctx(stage.flow(needs), at_once=at_once, ladder=LadderTimes(0, 0.1))
        ctx = replace(ctx, sinks=(pipe,))
        for stop in [*stops, None]:
            pipe.begun, pipe.stop = 0, stop
            await EnsureCmd.exec(ctx)
        assert pipe.others <= set(stage.world.things)
        stage.world.every, stage.world.hooks, stage.world.failing = None, {}, set()
        assert isinstance(await EnsureCmd.exec(ctx), Complete)
        assert stage.world.things == {name: _value(name, needs) for name in needs}
        assert set(stage.world.applied.values()) == {1}

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(folder))


def _chain(file: int) -> dict[str, list[str]]:
    """The items of a file, and what each needs."""
    names = [f"{stage}_{file}" for stage in _STAGES]
    return {name: names[:place][-1:] for place, name in enumerate(names)}


class _Pipeline(Recorded):
    """A person who interrupts a pipeline, and ends what hangs when nothing else goes on.

    Attributes:
        begun: how many changes have begun.
        stop: at which change it is interrupted, and how; None for never.
        others: the items that neither fail nor hang, nor wait for one that does.
    """

    def __init__(self, stage: Stage, fails: str, hangs: str) -> None:
        super().__init__()
        self.stop: tuple[int, InterruptLevel] | None = None
        self.others: set[str] = set()
        self._stage = stage
        self.begun = 0
        self._hanging = False
        stage.world.failing = {fails}
        stage.world.every = self._begin
        stage.world.hooks = {hangs: self._hang}

    def receive(self, events: Sequence[Event]) -> None:
        """End what hangs if it is the last."""
        self._end_what_hangs()

    async def _begin(self, _: ItemCtx) -> None:
        self.begun += 1
        if self.stop is not None and self.begun == self.stop[0]:
            self._stage.sender.request(self.stop[1])
        await asyncio.sleep(0)

    async def _hang(self, _: ItemCtx) -> None:
        self._hanging = True
        try:
            self._end_what_hangs()
            await asyncio.Event().wait()
        finally:
            self._hanging = False

    def _end_what_hangs(self) -> None:
        world = self._stage.world
        stopped = self.stop is not None and self.begun >= self.stop[0]
        over = stopped and world.running == 1
        if self._hanging and (over or self.others <= set(world.things)):
            self._stage.sender.request(InterruptLevel.CANCEL)
