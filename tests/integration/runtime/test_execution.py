"""Executions as lists of blocks that others may extend, and how they fail as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from item_world import Stage
from waiting import until

from peaceful import ItemCtx, ItemStatus, Resources
from peaceful._commands.ensure import EnsureBlock
from peaceful._model.document import Ending, KeptDocument
from peaceful._model.events import Snapshot
from peaceful._runtime.item_pass import BlockFailed
from peaceful._runtime.register import Registered, Starting
from peaceful.commands import (
    BlockEnded,
    BlockInterrupted,
    BlockResult,
    BlockRun,
    BlockStarted,
    CmdBlock,
    CmdExecution,
    Complete,
    EnsureCmd,
    ExecutionEnded,
    ExecutionSettings,
    ExecutionStarted,
    ItemEnded,
    ItemPass,
    ItemProgressed,
    ItemStarted,
    LadderTimes,
    OutcomeKind,
    States,
)
from peaceful.errors import DefinitionError, PeacefulError, StorageError
from peaceful.interrupt import IgnoreInterruptions, InterruptSignal, InterruptStrategy, PollNextN

NEEDS = {"a": [], "b": ["a"], "c": ["b"]}


def _states(resources: Resources) -> States | None:
    return resources.try_get(States)


class Report(CmdBlock[str]):
    """A block of somebody's own, which looks at what an earlier one gave."""

    async def run(self, run: BlockRun) -> BlockResult[str]:
        """Counts."""
        return BlockResult(f"{len(run.scope.resources.get(States).current)} items")


async def test_a_block_of_ones_own(stage: Stage) -> None:
    """It finds what earlier blocks gave, by type; the items are those of the last that has any."""
    execution = CmdExecution(
        "report", [*EnsureCmd.blocks(), Report()], lambda resources: resources.try_get(str)
    )
    outcome = await execution.run(stage.ctx(stage.flow(NEEDS)))
    assert isinstance(outcome, Complete)
    assert outcome.value == "3 items"
    assert outcome.blocks_processed == ("Ownership", "ParamsSpecs", "Ensure", "Report")
    assert set(outcome.items) == set(NEEDS)
    told = [event for event in stage.sink.events if isinstance(event, BlockStarted | BlockEnded)]
    assert [event.block for event in told] == [
        name for name in outcome.blocks_processed for _ in range(2)
    ]


async def test_its_value_is_looked_for_when_it_ends(stage: Stage) -> None:
    """Once, so that a value which only the last block gives may raise where it is not there."""
    asked: list[str] = []

    def value(resources: Resources) -> str:
        asked.append(resources.get(str))
        return asked[-1]

    execution = CmdExecution("report", [*EnsureCmd.blocks(), Report()], value)
    outcome = await execution.run(stage.ctx(stage.flow(NEEDS)))
    assert isinstance(outcome, Complete)
    assert asked == [outcome.value]


async def test_an_execution_that_gives_nothing(stage: Stage) -> None:
    """It is a mistake in the execution, which is told as one."""
    execution = CmdExecution("nothing", [EnsureBlock()], lambda resources: resources.try_get(int))
    with pytest.raises(DefinitionError, match="No block of nothing gave what it is run for"):
        await execution.run(stage.ctx(stage.flow(NEEDS)))


class Failing(CmdBlock[None]):
    """A block that fails."""

    def __init__(self, error: BaseException) -> None:
        """Fails with the error."""
        self._error = error

    async def run(self, run: BlockRun) -> BlockResult[None]:
        """Fails."""
        raise self._error


CANCELLED = "The command was cancelled by the program that ran it, or by code of an item."


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PeacefulError("It cannot be."), "ERROR", "It cannot be."),
        (ValueError("odd"), "INTERNAL", "not foreseen: ValueError: odd"),
        (SystemExit(3), "INTERNAL", "not foreseen: SystemExit: 3"),
        (KeyboardInterrupt(), "ERROR", CANCELLED),
        (asyncio.CancelledError(), "ERROR", CANCELLED),
    ],
)
async def test_a_block_that_fails(
    stage: Stage, error: BaseException, code: str, message: str
) -> None:
    """It ends the execution; what it raised is raised; the end is told, with what was done."""
    execution = CmdExecution("ensure", [EnsureBlock(), Failing(error)], _states)
    endings: list[Ending] = []
    with pytest.raises(type(error)) as caught:
        await execution.run(replace(stage.ctx(stage.flow(NEEDS)), on_end=endings.append))
    assert caught.value is error
    [ending] = [event for event in stage.sink.events if isinstance(event, ExecutionEnded)]
    assert ending.outcome is OutcomeKind.ERROR
    assert ending.error is not None
    assert ending.error.code == code
    assert message in ending.error.message
    assert ending.counts == {ItemStatus.DONE: 3}
    assert [each.event() for each in endings] == [ending]
    assert all(each.status is ItemStatus.DONE for each in endings[0].document.items.values())
    assert (
        stage.sink.events[-2:-1]
        == [event for event in stage.sink.events if isinstance(event, BlockEnded)][-1:]
    )
    assert isinstance(await EnsureCmd.exec(stage.ctx(stage.flow(NEEDS))), Complete)


