"""What a block is given while it runs."""

from __future__ import annotations

import asyncio

import msgspec

from peaceful.item import ExecutionScope
from peaceful.model import ItemId, ItemResult
from peaceful.runtime._calls import ItemCalls
from peaceful.runtime._ctx import CmdCtx
from peaceful.runtime._disk_waits import DiskWaits
from peaceful.runtime._settings import ExecutionSettings


class BlockRun(msgspec.Struct, frozen=True):
    """What a block is given while it runs.

    Attributes:
        block: the block's name.
        ctx: what the command runs on: profile, flow, where states are stored.
        scope: what all items of the block share; its resources hold what earlier blocks gave.
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
