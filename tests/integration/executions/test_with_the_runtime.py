"""The register as the runtime uses it: as its port, with its hub and its locks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ending_documents import ending_document
from msgspec.structs import replace

from peaceful import ItemStatus
from peaceful._executions.process_files import lock_holders_of
from peaceful._executions.registry import Executions
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.clock import Clock
from peaceful._model.events import SnapshotTaken
from peaceful._runtime.hub import ProgressHub
from peaceful._runtime.register import Register, Starting
from peaceful._storage.files import make_folder
from peaceful._storage.lock import FileLock, LockHolder
from peaceful.commands import (
    BlockStarted,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
    Workspace,
)
from peaceful.interrupt import interrupt_channel

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def started(hub: ProgressHub, info: ExecutionInfo) -> None:
    """The events of an execution whose first item is in progress."""
    hub.publish(ExecutionStarted(NOW, info, ("a", "b"), {}))
    hub.publish(BlockStarted(NOW, "apply", ("a", "b")))
    hub.publish(ItemStarted(NOW, "a"))


def ended(info: ExecutionInfo) -> ExecutionEnded:
    """The last event of an execution."""
    return ExecutionEnded(NOW, info.id, OutcomeKind.COMPLETE, {ItemStatus.DONE: 1}, None)


async def test_registered(
    tmp_path: Path, clock: Clock, new_info: Callable[..., ExecutionInfo]
) -> None:
    """An execution of the runtime is registered, watched from two sides, and ends once for both."""
    store = SqliteExecutionStore(tmp_path / "register")
    executions, second = (Executions(store, tmp_path / "run", clock) for _ in range(2))
    register: Register = executions
    info, hub = replace(new_info(), dry_run=True), ProgressHub()
    sender, _ = interrupt_channel()
    here, there = executions.events(info.id), second.events(info.id)
    async with register.registered(Starting(info, ("a",), sender, hub)) as registered:
        started(hub, info)
        assert executions.get(info.id).info.dry_run
        assert executions.get(info.id).only == ("a",)
        taken, from_there = [await anext(here), await anext(there)]
        assert taken == from_there
        assert isinstance(taken, SnapshotTaken)
        assert taken.snapshot == await second.snapshot(info.id)
        assert list(taken.snapshot.running) == ["a"]
        item_ended = ItemEnded(NOW, "a", ItemStatus.DONE, "made", "", None, 1.5)
        hub.publish(item_ended)
        for events in (here, there):
            assert await anext(events) == item_ended
        await registered.finish(ending_document(statuses={"a": ItemStatus.DONE}))
    hub.publish(ended(info))
    (mine,) = [event async for event in here]
    *_, others = [event async for event in there]
    assert mine == others == ended(info)


async def test_events_gather(new_info: Callable[..., ExecutionInfo]) -> None:
    """Who reads slowly gets the newest progress, and every ending."""
    info, hub = replace(new_info(), dry_run=True), ProgressHub()
    events = hub.subscribe()
    started(hub, info)
    for step in range(1000):
        hub.publish(ItemProgressed(NOW, "a", Progress(done=step)))
    hub.publish(ItemEnded(NOW, "a", ItemStatus.DONE, "made", "", None, 1.5))
    hub.publish(ended(info))
    seen = [event async for event in events]
    assert [type(event) for event in seen] == [
        ExecutionStarted,
        BlockStarted,
        ItemStarted,
        ItemProgressed,
        ItemEnded,
        ExecutionEnded,
    ]
    assert seen[3] == ItemProgressed(NOW, "a", Progress(done=999))


async def test_left_early(new_info: Callable[..., ExecutionInfo]) -> None:
    """Who leaves early is not gathered for any more."""
    info, hub = replace(new_info(), dry_run=True), ProgressHub()
    events = hub.subscribe()
    started(hub, info)
    assert isinstance(await anext(events), ExecutionStarted)
    waiting = hub.subscribe()
    reading = asyncio.ensure_future(anext(waiting))
    await asyncio.wait({reading}, timeout=0)
    reading.cancel()
    await asyncio.wait({reading})
    for left in (events, waiting):
        await left.aclose()
    assert hub._mailboxes == ()


def test_lock_holders(tmp_path: Path) -> None:
    """Who holds a profile's lock is read from its file, as far as it says so."""
    workspace = Workspace(tmp_path, "shop")
    holder_of = lock_holders_of(workspace)
    assert holder_of("test") is None
    make_folder(workspace.profile_folder("test"))
    lock = FileLock(workspace.lock_file("test"))
    assert lock.acquire(LockHolder(execution_id="e1")) is None
    assert holder_of("test") == "e1"
    workspace.lock_file("test").write_text("")
    assert holder_of("test") == ""
    lock.release()
    assert holder_of("test") is None
