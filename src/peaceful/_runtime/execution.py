"""An execution: blocks one after the other, if no interrupt comes in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

from peaceful._aio import run_shielded
from peaceful._errors.usage import DefinitionError
from peaceful._model.field_types import ItemId
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    ItemResult,
    ItemStatus,
    Timings,
)
from peaceful._resources import Resources
from peaceful._runtime.block import CmdBlock
from peaceful._runtime.ctx import CmdCtx
from peaceful._runtime.session import Session, open_session

T = TypeVar("T")

_CUT: Final = frozenset({ItemStatus.ABANDONED, ItemStatus.NOT_STARTED})

AnyBlock: TypeAlias = CmdBlock[Any]
"""A block of any value. (Any: a type variable of the class.)"""


class CmdExecution(Generic[T]):
    """A command as a list of blocks.

    Commands are made of such lists, and so can yours be: take a command's blocks, and put blocks of
    your own before, after or between them. A block finds what earlier ones gave by its type, in
    `run.scope.resources`.

    Args:
        command: the command's name, in one word.
        blocks: its parts, in order.
        value: returns the result of the execution from the values of its blocks, or None if it is
            not there yet.
        main: the block that the command is about, if there is one. If the command ends before it
            begins, items that earlier blocks have only looked at are reported as not started.

    Attributes:
        command: the command's name.
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
        """Run the blocks, one execution at a time for the profile.

        Args:
            ctx: what it runs on.
            dry_run: whether the blocks, which were made so, only show what they would do; for the
                register.
            only: the items that the blocks are limited to; for the register.

        Returns:
            How it ended, also by an interrupt or failed items.

        Raises:
            ProfileBusy: another execution runs on the profile.
            PeacefulError: a block itself failed.
            CancelledError: the task that runs it was cancelled. Items in progress were cancelled
                first, and had time to clean up; what was done is recorded.
        """
        async with open_session(ctx, self.command, dry_run, tuple(only)) as session:
            outcome = await self._through_blocks(session)
            return await run_shielded(session.end(outcome))

    async def _through_blocks(self, session: Session) -> CmdOutcome[T]:
        names = tuple(block.name for block in self.blocks)
        resources = session.scope.resources

        def so_far(
            number: int,
        ) -> tuple[tuple[str, ...], Mapping[ItemId, ItemResult], InterruptSignal | None, Timings]:
            return names[:number], session.results, session.signal, session.timings()

        for number, block in enumerate(self.blocks):
            left = names[number:]
            if not session.scope.interruptibility.may_go_on():
                value = self._value(resources)
                return ExecutionInterrupted(*so_far(number), blocks_not_processed=left, value=value)
            result = await session.run_block(block, looks=number < self._main_at)
            resources.insert(result.value)
            value = self._value(resources)
            statuses = {each.status for each in result.items.values()}
            if ItemStatus.FAILED in statuses:
                results = session.results.items()
                errors = {item: each.error for item, each in results if each.error is not None}
                return ItemError(
                    *so_far(number), blocks_not_processed=left, value=value, errors=errors
                )
            if statuses & _CUT:
                return BlockInterrupted(*so_far(number), blocks_not_processed=left, value=value)
        value = self._value(resources)
        if value is None:
            raise DefinitionError(
                f"No block of {self.command} gave what it is run for.",
                help="let a block give it, and let the execution's `value` find it",
            )
        return Complete(names, session.results, session.signal, session.timings(), value=value)
