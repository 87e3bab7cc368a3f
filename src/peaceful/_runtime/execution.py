"""An execution: blocks one after the other, with the question between them whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from peaceful._aio import run_shielded
from peaceful._errors.usage import DefinitionError
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemStatus,
)
from peaceful._resources import Resources
from peaceful._runtime.block import CmdBlock
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.session import Session, opened_session

T = TypeVar("T")

AnyBlock: TypeAlias = CmdBlock[Any]
"""A block that gives whatever it gives. (Any: a type variable of the class.)"""


class CmdExecution(Generic[T]):
    """A command as a list of blocks.

    Commands are made of such lists, and so can yours be: take a command's blocks, and put blocks of
    your own before, after or between them. A block finds what earlier ones gave by its type, in
    `run.scope.resources`.

    Args:
        command: what is executed, in one word.
        blocks: its parts, in order.
        value: takes what the execution is run for out of what the blocks gave; none where that is
            not there yet.
        main: the block that the command is about, if there is one. An item that blocks before it
            have only looked at was not started when the command ends before this one begins.

    Attributes:
        command: what is executed, in one word.
        blocks: its parts, in order.
    """

    def __init__(
        self,
        command: str,
        blocks: Sequence[AnyBlock],
        value: Callable[[Resources], T | None],
        *,
        main: AnyBlock | None = None,
    ) -> None:
        self.command: str = command
        self.blocks: tuple[AnyBlock, ...] = tuple(blocks)
        self._value = value
        self._main_at = 0 if main is None else self.blocks.index(main)

    async def run(
        self, ctx: CmdCtx, *, dry_run: bool = False, only: Iterable[ItemId] = ()
    ) -> CmdOutcome[T]:
        """Runs the blocks, one execution at a time for the profile.

        Args:
            ctx: what it runs on.
            dry_run: whether the blocks only show what they would do; they were made so, and this
                says it to whoever watches.
            only: the items that it is limited to, likewise.

        Returns:
            How it ended: by an interrupt and by failed items too.

        Raises:
            ProfileBusy: another execution runs on the profile.
            PeacefulError: a block itself failed.
            CancelledError: the task that runs it was cancelled. Items in progress were cancelled
                first, and had time to clean up; what was done is recorded.
        """
        async with opened_session(ctx, self.command, dry_run, tuple(only)) as session:
            outcome = await self._through_blocks(session)
            return await run_shielded(session.end(outcome))

    async def _through_blocks(self, session: Session) -> CmdOutcome[T]:
        names = tuple(block.name for block in self.blocks)
        resources = session.scope.resources
        for number, block in enumerate(self.blocks):
            processed, left = names[:number], names[number:]
            if not session.scope.interruptibility.may_go_on():
                return ExecutionInterrupted(
                    processed,
                    session.results,
                    session.signal,
                    session.timings(),
                    blocks_not_processed=left,
                    value=self._value(resources),
                )
            result = await session.run_block(block, looks=number < self._main_at)
            resources.insert(result.value)
            statuses = {each.status for each in result.items.values()}
            if ItemStatus.FAILED in statuses:
                return ItemError(
                    processed,
                    session.results,
                    session.signal,
                    session.timings(),
                    blocks_not_processed=left,
                    value=self._value(resources),
                    errors={
                        item: each.error
                        for item, each in session.results.items()
                        if each.error is not None
                    },
                )
            if statuses & _CUT:
                return BlockInterrupted(
                    processed,
                    session.results,
                    session.signal,
                    session.timings(),
                    blocks_not_processed=left,
                    value=self._value(resources),
                )
        value = self._value(resources)
        if value is None:
            raise DefinitionError(
                f"No block of {self.command} gave what it is run for.",
                help="let a block give it, and let the execution's `value` find it",
            )
        return Complete(names, session.results, session.signal, session.timings(), value=value)


_CUT = frozenset({ItemStatus.ABANDONED, ItemStatus.NOT_STARTED})
