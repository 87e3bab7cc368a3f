"""The task that runs a command is cancelled: at every moment, once and again and again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from item_world import Stage
from processes import MARK, processes_with
from waiting import until

from peaceful import ItemCtx, ItemStatus
from peaceful._executions.process_files import lock_holders_of
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import SystemClock
from peaceful.commands import (
    CleanCmd,
    CmdCtx,
    CmdOutcome,
    Complete,
    DiffCmd,
    DiscoverCmd,
    EnsureCmd,
    ExecutionEnded,
    ExecutionState,
    LadderTimes,
    StatusCmd,
)
from peaceful.interrupt import (
    IgnoreInterruptions,
    Interruptible,
    NonInterruptible,
    interrupt_channel,
)

NEEDS = {"a": [], "b": ["a"], "c": [], "d": ["b", "c"]}


@dataclass
class CancelledAt(Awaitable[object]):
    """Awaits something, and cancels its own task at some of the moments at which it waits.

    Attributes:
        work: what is awaited.
        moments: which ones, by number; the first is 1.
        passed: how many there were.
    """

    work: Coroutine[Any, Any, object]
    moments: frozenset[int]
    passed: int = 0

    def __await__(self) -> Generator[Any, Any, object]:
        raised: BaseException | None = None
        while True:
            try:
                waits_for = self.work.send(None) if raised is None else self.work.throw(raised)
            except StopIteration as ended:
                return ended.value
            self.passed += 1
            task = asyncio.current_task()
            assert task is not None
            if self.passed in self.moments:
                task.cancel()
            try:
                raised = None
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is handed on
                raised = error


def _ctx(stage: Stage, *, ladder: LadderTimes | None = None) -> CmdCtx:
    """What commands run on, with a register."""
    stage.workspace.folder.mkdir(parents=True, exist_ok=True)
    register = Executions(
        SqliteExecutionStore(stage.workspace.executions_file),
        stage.workspace.run_folder,
        SystemClock(),
        lock_holders=lock_holders_of(stage.workspace),
    )
    ctx = stage.ctx(stage.flow(NEEDS), at_once=2, ladder=ladder)
    return replace(ctx, register=register)


async def _let_run(_: ItemCtx) -> None:
    """Lets the loop run, in the middle of an item's work."""
    await asyncio.sleep(0)


Command = Callable[[CmdCtx], Coroutine[Any, Any, CmdOutcome[Any]]]
COMMANDS: dict[str, Command] = {
    "discover": DiscoverCmd.exec,
    "diff": DiffCmd.exec,
    "ensure": EnsureCmd.exec,
    "clean": CleanCmd.exec,
}


@pytest.mark.parametrize("again", [(), (1,), (1, 2, 3), (2, 5)])
@pytest.mark.parametrize("command", COMMANDS)
async def test_cancelled_at_any_moment(
    tmp_path: Path, command: str, again: tuple[int, ...]
) -> None:
    """Whenever it is cancelled, what is done is on disk, and nothing is left open or behind.

    The lock is free, the ending is stored once, sockets are gone, no task goes on; and the next
    command carries on.
    """
    moment, cancelled = 1, True
    while cancelled:
        folder = tmp_path / str(moment)
        folder.mkdir()
        moments = frozenset((moment, *(moment + more for more in again)))
        cancelled = await _cancelled(Stage(folder), COMMANDS[command], moments)
        moment += 1
    assert moment > 5


async def _cancelled(stage: Stage, command: Command, moments: frozenset[int]) -> bool:
    """Runs a command that is cancelled.

    Returns:
        Whether it got as far as the first of the moments.
    """
    ctx = _ctx(stage)
    stage.world.every = _let_run
    if command is CleanCmd.exec:
        await EnsureCmd.exec(ctx)
    before = asyncio.all_tasks()
    at = CancelledAt(command(ctx), moments)
    works = dict(stage.world.applied)
    try:
        await at
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        while task.cancelling():
            task.uncancel()
    await _nothing_is_left(stage, ctx, before)
    known = StatusCmd.exec(ctx)
    for name, value in stage.world.things.items():
        if works.get(name) or name not in known:
            continue
        # What is there is known, or known to be in doubt.
        assert known[name].shown == f"value={value}" or "in progress since" in known[name].shown

    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert stage.world.things == {
        "a": "there",
        "b": "there+there",
        "c": "there",
        "d": "there+there+there+there",
    }
    if command is not CleanCmd.exec:
        assert set(stage.world.applied.values()) == {1}
    return at.passed >= min(moments)


