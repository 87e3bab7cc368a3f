"""What cannot be written down, as on a full disk: nothing else starts, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from item_world import Stage

from peaceful import ItemCtx, ItemStatus
from peaceful.commands import (
    CleanCmd,
    CmdCtx,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    ExecutionEnded,
    ItemEnded,
    OutcomeKind,
    StatusCmd,
)
from peaceful.errors import FileInaccessible, StorageError
from peaceful.testing import MemoryStateStore

FAN: dict[str, list[str]] = {name: [] for name in "abcdefgh"}


class FullDisk:
    """Makes every write to the journal fail from some moment on, as the kernel does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begins with space."""
        self._full = False
        write: Callable[[int, bytes], int] = os.write

        def written(descriptor: int, data: bytes) -> int:
            if self._full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", written)

    def fill(self) -> None:
        """From now on nothing can be written."""
        self._full = True

    def empty(self) -> None:
        """There is space again."""
        self._full = False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """A disk that can be filled."""
    return FullDisk(monkeypatch)


async def test_a_disk_that_becomes_full(stage: Stage, disk: FullDisk) -> None:
    """Items in flight finish, nothing new starts, the error says why, and the next run carries on.

    What was done before the disk was full is not done again. What was done and could not be written
    down is found anew.
    """
    together = asyncio.Barrier(3)

    async def hook(ctx: ItemCtx) -> None:
        if ctx.item == "a":
            return
        await together.wait()
        disk.fill()

    stage.world.every = hook
    ctx = stage.ctx(stage.flow(FAN), at_once=3)
    with pytest.raises(FileInaccessible, match="space") as caught:
        await EnsureCmd.exec(ctx)
    assert caught.value.help
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert stage.sink.ended() == {"a": "done", "b": "failed", "c": "failed", "d": "failed"}
    ending = stage.sink.events[-1]
    assert isinstance(ending, ExecutionEnded)
    assert ending.outcome is OutcomeKind.ERROR
    assert ending.counts == {
        ItemStatus.DONE: 1,
        ItemStatus.FAILED: 3,
        ItemStatus.NOT_STARTED: 4,
    }

    disk.empty()
    stage.world.every = None
    known = StatusCmd.exec(ctx)
    assert known["a"].shown == "value=there"
    assert "in progress since" in known["b"].shown
    assert known["e"].shown == "not discovered yet"
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert set(stage.world.applied.values()) == {1}
    assert outcome.items_with(ItemStatus.UNCHANGED) == tuple("abcd")
    assert outcome.items_with(ItemStatus.DONE) == tuple("efgh")


COMMANDS: dict[str, Callable[[CmdCtx], Awaitable[object]]] = {
    "discover": DiscoverCmd.exec,
    "ensure": EnsureCmd.exec,
    "clean": CleanCmd.exec,
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_full_disk_from_the_beginning(stage: Stage, disk: FullDisk, command: str) -> None:
    """A command that can write nothing touches nothing, and says why."""
    run = COMMANDS[command]
    ctx = stage.ctx(stage.flow(FAN))
    if command == "clean":
        await EnsureCmd.exec(ctx)
    before = dict(stage.world.things)
    disk.fill()
    with pytest.raises(StorageError, match="space"):
        await run(ctx)
    assert stage.world.things == before
    disk.empty()
    assert isinstance(await run(ctx), Complete)


async def test_a_disk_that_becomes_full_while_cleaning(stage: Stage, disk: FullDisk) -> None:
    """What was cleaned and could not be written down is found anew, and the rest is cleaned."""
    ctx = stage.ctx(stage.flow({"a": [], "b": ["a"], "c": ["b"]}))
    await EnsureCmd.exec(ctx)

    class Filling(list[str]):
        def append(self, name: str) -> None:
            super().append(name)
            if name == "b":
                disk.fill()

    stage.world.cleaned = Filling()
    with pytest.raises(FileInaccessible, match="space"):
        await CleanCmd.exec(ctx)
    assert stage.world.cleaned == ["c", "b"]
    disk.empty()
    assert isinstance(await CleanCmd.exec(ctx), Complete)
    assert stage.world.cleaned == ["c", "b", "a"]
    assert not stage.world.things


async def test_a_store_that_refuses(tmp_path: Path) -> None:
    """It is so with every store: the pass ends, in an order that is told to sinks."""
    stage = Stage(tmp_path)
    store = MemoryStateStore()

    async def hook(ctx: ItemCtx) -> None:
        if ctx.item == "b":
            store.refusal = StorageError("There is no space left.", help="make space")

    stage.world.every = hook
    chain = {"a": [], "b": ["a"], "c": ["b"], "x": []}
    ctx = stage.ctx(stage.flow(chain), store=store, at_once=1)
    with pytest.raises(StorageError, match="no space left"):
        await EnsureCmd.exec(ctx)
    ended = [event for event in stage.sink.events if isinstance(event, ItemEnded)]
    failed = [event for event in ended if event.status is ItemStatus.FAILED]
    assert [event.item for event in failed] == ["b"]
    assert failed[0].error is not None
    assert failed[0].error.help == "make space"
    assert "c" not in stage.world.applied
    store.refusal = None
    stage.world.every = None
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert set(stage.world.applied.values()) == {1}
