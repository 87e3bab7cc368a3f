"""Each row of the table of cases: when a signal comes, and how the command then ends."""

from __future__ import annotations

import asyncio

import pytest
from item_world import Hook, Stage, ThingState

from peaceful import ItemCtx, ItemStatus, Resources
from peaceful._commands.ensure import EnsureBlock
from peaceful._model.clock import SystemClock
from peaceful.commands import (
    BlockInterrupted,
    BlockResult,
    BlockRun,
    CleanCmd,
    CmdBlock,
    CmdExecution,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    ExecutionInterrupted,
    InterruptRequested,
    ItemError,
    ItemId,
    LadderTimes,
    States,
    StatusCmd,
)
from peaceful.interrupt import IgnoreInterruptions, InterruptLevel, PollNextN, SendResult

CHAIN = {"a": [], "b": ["a"], "c": ["b"]}
FAN: dict[str, list[str]] = {name: [] for name in "abcdefgh"}


def interrupting(stage: Stage, level: InterruptLevel = InterruptLevel.STOP) -> Hook:
    """A hook that interrupts in the middle of an item's work."""

    async def hook(_: ItemCtx) -> None:
        stage.sender.request(level)

    return hook


async def test_a_signal_before_the_first_block(stage: Stage) -> None:
    """Nothing is processed, nothing is written, and no item is looked at."""
    stage.sender.request()
    ctx = stage.ctx(stage.flow(CHAIN))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, ExecutionInterrupted)
    assert outcome.blocks_processed == ()
    assert outcome.blocks_not_processed == ("Ownership", "ParamsSpecs", "Ensure")
    assert outcome.value is None
    assert not stage.world.applied
    assert list(stage.workspace.flow_folder("dev", "things").iterdir()) == []


async def test_a_signal_while_items_run(stage: Stage) -> None:
    """Those in progress finish and are recorded; the others are not started."""
    together = asyncio.Barrier(3)

    async def hook(_: ItemCtx) -> None:
        if await together.wait() == 0:
            stage.sender.request(reason="wrong version")

    stage.world.every = hook
    ctx = stage.ctx(stage.flow(FAN), at_once=3)
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items_with(ItemStatus.DONE) == ("a", "b", "c")
    assert outcome.items_with(ItemStatus.NOT_STARTED) == tuple("defgh")
    assert outcome.blocks_not_processed == ("Ensure",)
    assert outcome.interrupt is not None
    assert outcome.interrupt.reason == "wrong version"
    known = StatusCmd.exec(ctx)
    assert [known[name].shown for name in "abcd"] == ["value=there"] * 3 + ["not discovered yet"]


class _Waiting(CmdBlock[str]):
    """A block without items, in the middle of which a signal comes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def run(self, run: BlockRun) -> BlockResult[str]:
        self._stage.sender.request()
        return BlockResult("was finished")


def _text(resources: Resources) -> str | None:
    return resources.try_get(str)


async def test_a_signal_inside_a_block_that_has_no_items(stage: Stage) -> None:
    """It is noticed at the next boundary, and the block's value is kept."""
    execution = CmdExecution("ensure", [_Waiting(stage), EnsureBlock()], _text)
    outcome = await execution.run(stage.ctx(stage.flow(CHAIN)))
    assert isinstance(outcome, ExecutionInterrupted)
    assert outcome.value == "was finished"
    assert outcome.blocks_processed == ("_Waiting",)
    assert outcome.blocks_not_processed == ("Ensure",)


async def test_a_signal_while_the_last_item_of_a_block_runs(stage: Stage) -> None:
    """The block's value is kept; the execution ends at the boundary."""
    stage.world.hooks["c"] = interrupting(stage)
    execution = CmdExecution("ensure", [EnsureBlock(), _Waiting(stage)], _states)
    outcome = await execution.run(stage.ctx(stage.flow(CHAIN)))
    assert isinstance(outcome, ExecutionInterrupted)
    assert outcome.blocks_processed == ("Ensure",)
    assert outcome.value is not None
    assert set(outcome.value.current) == set("abc")


