"""`CleanCmd`: cleans everything up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Unpack

from peaceful._aio import run_in_thread
from peaceful._commands.clean_order import clean_order
from peaceful._commands.diff import SyncCheck, SyncCheckBlock
from peaceful._commands.discover import DiscoverBlock, ParamsSpecsBlock, states_of
from peaceful._commands.options import CleanOptions, Options
from peaceful._commands.ownership import OwnershipBlock, load_owned, ownership_of
from peaceful._commands.recording import record_states
from peaceful._commands.removal import Cleaning, DryCleaning, RealCleaning, Removals, removal
from peaceful._commands.selection import chosen_items, dependents
from peaceful._errors.running import ItemNeeded
from peaceful._model.codec import ItemId
from peaceful._model.execution import Asked, Selection
from peaceful._model.outcome import CmdOutcome
from peaceful._runtime.block import BlockResult, BlockRun, CmdBlock, States
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.execution import CmdExecution
from peaceful._storage.stored_state import StateKind, StoredState


class CleanBlock(CmdBlock[States]):
    """Cleans up every item of the flow, and what has left it, each before what it stands on.

    Needs the current states, which an earlier block discovered: an item's parameters may refer to
    states that are gone once the items before it are cleaned. What has left is what an
    `OwnershipBlock` found before.

    Args:
        only: the items to clean up; empty for all.
        left: whether only what has left the flow is cleaned up.
        found: whether what was there before it was looked after is removed as well.
        dry_run: whether to show what would be done, and do nothing.
    """

    def __init__(
        self,
        only: Iterable[ItemId] = (),
        *,
        left: bool = False,
        found: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._only = frozenset(only)
        self._left = left
        self._found = found
        self._dry_run = dry_run

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return what is to be cleaned up, in that order."""
        return self._cleanup(run).items

    async def run(self, run: BlockRun) -> BlockResult[States]:
        """Clean everything up.

        Raises:
            ItemNeeded: something else stands on what is to be cleaned up alone.
        """
        cleanup = self._cleanup(run)
        guarded = [item for item in run.ctx.flow.items if item not in cleanup.graph]
        if self._dry_run:
            stored = ownership_of(run).current.get
            self._check_nothing_stands_on(run, cleanup, stored)
            work: Cleaning = DryCleaning(run, stored, guarded, found=self._found)
            results = await cleanup.results(run, work, changes=False)
        else:
            async with record_states(run, cleanup.items[::-1], applies=True) as record:
                self._check_nothing_stands_on(run, cleanup, record.stored_current)
                work = RealCleaning(run, record, guarded, found=self._found)
                results = await cleanup.results(run, work)
        return BlockResult(States(work.current, {}), results)

    def _cleanup(self, run: BlockRun) -> Removals:
        ownership = ownership_of(run)
        if self._left:
            return removal(run, [n for n in ownership.left if not self._only or n in self._only])
        left = [name for name in ownership.left if not self._only or name in self._only]
        flow = run.ctx.flow.graph
        return Removals(*clean_order(flow, left, ownership.needs, self._only))

    def _check_nothing_stands_on(
        self, run: BlockRun, cleanup: Removals, stored: Callable[[ItemId], StoredState | None]
    ) -> None:
        if not self._only and not self._left:
            return
        standing = dependents(run.ctx.flow.graph, ownership_of(run))
        for item in cleanup.graph.order:
            others = [each for each in standing.get(item, ()) if each not in cleanup.graph]
            if there := [e for e in others if (entry := stored(e)) is not None and entry.is_there]:
                raise ItemNeeded(item, there)


class CleanCmd:
    """Cleans everything up, in reverse order; the same command resumes after an interrupt."""

    @staticmethod
    def blocks(
        *,
        dry_run: bool = False,
        only: Iterable[ItemId] = (),
        sync: SyncCheck = SyncCheck.NONE,
        left: bool = False,
        found: bool = False,
    ) -> tuple[CmdBlock[object], ...]:
        """Return the blocks of the command; see `exec`."""
        only = tuple(only)
        checks = () if sync is SyncCheck.NONE else (SyncCheckBlock(sync, only),)
        specs = () if dry_run else (ParamsSpecsBlock(),)
        return (
            OwnershipBlock(store=not dry_run),
            *specs,
            *checks,
            DiscoverBlock((StateKind.CURRENT,), store=not dry_run),
            # Once more: it may have found that an item looks after another thing now.
            OwnershipBlock(store=not dry_run, tells=False),
            CleanBlock(only, left=left, found=found, dry_run=dry_run),
        )

    @staticmethod
    async def exec(ctx: CmdCtx, **options: Unpack[CleanOptions]) -> CmdOutcome[States]:
        """Run the command.

        Args:
            ctx: the flow and profile.
            options: the options that `Options` describes, by name. Items of `only` may have left
                the flow.

        Raises:
            ProfileBusy: another execution runs on the profile.
            ItemNeeded: something else stands on a chosen item.
            OutOfSync: stored states differ from what is there, and `sync` refuses that.
            NameUnknown: neither the flow nor what is stored has an item of a given name; or no item
                has a given tag.
            UsageError: no item is chosen.
        """
        asked = Options.of(options)
        selection, dry_run, left = asked.selection, asked.dry_run, asked.left
        only = await run_in_thread(chosen_items, ctx, selection, left=True)
        if left:
            # By name from now on: whoever carries on with this, as on the page, cleans no more up.
            selection = Selection()
            ownership = await run_in_thread(load_owned, ctx.flow, ctx.store)
            # Where none of them has left, they stay the limit: no name at all means each.
            only = tuple(name for name in ownership.left if not only or name in only) or only
        blocks = CleanCmd.blocks(
            dry_run=dry_run, only=only, sync=asked.sync, left=left, found=asked.found
        )
        execution = CmdExecution("clean", blocks, states_of, main=blocks[-1])
        ctx = asked.ctx(ctx)
        return await execution.run(ctx, dry_run=dry_run, only=only, asked=Asked(selection))
