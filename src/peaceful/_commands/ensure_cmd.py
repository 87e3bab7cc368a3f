"""`EnsureCmd`: brings everything to its goal, or says before what that would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from peaceful._commands.diff import SyncCheck, SyncCheckBlock
from peaceful._commands.discover import ParamsSpecsBlock, states_of
from peaceful._commands.ensure import EnsureBlock, EnsureDryBlock, removed_by, selected
from peaceful._commands.options import EnsureOptions, Options, PlanOptions
from peaceful._commands.ownership import OwnershipBlock, owned
from peaceful._commands.plan import Plan, PlanBlock, blocks_by
from peaceful._model.codec import ItemId
from peaceful._model.outcome import CmdOutcome
from peaceful._runtime.block import CmdBlock, States
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._storage.stored_state import StateKind


class EnsureCmd:
    """Brings current states to goal states; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
        prune: bool = False,
        replace: Iterable[ItemId] = (),
    ) -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command; see `exec`."""
        only = tuple(only)
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync, only),)
        ownership = OwnershipBlock(store=not dry_run, replacing=tuple(replace), only=only)
        if dry_run:
            return (ownership, *checks, EnsureDryBlock(only, prune=prune))
        return (ownership, ParamsSpecsBlock(), *checks, EnsureBlock(only, prune=prune))

    @staticmethod
    async def exec(ctx: CmdCtx, **options: Unpack[EnsureOptions]) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile; with `ctx.prunes`, it always prunes.
            options: the options that `Options` describes, by name.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
            NameUnknown: the flow has no item of a given name.
        """
        asked = Options.of(options)
        selected(ctx.flow, (*asked.only, *asked.replace))
        blocks = EnsureCmd.blocks(
            dry_run=asked.dry_run,
            only=asked.only,
            sync=asked.sync,
            prune=asked.prune or ctx.prunes,
            replace=asked.replace,
        )
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, dry_run=asked.dry_run, only=asked.only)

    @staticmethod
    async def plan(ctx: CmdCtx, **options: Unpack[PlanOptions]) -> CmdOutcome[Plan]:
        """Look at everything, and say what the command would do; it changes nothing.

        Takes options, and raises, as `exec`.
        """
        asked = Options.of(options)
        selected(ctx.flow, (*asked.only, *asked.replace))
        main = PlanBlock(asked.only, prune=asked.prune or ctx.prunes, replace=asked.replace)
        ownership = OwnershipBlock(store=False, replacing=asked.replace, only=asked.only)
        execution = CmdExecution(
            "plan", (ownership, main), lambda resources: resources.try_get(Plan), main=main
        )
        return await execution.run(ctx, dry_run=True, only=asked.only)

    @staticmethod
    def removes(ctx: CmdCtx, **options: Unpack[PlanOptions]) -> tuple[ItemId, ...]:
        """Return what `exec` would remove with these options, by what is stored.

        Not an execution: nothing is looked at. Raises `StorageError`.
        """
        asked = Options.of(options)
        stored = {kind: ctx.store.load(kind) for kind in StateKind}
        ownership = owned(ctx.flow, stored, asked.replace, asked.only)
        first, last = removed_by(ownership, asked.only, prune=asked.prune or ctx.prunes)
        return (*first, *last)

    @staticmethod
    async def apply(ctx: CmdCtx, plan: Plan) -> CmdOutcome[States]:
        """Do what a plan says, or refuse to; the same plan resumes after an interrupt.

        Args:
            ctx: the flow and profile that it was made for.
            plan: the plan.

        Raises:
            BlockedError: something is not as the plan says any more; nothing was changed. What has
                changed only after all was looked at once more fails its item with it.
            ProfileBusy: another execution runs on the profile.
        """
        blocks = blocks_by(plan, ctx.flow)
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, only=plan.only)