async def _nothing_is_left(stage: Stage, ctx: CmdCtx, before: set[asyncio.Task[Any]]) -> None:
    tasks = asyncio.all_tasks() - before
    # What was shielded from being cancelled may have a last step to take.
    if tasks:
        _, going_on = await asyncio.wait(tasks, timeout=5)
        assert not going_on
    assert isinstance(ctx.register, Executions)
    assert not ctx.register.running()
    for record in ctx.register.list().records:
        assert record.state.ended
    assert not [*stage.workspace.run_folder.glob("*")]
    endings = [event for event in stage.sink.events if isinstance(event, ExecutionEnded)]
    assert len({event.execution_id for event in endings}) == len(endings)


async def test_what_was_done_is_told_and_stored(stage: Stage) -> None:
    """The ending says what was done, and that the program that ran the command cancelled it."""
    ctx = _ctx(stage)
    running = asyncio.Event()

    async def hook(item: ItemCtx) -> None:
        if item.item == "b":
            running.set()
            await asyncio.get_running_loop().create_future()

    stage.world.every = hook
    task = asyncio.create_task(EnsureCmd.exec(ctx))
    await running.wait()
    await until(lambda: "c" in stage.sink.ended())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(ctx.register, Executions)
    [listed] = ctx.register.list().records
    record = ctx.register.get(listed.id)
    assert record.state is ExecutionState.FAILED
    assert record.outcome is not None
    items, errors = record.outcome.items, record.outcome.errors
    assert {name: entry.status for name, entry in items.items()} == {
        "a": "done",
        "b": "abandoned",
        "c": "done",
        "d": "not_started",
    }
    assert errors[""].message.startswith("The command was cancelled by the program that ran it")
    [ending] = [event for event in stage.sink.events if isinstance(event, ExecutionEnded)]
    assert ending.counts[ItemStatus.ABANDONED] == 1


@pytest.mark.parametrize("may", ["be interrupted", "ignore interrupts", "not be interrupted"])
async def test_children_are_ended(stage: Stage, tmp_path: Path, may: str) -> None:
    """A child process of an item, and what that started, is gone when the command has ended."""
    mark = tmp_path.name
    ctx = _ctx(stage)
    if may == "ignore interrupts":
        _, receiver = interrupt_channel()
        ctx = replace(ctx, interruptibility=Interruptible(receiver, IgnoreInterruptions()))
    elif may == "not be interrupted":
        ctx = replace(ctx, interruptibility=NonInterruptible())

    async def hook(ctx: ItemCtx) -> None:
        await ctx.run("sh", "-c", "sleep 1000 & wait", env={**os.environ, MARK: mark})

    stage.world.hooks["a"] = hook
    task = asyncio.create_task(EnsureCmd.exec(ctx))
    await until(lambda: len(processes_with(mark)) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not processes_with(mark)


async def test_items_have_time_to_clean_up(stage: Stage) -> None:
    """Their clean-up runs to its end, even where the task is cancelled again meanwhile."""
    running, may_end = asyncio.Event(), asyncio.Event()
    tidied: list[str] = []

    async def hook(ctx: ItemCtx) -> None:
        running.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await may_end.wait()
            tidied.append(ctx.item)

    stage.world.hooks["a"] = hook
    task = asyncio.create_task(EnsureCmd.exec(_ctx(stage)))
    await running.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not tidied
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tidied == ["a"]


async def test_a_clean_up_without_end(stage: Stage) -> None:
    """An item that cleans up for too long is abandoned; the command ends."""
    running, over = asyncio.Event(), asyncio.Event()

    async def hook(_: ItemCtx) -> None:
        running.set()
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    stage.world.hooks["a"] = hook
    ctx = _ctx(stage, ladder=LadderTimes(cleanup_timeout=0.01))
    task = asyncio.create_task(EnsureCmd.exec(ctx))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.sink.ended()["a"] == "abandoned"
    over.set()
    stage.world.hooks.clear()
    assert isinstance(await EnsureCmd.exec(ctx), Complete)


@pytest.mark.parametrize("turns", [*range(8), 20])
async def test_somebody_cancels_everything_in_the_loop(stage: Stage, turns: int) -> None:
    """As a program does that ends: items too, also those that have not taken their first step."""
    ctx = _ctx(stage)
    stage.world.every = _let_run
    ours = asyncio.current_task()
    task = asyncio.create_task(EnsureCmd.exec(ctx))
    await until(lambda: bool(stage.world.running))
    for _ in range(turns):
        await asyncio.sleep(0)
    for each in asyncio.all_tasks() - {ours}:
        each.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await _nothing_is_left(stage, ctx, {ours} if ours else set())
    assert isinstance(await EnsureCmd.exec(_ctx(stage)), Complete)
    assert set(stage.world.applied.values()) == {1}