def _states(resources: Resources) -> States | None:
    return resources.try_get(States)


async def test_a_signal_while_the_last_item_of_the_last_block_runs(stage: Stage) -> None:
    """The command is complete, and the outcome tells of the interrupt."""
    stage.world.hooks["c"] = interrupting(stage)
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow(CHAIN)))
    assert isinstance(outcome, Complete)
    assert outcome.interrupt is not None


async def test_a_signal_after_the_last_block(stage: Stage) -> None:
    """The command is complete; the sender is told that it came too late."""
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow(CHAIN)))
    assert isinstance(outcome, Complete)
    assert outcome.interrupt is None
    assert stage.sender.request() is SendResult.TOO_LATE


async def test_an_item_error_and_a_signal_together(stage: Stage) -> None:
    """The error wins, and the outcome tells of the interrupt too."""
    stage.world.failing.add("a")
    stage.world.hooks["a"] = interrupting(stage)
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow(FAN), at_once=2))
    assert isinstance(outcome, ItemError)
    assert list(outcome.errors) == ["a"]
    assert outcome.interrupt is not None
    assert outcome.items_with(ItemStatus.NOT_STARTED)


async def test_a_signal_during_clean(stage: Stage) -> None:
    """Items are cleaned in reverse order; what is cleaned stays so, the rest is not started."""
    ctx = stage.ctx(stage.flow(CHAIN))
    await EnsureCmd.exec(ctx)
    stop_after_first = _StopAfterFirstCleaned(stage)
    stage.world.cleaned = stop_after_first
    outcome = await CleanCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert list(stop_after_first) == ["c"]
    assert set(stage.world.things) == {"a", "b"}
    assert isinstance(await CleanCmd.exec(ctx), Complete)
    assert stage.world.cleaned == ["c", "b", "a"]


class _StopAfterFirstCleaned(list[str]):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def append(self, name: str) -> None:
        super().append(name)
        if len(self) == 1:
            self._stage.sender.request()


async def test_a_signal_during_discover(stage: Stage) -> None:
    """Discovered states are merged; what was not reached keeps its stored value."""
    flow = stage.flow(CHAIN)
    ctx = stage.ctx(flow, at_once=1)
    await EnsureCmd.exec(ctx)
    stage.world.things.update(a="changed", c="changed too")
    looked_at: list[ItemId] = []

    class Looking(dict[str, str]):
        def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
            looked_at.append(name)
            if name == "b":
                stage.sender.request()
            return super().get(name, default)

    stage.world.things = Looking(stage.world.things)
    outcome = await DiscoverCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert "c" not in looked_at
    known = StatusCmd.exec(ctx)
    assert known["a"].shown == "value=changed"
    assert known["c"].shown == "value=there+there+there"


async def test_interruptions_may_be_ignored(stage: Stage) -> None:
    """With `IgnoreInterruptions` the command runs on, and the outcome still tells of the signal."""
    stage.world.hooks["a"] = interrupting(stage, InterruptLevel.CANCEL)
    ctx = stage.ctx(stage.flow(CHAIN), strategy=IgnoreInterruptions())
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert outcome.interrupt is not None
    assert not [event for event in stage.sink.events if isinstance(event, InterruptRequested)]


@pytest.mark.parametrize("more", [0, 1, 3, 20])
async def test_a_number_of_further_starts_may_be_allowed(stage: Stage, more: int) -> None:
    """With `PollNextN(n)` exactly n more changes begin, fewer if the work ends first."""
    stage.world.hooks["a"] = interrupting(stage)
    ctx = stage.ctx(stage.flow(FAN), strategy=PollNextN(more), at_once=1)
    outcome = await EnsureCmd.exec(ctx)
    assert sum(stage.world.applied.values()) == min(len(FAN), 1 + more)
    assert isinstance(outcome, Complete if 1 + more >= len(FAN) else BlockInterrupted)


