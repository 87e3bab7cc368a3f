"""Looking and changing: between the two, an interrupt leaves an item as it is."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from itertools import chain, repeat
from pathlib import Path

import pytest
from item_world import Hook, Stage, Thing, ThingState, World

from peaceful import Flow, ItemCtx, ItemStatus
from peaceful._aio import done_at_once
from peaceful._model.outcome import NOT_CHANGED
from peaceful.commands import (
    BlockInterrupted,
    BlockResult,
    BlockRun,
    ChangeStarted,
    CleanCmd,
    CmdBlock,
    CmdCtx,
    CmdExecution,
    CmdOutcome,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemPass,
    ItemResult,
    StateKind,
    States,
    StatusCmd,
)
from peaceful.errors import FileInaccessible, ItemCrashed
from peaceful.interrupt import IgnoreInterruptions, InterruptLevel, InterruptStrategy, PollNextN
from peaceful.testing import MemoryStateStore
from peaceful.testing._fakes import MemoryStateWriter

FAN: dict[str, list[str]] = {name: [] for name in "abcd"}
CHAIN = {"a": [], "b": ["a"], "c": ["b"]}


def together(stage: Stage, number: int) -> Hook:
    """A hook that interrupts once so many items are in the middle of it at once."""
    all_there = asyncio.Event()
    there = 0

    async def hook(_: ItemCtx) -> None:
        nonlocal there
        there += 1
        if there == number:
            stage.sender.request()
            all_there.set()
        await all_there.wait()

    return hook


def changes(stage: Stage) -> Counter[ItemId]:
    """By item, how often its change was told."""
    return Counter(event.item for event in stage.sink.events if isinstance(event, ChangeStarted))


def stored(ctx: CmdCtx, kind: StateKind) -> dict[ItemId, object]:
    """The stored states."""
    return {item: each.state for item, each in ctx.store.load(kind).items()}


async def test_what_was_only_looked_at_is_left_as_it_is(stage: Stage) -> None:
    """It is not started; what was found is recorded; the same command carries on."""
    stage.world.look = together(stage, len(FAN))
    ctx = stage.ctx(stage.flow(FAN))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert {(each.status, each.message) for each in outcome.items.values()} == {
        (ItemStatus.NOT_STARTED, NOT_CHANGED)
    }
    assert not stage.world.applied
    assert not changes(stage)
    assert stored(ctx, StateKind.CURRENT) == {item: {"value": None} for item in FAN}
    assert stored(ctx, StateKind.GOAL) == {item: {"value": "there"} for item in FAN}
    assert {known.shown for known in StatusCmd.exec(ctx).values()} == {"absent"}
    assert outcome.value is not None
    assert set(outcome.value.current) == set(FAN)
    stage.world.look = None
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert stage.world.applied == changes(stage) == dict.fromkeys(FAN, 1)


async def test_what_is_being_changed_finishes(stage: Stage) -> None:
    """The one that was being changed is done; every event says which of the two it was."""
    looking, changing = asyncio.Event(), asyncio.Event()

    async def look(ctx: ItemCtx) -> None:
        if ctx.item != "a":
            looking.set()
            await changing.wait()

    async def change(_: ItemCtx) -> None:
        await looking.wait()
        stage.sender.request()
        await asyncio.sleep(0)
        changing.set()

    stage.world.look, stage.world.every = look, change
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow({"a": [], "b": [], "c": ["b"]})))
    assert {item: str(each.status) for item, each in outcome.items.items()} == {
        "a": "done",
        "b": "not_started",
        "c": "not_started",
    }
    assert outcome.items["b"].message == NOT_CHANGED
    assert outcome.items["c"].message == "interrupted before it started"
    told = next(event for event in stage.sink.events if isinstance(event, InterruptRequested))
    assert (set(told.in_progress), told.looking) == ({"a", "b"}, ("b",))
    assert changes(stage) == {"a": 1}


async def test_what_is_as_it_should_be_is_unchanged(stage: Stage) -> None:
    """An item that needs no change is unchanged, whenever the signal comes; all such: complete."""
    ctx = stage.ctx(stage.flow(FAN))
    await EnsureCmd.exec(ctx)
    stage.world.look = together(stage, len(FAN))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert outcome.items_with(ItemStatus.UNCHANGED) == tuple(FAN)
    assert outcome.interrupt is not None


@pytest.mark.parametrize("there", [0, 2])
@pytest.mark.parametrize("more", [0, 1, 3, 9])
async def test_a_number_of_further_changes(stage: Stage, more: int, there: int) -> None:
    """Exactly n changes begin after the signal; looks, and what is unchanged, do not count."""
    many: dict[str, list[str]] = {name: [] for name in "abcdefgh"}
    stage.world.things = dict.fromkeys("ah"[:there], "there")
    stage.world.look = together(stage, 4)
    ctx = stage.ctx(stage.flow(many), strategy=PollNextN(more), at_once=4)
    outcome = await EnsureCmd.exec(ctx)
    changed = min(more, len(many) - there)
    assert sum(stage.world.applied.values()) == changed
    assert isinstance(outcome, Complete if changed == len(many) - there else BlockInterrupted)


async def test_looks_count_where_nothing_is_changed(stage: Stage) -> None:
    """In `discover`, and in a dry run, the start of a look is what a strategy counts."""
    for dry_run in (False, True):
        seen: list[ItemId] = []

        async def look(ctx: ItemCtx, seen: list[ItemId] = seen) -> None:
            seen.append(ctx.item)
            if len(seen) == 1:
                stage.sender.request()

        stage.world.look = look
        ctx = stage.ctx(stage.flow(FAN), strategy=PollNextN(2), at_once=1)
        run = EnsureCmd.exec(ctx, dry_run=True) if dry_run else DiscoverCmd.exec(ctx)
        assert isinstance(await run, BlockInterrupted)
        assert len(seen) == 3


async def test_interruptions_may_be_ignored(stage: Stage) -> None:
    """Then everything that was looked at is changed."""
    stage.world.look = together(stage, len(FAN))
    ctx = stage.ctx(stage.flow(FAN), strategy=IgnoreInterruptions())
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert stage.world.applied == dict.fromkeys(FAN, 1)


@pytest.mark.parametrize("level", [InterruptLevel.CANCEL, InterruptLevel.KILL])
async def test_a_higher_level_during_a_look(stage: Stage, level: InterruptLevel) -> None:
    """It ends the look as it ends a change; nothing is changed afterwards."""

    async def look(ctx: ItemCtx) -> None:
        stage.sender.request(level)
        await ctx.interrupted.wait()

    stage.world.look = look
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow(FAN)))
    assert isinstance(outcome, BlockInterrupted)
    assert set(outcome.items) == set(FAN)
    assert not stage.world.applied


async def test_a_safe_point_in_a_look(stage: Stage) -> None:
    """The item is not started: there is no partial work of it."""

    async def look(ctx: ItemCtx) -> None:
        stage.sender.request()
        await ctx.safe_point(where="never told")

    stage.world.look = look
    outcome = await EnsureCmd.exec(stage.ctx(stage.flow({"a": []})))
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["a"].status is ItemStatus.NOT_STARTED
    assert outcome.items["a"].message == NOT_CHANGED
    ended = [event for event in stage.sink.events if isinstance(event, ItemEnded)]
    assert [event.status for event in ended] == [ItemStatus.NOT_STARTED]


# ---- clean


class Watched(Thing):
    """A thing that is looked at for a while before it is cleaned up."""

    async def state_clean(self, ctx: ItemCtx) -> ThingState:
        """Absent; the world looks on."""
        hook = ctx.resources.get(World).hooks.get("look before clean")
        if hook is not None:
            await hook(ctx)
        return ThingState(value=None)


def watched(*names: str) -> Flow:
    """A flow of such things."""
    flow = Flow("things")
    for name in names:
        flow.add(name, Watched(name=name))
    return flow


async def test_clean_looks_first(stage: Stage) -> None:
    """What was only looked at is still there, and cleaned up when the command carries on."""
    ctx = stage.ctx(watched(*FAN))
    await EnsureCmd.exec(ctx)
    stage.world.hooks["look before clean"] = together(stage, len(FAN))
    outcome = await CleanCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert {each.message for each in outcome.items.values()} == {NOT_CHANGED}
    assert outcome.blocks_not_processed == ("Clean",)
    assert set(stage.world.things) == set(FAN)
    stage.world.hooks.clear()
    assert isinstance(await CleanCmd.exec(ctx), Complete)
    assert sorted(stage.world.cleaned) == sorted(FAN)


async def test_what_has_left_the_flow_is_looked_at_first(stage: Stage) -> None:
    """Interrupted there, it is neither cleaned up nor forgotten."""
    await EnsureCmd.exec(stage.ctx(watched("a", "gone")))
    ctx = stage.ctx(watched("a"))
    stage.world.hooks["look before clean"] = together(stage, 1)
    outcome = await CleanCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["gone"].message == NOT_CHANGED
    assert set(stage.world.things) == {"a", "gone"}
    assert set(ctx.store.load(StateKind.CURRENT)) == {"a", "gone"}
    stage.world.hooks.clear()
    assert isinstance(await CleanCmd.exec(ctx), Complete)
    assert not stage.world.things
    assert set(ctx.store.load(StateKind.CURRENT)) == {"a"}


# ---- threads, the disk, blocks of others


class Plain(Thing):
    """A thing of plain functions, which run in threads."""

    def state_current(self, ctx: ItemCtx) -> ThingState:  # type: ignore[override]  # a plain one
        """What is there, once all are being looked at."""
        world = ctx.resources.get(World)
        ctx.resources.get(threading.Barrier).wait(30)
        return ThingState(value=world.things.get(self.name))

    def apply(  # type: ignore[override]  # a plain one
        self, ctx: ItemCtx, current: ThingState, goal: ThingState
    ) -> ThingState:
        """Changes what is there."""
        ctx.resources.get(World).applied[self.name] += 1
        return goal


async def test_a_signal_while_threads_look(stage: Stage) -> None:
    """What plain functions were looking at is not changed either."""
    flow = Flow("things")
    for name in FAN:
        flow.add(name, Plain(name=name))
    ctx = stage.ctx(flow, at_once=len(FAN))

    def all_there() -> None:
        stage.sender.request()

    ctx.resources.insert(threading.Barrier(len(FAN), action=all_there))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, BlockInterrupted)
    assert {each.message for each in outcome.items.values()} == {NOT_CHANGED}
    assert not stage.world.applied


async def test_a_signal_while_others_wait_for_the_disk(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at meanwhile, in the room that they make, is not changed."""
    store = MemoryStateStore()
    # Of what is known, nothing is to be recorded before it is changed.
    await DiscoverCmd.exec(stage.ctx(stage.flow(FAN), store=store))
    synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # The first is of the record that items are changed from now on.
    syncs = chain([done_at_once()], repeat(synced))
    monkeypatch.setattr(MemoryStateWriter, "_sync", lambda _: next(syncs))
    seen: list[ItemId] = []

    async def look(ctx: ItemCtx) -> None:
        seen.append(ctx.item)
        if len(seen) == 3:
            stage.sender.request()
            synced.set_result(None)

    stage.world.look = look
    ctx = stage.ctx(stage.flow(FAN), at_once=2, store=store)
    outcome = await EnsureCmd.exec(ctx)
    assert outcome.items_with(ItemStatus.DONE) == ("a", "b")
    assert stage.world.applied == {"a": 1, "b": 1}
    assert outcome.items["c"].message == NOT_CHANGED