class Limited(CmdBlock[States]):
    """A block with a strategy of its own."""

    def __init__(self, strategy: InterruptStrategy) -> None:
        """Has the strategy."""
        self._block = EnsureBlock()
        self._strategy = strategy

    @property
    def strategy(self) -> InterruptStrategy | None:
        """What an interrupt does within it."""
        return self._strategy

    def items(self, run: BlockRun) -> tuple[str, ...]:
        """As the other."""
        return self._block.items(run)

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """As the other."""
        return await self._block.run(run)


@pytest.mark.parametrize(
    ("strategy", "applied"), [(IgnoreInterruptions(), 3), (PollNextN(1), 2), (PollNextN(0), 1)]
)
async def test_a_block_with_a_strategy_of_its_own(
    stage: Stage, strategy: InterruptStrategy, applied: int
) -> None:
    """An interrupt within it does what the block says; after it, what the execution says."""

    async def hook(_: ItemCtx) -> None:
        stage.sender.request()

    stage.world.hooks["a"] = hook
    execution = CmdExecution("ensure", [Limited(strategy), Failing(ValueError("never"))], _states)
    outcome = await execution.run(stage.ctx(stage.flow(NEEDS)))
    assert len(stage.world.applied) == applied
    assert isinstance(outcome, BlockInterrupted) == (applied < 3)
    assert outcome.interrupt is not None


# ---- the block cannot go on


class Half(CmdBlock[States]):
    """A block that cannot go on from an item on."""

    def __init__(self, last: str) -> None:
        """Fails at that item."""
        self._last = last

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Goes through the items."""

        async def work(ctx: ItemCtx) -> object:
            if ctx.item >= self._last:
                raise BlockFailed(StorageError(f"{ctx.item} cannot be written."))
            raise AssertionError

        await ItemPass(run, run.ctx.flow.graph, work).results()  # type: ignore[arg-type]  # fails
        raise AssertionError


async def test_a_pass_that_cannot_go_on(stage: Stage) -> None:
    """Of several items that say so, the first is told; nothing starts after it."""
    flow = stage.flow({name: [] for name in "abcd"})
    execution = CmdExecution("half", [Half("a")], _states)
    with pytest.raises(StorageError, match="a cannot be written"):
        await execution.run(stage.ctx(flow, at_once=2))
    assert stage.sink.ended() == {"a": "failed"} or stage.sink.ended() == {
        "a": "failed",
        "b": "failed",
    }


# ---- the register


class Unwritable:
    """A register that cannot write any ending down."""

    def __init__(self) -> None:
        """Knows nothing."""
        self.tried: list[OutcomeKind] = []

    @asynccontextmanager
    async def registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        """Lets it in."""
        yield self

    def interrupting(self, signal: InterruptSignal) -> None:
        """Notes nothing."""

    async def finish(self, document: KeptDocument) -> None:
        """Cannot."""
        self.finish_waiting(document)

    def finish_waiting(self, document: KeptDocument) -> None:
        """Cannot."""
        self.tried.append(document.outcome)
        raise StorageError("The register is full.")


async def test_an_ending_that_cannot_be_written_down(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is told, the end is told to sinks all the same, and states are on disk."""
    register = Unwritable()
    ctx = replace(stage.ctx(stage.flow(NEEDS)), register=register)
    with pytest.raises(StorageError, match="The register is full"):
        await EnsureCmd.exec(ctx)
    assert register.tried == [OutcomeKind.COMPLETE, OutcomeKind.ERROR]
    ending = stage.sink.events[-1]
    assert isinstance(ending, ExecutionEnded)
    assert ending.outcome is OutcomeKind.ERROR
    with caplog.at_level(logging.WARNING, "peaceful.runtime"):
        execution = CmdExecution("ensure", [Failing(ValueError("the first"))], _states)
        with pytest.raises(ValueError, match="the first"):
            await execution.run(ctx)
    assert "was not written down" in caplog.text
    assert isinstance(await EnsureCmd.exec(replace(ctx, register=None)), Complete)
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1}


