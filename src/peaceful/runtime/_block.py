"""Blocks: the parts of an execution, between which an interrupt can end it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from peaceful.interrupt import InterruptStrategy
from peaceful.model import ItemId, ItemResult
from peaceful.runtime._block_run import BlockRun

T_co = TypeVar("T_co", covariant=True)


class BlockResult(msgspec.Struct, Generic[T_co], frozen=True):
    """How a block ended.

    Attributes:
        value: what it gives to the blocks after it, which find it by its type.
        items: how each of its items ended; empty where it has none.
    """

    value: T_co
    items: Mapping[ItemId, ItemResult] = msgspec.field(default_factory=dict[ItemId, ItemResult])


class CmdBlock(ABC, Generic[T_co]):
    """One part of an execution: often one pass over the items.

    Put blocks of your own before, after and between those of a command: see `CmdExecution`.
    """

    @property
    def name(self) -> str:
        """What the block is called in outcomes and events."""
        return type(self).__name__.removesuffix("Block")

    @property
    def strategy(self) -> InterruptStrategy | None:
        """What an interrupt does within the block; none for what it does in the execution.

        At the boundary after the block, the execution's own strategy is asked.
        """
        return None

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """The items that the block will go through, in order; none by default."""
        return ()

    @abstractmethod
    async def run(self, run: BlockRun) -> BlockResult[T_co]:
        """Does the block's work.

        Args:
            run: what it may use. What earlier blocks gave is in `run.scope.resources`.

        Raises:
            PeacefulError: the block itself failed, as opposed to an item; it ends the execution.
        """