async def test_what_cannot_be_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a record could not be written, what was only looked at is not changed."""
    store = MemoryStateStore()
    await DiscoverCmd.exec(stage.ctx(stage.flow(FAN), store=store))
    failed = asyncio.Event()
    record = MemoryStateWriter.record

    def broken(self: MemoryStateWriter, item: ItemId, **states: object) -> object:
        if item == "a":
            failed.set()
            raise FileInaccessible(Path("states"), "written", OSError(28, "no space left"))
        return record(self, item, **states)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(MemoryStateWriter, "record", broken)

    async def look(ctx: ItemCtx) -> None:
        if ctx.item != "a":
            await failed.wait()
            await asyncio.sleep(0)

    stage.world.look = look
    with pytest.raises(FileInaccessible):
        await EnsureCmd.exec(stage.ctx(stage.flow(FAN), store=store))
    assert stage.world.applied == {"a": 1}


class Touching(CmdBlock[States]):
    """A block of somebody else, which changes items after it has asked, or says nothing of it."""

    def __init__(self, *, changes: bool | None) -> None:
        self._changes = changes
        self.touched: list[ItemId] = []

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """All."""
        return run.ctx.flow.graph.order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Touches them."""

        async def work(ctx: ItemCtx) -> ItemResult:
            look = run.scope.resources.get(World).look
            if look is not None:
                await look(ctx)
            if self._changes is not None and not run.may_change(ctx):
                return ItemResult(ItemStatus.NOT_STARTED, message="left alone")
            self.touched.append(ctx.item)
            return ItemResult(ItemStatus.DONE)

        graph = run.ctx.flow.graph
        results = await ItemPass(run, graph, work, changes=self._changes).results()
        return BlockResult(States(), results)


async def _touched(
    stage: Stage, block: Touching, strategy: InterruptStrategy | None = None
) -> CmdOutcome[States]:
    execution = CmdExecution("touch", [block], lambda resources: resources.try_get(States))
    return await execution.run(stage.ctx(stage.flow(FAN), strategy=strategy, at_once=2))


@pytest.mark.parametrize("changes", [True, None])
async def test_blocks_of_others(stage: Stage, changes: bool | None) -> None:
    """A block that asks changes nothing more; of one that does not, what is in progress ends."""
    stage.world.look = together(stage, 2)
    block = Touching(changes=changes)
    outcome = await _touched(stage, block)
    assert isinstance(outcome, BlockInterrupted)
    assert sorted(block.touched) == ([] if changes else ["a", "b"])
    message = "left alone" if changes else ""
    assert {outcome.items[item].message for item in "ab"} == {message}


async def test_who_asks_must_have_said_so(stage: Stage) -> None:
    """Else a start would be counted twice: the error says what is missing."""
    outcome = await _touched(stage, Touching(changes=False))
    error = outcome.items["a"].error
    assert isinstance(error, ItemCrashed)
    assert "changes=True" in str(error)
