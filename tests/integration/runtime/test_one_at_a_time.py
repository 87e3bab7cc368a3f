"""For one profile of one workspace, one execution at a time: in one process and in two."""

from __future__ import annotations

import asyncio
import fcntl
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from item_world import Stage

from peaceful import ItemCtx
from peaceful.commands import (
    CleanCmd,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    ExecutionStarted,
    StatusCmd,
)
from peaceful.errors import ProfileBusy

NEEDS = {"a": [], "b": ["a"]}


async def test_two_contexts_in_one_process(stage: Stage) -> None:
    """The second is refused at once, and told who runs what since when, and how to end it.

    Reading needs no lock. Once the first has ended, the second may run.
    """
    running, may_end = asyncio.Event(), asyncio.Event()

    async def hook(_: ItemCtx) -> None:
        running.set()
        await may_end.wait()

    stage.world.hooks["a"] = hook
    first = stage.ctx(stage.flow(NEEDS))
    second = stage.ctx(stage.flow(NEEDS))
    task = asyncio.create_task(EnsureCmd.exec(first))
    await running.wait()
    [started] = [event for event in stage.sink.events if isinstance(event, ExecutionStarted)]
    for command in (EnsureCmd.exec, CleanCmd.exec, DiscoverCmd.exec):
        with pytest.raises(ProfileBusy) as caught:
            await command(second)
        assert caught.value.execution_id == started.execution.id
        assert "dev is running ensure since" in caught.value.message
        assert dict(caught.value.details) == {
            "flow": started.execution.flow,
            "machine": started.execution.started_by.host,
            "to interrupt it": f"stage interrupt {started.execution.id}",
        }
    assert "in progress since" in StatusCmd.exec(second)["a"].shown
    may_end.set()
    assert isinstance(await task, Complete)
    outcome = await EnsureCmd.exec(second)
    assert isinstance(outcome, Complete)
    assert stage.world.applied == {"a": 1, "b": 1}


async def test_of_many_that_start_together_one_runs(stage: Stage) -> None:
    """Whoever comes first runs; all others are refused, and nothing is done twice."""
    flow = stage.flow(NEEDS)
    attempts = [EnsureCmd.exec(stage.ctx(flow)) for _ in range(8)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    ran = [outcome for outcome in outcomes if isinstance(outcome, Complete)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ProfileBusy)]
    assert len(ran) == 1
    assert len(refused) == 7
    assert stage.world.applied == {"a": 1, "b": 1}


async def test_profiles_do_not_disturb_each_other(stage: Stage) -> None:
    """Executions of two profiles run at once."""
    together = asyncio.Barrier(2)

    async def hook(_: ItemCtx) -> None:
        await together.wait()

    stage.world.hooks["a"] = hook
    ctx = stage.ctx(stage.flow({"a": []}))
    other = replace(
        ctx, profile="other", store=type(stage.store(stage.flow({})))(stage.folder / "other")
    )
    outcomes = await asyncio.gather(EnsureCmd.exec(ctx), EnsureCmd.exec(other))
    assert all(isinstance(outcome, Complete) for outcome in outcomes)


OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from item_world import Stage
from peaceful.commands import EnsureCmd

stage = Stage(Path(sys.argv[1]))

async def hook(ctx):
    print("running", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

stage.world.hooks["a"] = hook
asyncio.run(EnsureCmd.exec(stage.ctx(stage.flow({"a": [], "b": ["a"]}))))
"""


async def test_two_processes(stage: Stage, tmp_path: Path) -> None:
    """Another process is refused likewise; what the first has recorded can be read meanwhile."""
    support = Path(__file__).parents[2] / "support"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHER_PROCESS, str(tmp_path)),
        env={"PYTHONPATH": str(support)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"running\n"
    ctx = stage.ctx(stage.flow(NEEDS))
    with pytest.raises(ProfileBusy) as caught:
        await EnsureCmd.exec(ctx)
    assert f"(pid {other.pid})" in caught.value.message
    assert "in progress since" in StatusCmd.exec(ctx)["a"].shown
    await other.communicate(b"\n")
    assert other.returncode == 0
    assert StatusCmd.exec(ctx)["b"].shown == "value=there+there"
    assert isinstance(await EnsureCmd.exec(ctx), Complete)


async def test_a_process_that_was_killed(stage: Stage, tmp_path: Path) -> None:
    """Its lock is free at once; what was in flight is discovered anew, by the same command."""
    support = Path(__file__).parents[2] / "support"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHER_PROCESS, str(tmp_path)),
        env={"PYTHONPATH": str(support)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"running\n"
    other.kill()
    await other.communicate()
    ctx = stage.ctx(stage.flow(NEEDS))
    assert "in progress since" in StatusCmd.exec(ctx)["a"].shown
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert StatusCmd.exec(ctx)["a"].shown == "value=there"


async def test_a_lock_of_which_nothing_is_known(stage: Stage) -> None:
    """Somebody may hold it who has not written anything into it: that it is held is said."""
    path = stage.workspace.lock_file("dev")
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ProfileBusy) as caught:
            await EnsureCmd.exec(stage.ctx(stage.flow(NEEDS)))
        assert caught.value.message == "dev is in use."
        assert caught.value.details == ()
    assert isinstance(await EnsureCmd.exec(stage.ctx(stage.flow(NEEDS))), Complete)
