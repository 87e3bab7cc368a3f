"""`EnsureCmd`: brings everything to its goal, or says before what that would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from peaceful._aio import run_in_thread
from peaceful._commands.diff import SyncCheck, SyncCheckBlock
from peaceful._commands.discover import ParamsSpecsBlock, states_of
from peaceful._commands.ensure import EnsureBlock, EnsureDryBlock, removed_by
from peaceful._commands.options import EnsureOptions, Options, PlanOptions
from peaceful._commands.ownership import OwnershipBlock, owned
from peaceful._commands.plan import Plan, PlanBlock, blocks_by
from peaceful._commands.selection import chosen_items
from peaceful._errors.usage import UsageError
from peaceful._model.codec import ItemId
from peaceful._model.execution import Asked, Selection
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
            NameUnknown: the flow has no item of a given name, or no such tag.
            UsageError: no item is chosen, or one that is to be made anew is not.
        """
        asked = Options.of(options)
        prune, replace = asked.prune or ctx.prunes, asked.replace
        only = await run_in_thread(
            chosen_items, ctx, asked.selection, left=prune, replacing=replace
        )
        blocks = EnsureCmd.blocks(
            dry_run=asked.dry_run, only=only, sync=asked.sync, prune=prune, replace=replace
        )
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        ctx = asked.ctx(ctx)
        return await execution.run(
            ctx, dry_run=asked.dry_run, only=only, asked=Asked(asked.selection)
        )

    @staticmethod
    async def plan(ctx: CmdCtx, **options: Unpack[PlanOptions]) -> CmdOutcome[Plan]:
        """Look at everything, and say what the command would do; it changes nothing.

        Takes options, and raises, as `exec`.
        """
        asked = Options.of(options)
        prune, replace = asked.prune or ctx.prunes, asked.replace
        only = await run_in_thread(
            chosen_items, ctx, asked.selection, left=prune, replacing=replace
        )
        main = PlanBlock(only, prune=prune, replace=replace, selection=asked.selection)
        ownership = OwnershipBlock(store=False, replacing=replace, only=only)
        execution = CmdExecution(
            "plan", (ownership, main), lambda resources: resources.try_get(Plan), main=main
        )
        return await execution.run(ctx, dry_run=True, only=only, asked=Asked(asked.selection))

    @staticmethod
    def removes(ctx: CmdCtx, **options: Unpack[PlanOptions]) -> tuple[ItemId, ...]:
        """Return what `exec` would remove with these options, by what is stored.

        Not an execution: nothing is looked at. Raises `StorageError`, and `UsageError` as `exec`.
        """
        asked = Options.of(options)
        prune, replace = asked.prune or ctx.prunes, asked.replace
        only = {*chosen_items(ctx, asked.selection, left=prune, replacing=replace)}
        stored = {kind: ctx.store.load(kind) for kind in StateKind}
        ownership = owned(ctx.flow, stored, replace, only)
        first, last = removed_by(ownership, only, prune=prune)
        return (*first, *last)

    @staticmethod
    async def apply(ctx: CmdCtx, plan: Plan, *, fail_fast: bool = False) -> CmdOutcome[States]:
        """Do what a plan says, or refuse to; the same plan resumes after an interrupt.

        Args:
            ctx: the flow and profile that it was made for.
            plan: the plan.
            fail_fast: whether nothing more is started once an item has failed.

        Raises:
            BlockedError: something is not as the plan says any more; nothing was changed. What has
                changed only after all was looked at once more fails its item with it.
            ProfileBusy: another execution runs on the profile.
        """
        try:
            only = await run_in_thread(
                chosen_items, ctx, plan, left=plan.prune, replacing=plan.replace
            )
        except UsageError:
            # What it says is not there any more: looked at once more, it is refused for that.
            only = tuple(plan.items)
        blocks = blocks_by(plan, ctx.flow, only)
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        ctx = Options(fail_fast=fail_fast).ctx(ctx)
        asked = Asked(Selection.of(plan), plan.execution_id)
        return await execution.run(ctx, only=only, asked=asked)
