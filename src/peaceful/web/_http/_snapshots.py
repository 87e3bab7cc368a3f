"""How everything stands in an execution, from whoever knows it."""

from __future__ import annotations

from peaceful.errors import AlreadyEnded, ExecutorUnreachable
from peaceful.executions import ExecutionRecord
from peaceful.model import Snapshot
from peaceful.web._context import ServerContext


def followed_snapshot(server: ServerContext, record: ExecutionRecord) -> Snapshot | None:
    """How everything stands in an execution that this server follows; none where it does not."""
    tracker = server.trackers.get(record.id)
    if tracker is None:
        return None
    tracker.catch_up()
    return tracker.feed.snapshot if tracker.feed.begun else None


async def any_snapshot(server: ServerContext, record: ExecutionRecord) -> Snapshot | None:
    """How everything stands in an execution, of whichever process; none where it has ended.

    And where its process cannot be asked.
    """
    if record.state.ended:
        return None
    snapshot = followed_snapshot(server, record)
    if snapshot is not None:
        return snapshot
    try:
        return await server.executions.snapshot(record.id)
    except (AlreadyEnded, ExecutorUnreachable):
        return None


def still_for(server: ServerContext, record: ExecutionRecord) -> float:
    """Seconds since anything happened in an execution; 0 where this server does not follow it."""
    tracker = server.trackers.get(record.id)
    return 0.0 if tracker is None else tracker.still_for


async def snapshot_for(server: ServerContext, record: ExecutionRecord) -> Snapshot:
    """How everything stands in an execution, or stood at its end."""
    return await any_snapshot(server, record) or record.snapshot()
