"""`EnsureCmd`: brings everything to its goal, or says before what that would do."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful._commands.diff import SyncCheck, SyncCheckBlock
from peaceful._commands.discover import ParamsSpecsBlock, states_of
from peaceful._commands.ensure import EnsureBlock, EnsureDryBlock, removed_by, selected
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
    async def exec(
        ctx: CmdCtx,
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
        prune: bool = False,
        replace: Iterable[ItemId] = (),
    ) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile.
            dry_run: whether to show what would be done, and do nothing.
            only: the items to bring to their goals; others are taken as last seen. Empty for all.
            sync: which stored states of these items must match what is there.
            prune: whether what has left the flow is removed at last; also where `ctx.prunes`.
            replace: items whose things are removed and made anew, with all that stands on them.

        Raises:
            ProfileBusy: another execution runs on the profile.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
            NameUnknown: the flow has no item of a given name.
        """
        only, replace = tuple(only), tuple(replace)
        selected(ctx.flow, (*only, *replace))
        blocks = EnsureCmd.blocks(
            dry_run=dry_run, only=only, sync=sync, prune=prune or ctx.prunes, replace=replace
        )
        execution = CmdExecution("ensure", blocks, states_of, main=blocks[-1])
        return await execution.run(ctx, dry_run=dry_run, only=only)

    @staticmethod
    async def plan(
        ctx: CmdCtx,
        *,
        only: Iterable[ItemId] = (),
        prune: bool = False,
        replace: Iterable[ItemId] = (),
    ) -> CmdOutcome[Plan]:
        """Look at everything, and say what the command would do; it changes nothing.

        Args:
            ctx: the flow and profile.
            only: the items to look at; others are taken as last seen. Empty for all.
            prune: whether what has left the flow is to be removed; also where `ctx.prunes`.
            replace: items whose things are to be made anew, with all that stands on them.

        Raises:
            ProfileBusy: another execution runs on the profile.
            NameUnknown: the flow has no item of a given name.
        """
        only, replace = tuple(only), tuple(replace)
        selected(ctx.flow, (*only, *replace))
        main = PlanBlock(only, prune=prune or ctx.prunes, replace=replace)
        blocks = (OwnershipBlock(store=False, replacing=replace, only=only), main)
        execution = CmdExecution(
            "plan", blocks, lambda resources: resources.try_get(Plan), main=main
        )
        return await execution.run(ctx, dry_run=True, only=only)

    @staticmethod
    def removes(
        ctx: CmdCtx,
        *,
        only: Iterable[ItemId] = (),
        prune: bool = False,
        replace: Iterable[ItemId] = (),
    ) -> tuple[ItemId, ...]:
        """Return what `exec` would remove with these arguments, by what is stored.

        Not an execution: nothing is looked at. Raises `StorageError`.
        """
        only = tuple(only)
        stored = {kind: ctx.store.load(kind) for kind in StateKind}
        ownership = owned(ctx.flow, stored, tuple(replace), only)
        first, last = removed_by(ownership, only, prune=prune or ctx.prunes)
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