async def test_cancel_gives_items_time_to_clean_up(stage: Stage) -> None:
    """Items are asked to end, then cancelled; their clean-up runs; they count as abandoned."""
    tidied: list[str] = []

    async def hook(ctx: ItemCtx) -> None:
        stage.sender.request(InterruptLevel.CANCEL)
        await ctx.interrupted.wait()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            tidied.append(ctx.item)

    stage.world.hooks["a"] = hook
    ctx = stage.ctx(stage.flow(CHAIN), ladder=LadderTimes(cancel_grace=0.01))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items_with(ItemStatus.ABANDONED) == ("a",)
    assert tidied == ["a"]
    assert "in progress since" in StatusCmd.exec(ctx)["a"].shown


async def test_a_clean_up_that_does_not_end_is_abandoned(stage: Stage) -> None:
    """After the time for cleaning up, an item is waited for no longer."""
    over = asyncio.Event()

    async def hook(_: ItemCtx) -> None:
        stage.sender.request(InterruptLevel.CANCEL)
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    stage.world.hooks["a"] = hook
    ctx = stage.ctx(stage.flow(CHAIN), ladder=LadderTimes(cancel_grace=0.01, cleanup_timeout=0.01))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items_with(ItemStatus.ABANDONED) == ("a",)
    over.set()


async def test_kill_abandons_at_once(stage: Stage) -> None:
    """At KILL nothing is waited for."""

    async def hook(_: ItemCtx) -> None:
        stage.sender.request(InterruptLevel.KILL)
        await asyncio.get_running_loop().create_future()

    stage.world.hooks["b"] = hook
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow(CHAIN)))
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items_with(ItemStatus.DONE) == ("a",)
    assert outcome.items_with(ItemStatus.ABANDONED) == ("b",)
    assert outcome.items_with(ItemStatus.NOT_STARTED) == ("c",)


async def test_an_item_offers_a_safe_point(stage: Stage) -> None:
    """At STOP an item stops at its next safe point, and its partial state is what is stored."""

    async def hook(ctx: ItemCtx) -> None:
        await ctx.safe_point(where="never here")
        stage.sender.request()
        await ctx.safe_point(ThingState(value="the"), where="half way")

    stage.world.hooks["a"] = hook
    ctx = stage.ctx(stage.flow(CHAIN))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items_with(ItemStatus.STOPPED) == ("a",)
    assert outcome.items["a"].message == "half way"
    assert outcome.items["b"].message == "needs a"
    known = StatusCmd.exec(ctx)["a"]
    assert known.stored is not None
    assert known.stored.stopped
    assert known.stopped_at == "value=the"
    assert known.shown.endswith(", stopped at: value=the")
    assert known.shown.startswith("in progress since 20")
    # Carried on, and killed on the way: it has gone on from there, nobody knows how far.
    store = stage.store(stage.flow(CHAIN))
    writer = store.open("another", ("a",), applies=True)
    await writer.started("a", SystemClock.now())
    await writer.close()
    assert "not known what it is now" in StatusCmd.exec(ctx)["a"].shown
    stage.world.hooks.clear()
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert StatusCmd.exec(ctx)["a"].shown == "value=there"


async def test_a_failed_item_stops_neither_siblings_nor_others(stage: Stage) -> None:
    """Siblings go on; what needs the failed item is not started, and says why."""
    stage.world.failing.add("b")
    flow = stage.flow({"a": [], "b": [], "c": ["b"], "d": ["a"]})
    outcome = await EnsureCmd.exec(stage.ctx(flow))
    assert isinstance(outcome, ItemError)
    assert set(outcome.items_with(ItemStatus.DONE)) == {"a", "d"}
    assert outcome.items["c"].status is ItemStatus.NOT_STARTED
    assert outcome.items["c"].message == "needs b"


async def test_the_next_command_starts_with_a_clear_latch(stage: Stage) -> None:
    """The latch belongs to one execution; the same context serves the next one."""
    stage.world.hooks["a"] = interrupting(stage)
    ctx = stage.ctx(stage.flow(CHAIN))
    assert isinstance(await EnsureCmd.exec(ctx), BlockInterrupted)
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert outcome.interrupt is None
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1}
