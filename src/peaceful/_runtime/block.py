"""Blocks, and what they are given when they run."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from peaceful._item.ctx import ExecutionScope
from peaceful._model.field_types import ItemId
from peaceful._model.outcome import ItemResult
from peaceful._runtime.calls import ItemCalls
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings
from peaceful.interrupt import InterruptStrategy

T_co = TypeVar("T_co", covariant=True)


class DiskWaits(msgspec.Struct):
    """Counter of the items that only wait for the disk. Used as a context manager by each.

    While they wait, the pass over the items may start others (`on_wait`); otherwise the loop would
    idle during every sync.
    """

    count: int = 0
    on_wait: Callable[[], object] | None = None

    def __enter__(self) -> None:
        self.count += 1
        if self.on_wait is not None:
            self.on_wait()

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class BlockRun(msgspec.Struct, frozen=True):
    """The arguments of a block's run.

    Attributes:
        block: the block's name.
        ctx: the context of the command: profile, flow, state store.
        scope: what the block's items share; its resources contain the values of earlier blocks.
        settings: how the execution behaves.
        calls: calls functions of items.
        left_behind: tasks of abandoned items, which may still run.
        results: how items of the block have ended so far; a pass over them writes it.
        disk_waits: the items that have done their work, and wait for its record to be on disk.
    """

    block: str
    ctx: CmdCtx
    scope: ExecutionScope
    settings: ExecutionSettings
    calls: ItemCalls
    left_behind: set[asyncio.Task[None]]
    results: dict[ItemId, ItemResult] = msgspec.field(default_factory=dict)
    disk_waits: DiskWaits = msgspec.field(default_factory=DiskWaits)


class BlockResult(msgspec.Struct, Generic[T_co], frozen=True):
    """The result of a block.

    Attributes:
        value: what it gives to later blocks, which find it by its type.
        items: how each of its items ended; empty if it has none.
    """

    value: T_co
    items: Mapping[ItemId, ItemResult] = msgspec.field(default_factory=dict[ItemId, ItemResult])


class CmdBlock(ABC, Generic[T_co]):
    """One part of an execution: often one pass over the items.

    Put blocks of your own before, after and between those of a command: see `CmdExecution`.
    """

    @property
    def name(self) -> str:
        """The block's name in outcomes and events."""
        return type(self).__name__.removesuffix("Block")

    @property
    def strategy(self) -> InterruptStrategy | None:
        """What an interrupt does within the block; None for the execution's strategy.

        At the boundary after the block, the execution's own strategy decides.
        """
        return None

    def items(self, run: BlockRun) -> tuple[ItemId, ...]:
        """Return the items that the block will go through, in order; none by default."""
        return ()

    @abstractmethod
    async def run(self, run: BlockRun) -> BlockResult[T_co]:
        """Do the block's work.

        Args:
            run: what it may use. Values of earlier blocks are in `run.scope.resources`.

        Raises:
            PeacefulError: the block itself failed, as opposed to an item; it ends the execution.
        """
