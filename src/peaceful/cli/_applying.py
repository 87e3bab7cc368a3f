"""The commands that go through a flow's items: discover, ensure, clean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peaceful.cli._answer import answer
from peaceful.cli._asking import asked_before_clean
from peaceful.cli._execute import executed
from peaceful.cli._job import Choices, Job, Run
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
    job = _job(words, block, run, choices, shows_left=True)
    return answer(executed(invocation, job), invocation, job)


def clean(invocation: Invocation, choices: Choices, *, yes: bool = False) -> Result:
    """Cleans everything up.

    Args:
        invocation: the run of the command line.
        choices: what a person chose.
        yes: whether nobody is to be asked, even if the profile is protected.

    Raises:
        UsageError: somebody is to be asked, and nobody answers yes.
    """
    if not yes and not choices.dry_run:
        asked_before_clean(invocation, choices.only)

    async def run(ctx: CmdCtx) -> CmdOutcome[object]:
        return await CleanCmd.exec(
            ctx, dry_run=choices.dry_run, only=choices.only, sync=choices.sync
        )

    job = _job(["clean", *choices.words], "Clean", run, choices, shows_left=False)
    return answer(executed(invocation, job), invocation, job)


def _job(words: Sequence[str], block: str, run: Run, choices: Choices, *, shows_left: bool) -> Job:
    dry = choices.dry_run
    return Job(words, block, run, dry, shows_left, choices.only, only_looks=dry)