class Sticky(Unwritable):
    """A register that cannot be left."""

    @asynccontextmanager
    async def registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        """Lets it in, and fails on the way out."""
        yield self
        raise OSError("its socket cannot be removed")

    async def finish(self, document: KeptDocument) -> None:
        """Keeps how it ended."""
        self.tried.append(document.outcome)


async def test_an_ending_that_is_stored_stays(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails afterwards is logged: others may have read the ending."""
    register, endings = Sticky(), list[Ending]()
    ctx = replace(stage.ctx(stage.flow(NEEDS)), register=register, on_end=endings.append)
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert register.tried == [each.document.outcome for each in endings] == [OutcomeKind.COMPLETE]
    assert "its socket cannot be removed" in caplog.text


class Careless(CmdBlock[States]):
    """A block that goes through items by itself, and fails meanwhile."""

    def items(self, run: BlockRun) -> tuple[str, ...]:
        """All."""
        return run.ctx.flow.graph.order

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Ends one item, begins another."""
        now = run.scope.clock.now()
        for item in ("a", "b"):
            run.scope.publish(ItemStarted(now, item))
        run.scope.publish(ItemEnded(now, "a", ItemStatus.DONE, "", "", None, 0.0))
        raise ValueError("it is careless")


async def test_a_block_that_fails_in_the_middle_of_items(stage: Stage) -> None:
    """What it has not said by a result is known from its events."""
    endings: list[Ending] = []
    ctx = replace(stage.ctx(stage.flow(NEEDS)), on_end=endings.append)
    with pytest.raises(ValueError, match="careless"):
        await CmdExecution("ensure", [Careless()], _states).run(ctx)
    [ending] = endings
    assert {item: each.status for item, each in ending.document.items.items()} == {
        "a": ItemStatus.DONE,
        "b": ItemStatus.ABANDONED,
        "c": ItemStatus.NOT_STARTED,
    }


class Curious(Unwritable):
    """A register that looks at how everything stands as soon as it knows an execution."""

    found: Snapshot

    @asynccontextmanager
    async def registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        """Looks."""
        self.found = starting.hub.take_snapshot()
        yield self


async def test_what_can_be_found_can_be_shown(stage: Stage) -> None:
    """Whoever finds an execution before its start is told sees what runs, and all items."""
    register = Curious()
    with pytest.raises(StorageError, match="The register is full"):
        await EnsureCmd.exec(replace(stage.ctx(stage.flow(NEEDS)), register=register))
    started = stage.sink.events[0]
    assert isinstance(started, ExecutionStarted)
    assert register.found == Snapshot(started.execution, started.items, started.waits_for)
    assert started.items == tuple(NEEDS)


class Slow(Unwritable):
    """A register that takes its time to write an ending down."""

    def __init__(self) -> None:
        """Has not been asked to."""
        super().__init__()
        self.asked = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def finish(self, document: KeptDocument) -> None:
        """Waits until it may."""
        self.tried.append(document.outcome)
        self.asked.set()
        await self.may_go_on.wait()


async def test_cancelled_while_the_ending_is_written_down(stage: Stage) -> None:
    """What has ended has ended: it is written down and told once, as it was, not as an error."""
    register = Slow()
    ctx = replace(stage.ctx(stage.flow(NEEDS)), register=register)
    task = asyncio.create_task(EnsureCmd.exec(ctx))
    await register.asked.wait()
    task.cancel()
    await asyncio.sleep(0)
    register.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert register.tried == [OutcomeKind.COMPLETE]
    [ending] = [event for event in stage.sink.events if isinstance(event, ExecutionEnded)]
    assert ending.outcome is OutcomeKind.COMPLETE


# ---- items that stall


async def test_an_item_that_stalls(stage: Stage) -> None:
    """It is told so, again and again for as long as it does; not of items that move."""
    moved = asyncio.Event()

    async def hook(ctx: ItemCtx) -> None:
        await moved.wait()
        ctx.progress.message("on again")

    stage.world.hooks["a"] = hook
    ctx = stage.ctx(stage.flow({"a": []}))
    settings = ExecutionSettings(stall_after=0.01, ladder=LadderTimes())
    task = asyncio.create_task(EnsureCmd.exec(replace(ctx, settings=settings)))

    def stalls() -> list[float]:
        told = [event for event in stage.sink.events if isinstance(event, ItemProgressed)]
        return [event.progress.stalled_for for event in told if event.progress.stalled_for]

    await until(lambda: len(stalls()) >= 2)
    moved.set()
    assert isinstance(await task, Complete)
    assert stalls() == sorted(stalls())
    assert stalls()[0] >= 0.01
