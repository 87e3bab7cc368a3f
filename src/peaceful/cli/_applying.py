"""The commands that go through a flow's items: discover, ensure, clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peaceful.cli._answer import answer
from peaceful.cli._execute import executed
from peaceful.cli._job import Choices, Job
from peaceful.cli._result import Result
from peaceful.commands import CleanCmd, DiscoverCmd, EnsureCmd
from peaceful.model import CmdOutcome
from peaceful.runtime import CmdCtx

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


def discover(invocation: Invocation) -> Result:
    """Finds and stores current and goal states."""
    job = Job(["discover"], "Discover", DiscoverCmd.exec)
    return answer(executed(invocation, job), invocation, job)


def ensure(invocation: Invocation, choices: Choices) -> Result:
    """Brings current states to goal states."""

    async def run(ctx: CmdCtx) -> CmdOutcome[object]:
        return await EnsureCmd.exec(
            ctx, dry_run=choices.dry_run, only=choices.only, sync=choices.sync
        )

    block = "EnsureDry" if choices.dry_run else "Ensure"
    words = [invocation.app.ensure_name, *choices.words]
    job = Job(words, block, run, choices.dry_run, shows_left=True, only=choices.only)
    return answer(executed(invocation, job), invocation, job)


def clean(invocation: Invocation, choices: Choices) -> Result:
    """Cleans everything up."""

    async def run(ctx: CmdCtx) -> CmdOutcome[object]:
        return await CleanCmd.exec(
            ctx, dry_run=choices.dry_run, only=choices.only, sync=choices.sync
        )

    job = Job(["clean", *choices.words], "Clean", run, choices.dry_run, only=choices.only)
    return answer(executed(invocation, job), invocation, job)
