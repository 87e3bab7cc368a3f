"""How everything stands in an execution, from whoever knows it."""

from __future__ import annotations

from peaceful.errors import AlreadyEnded, ExecutorUnreachable
from peaceful.executions import ExecutionRecord, Executions, JsonObject
from peaceful.resources import Resources
from peaceful.web._live._endings import picture_of
from peaceful.web._live._picture import as_object
from peaceful.web._live._trackers import ProgressTrackers


def followed_picture(parts: Resources, record: ExecutionRecord) -> JsonObject | None:
    """How everything stands in an execution that this server follows; none where it does not."""
    tracker = parts.get(ProgressTrackers).get(record.id)
    if tracker is None:
        return None
    tracker.catch_up()
    return tracker.feed.picture.now if tracker.feed.begun else None


async def any_picture(parts: Resources, record: ExecutionRecord) -> JsonObject | None:
    """How everything stands in an execution, of whichever process; none where it has ended.

    And where its process cannot be asked.
    """
    if record.state.ended:
        return None
    picture = followed_picture(parts, record)
    if picture is not None:
        return picture
    try:
        snapshot = await parts.get(Executions).snapshot(record.id)
    except (AlreadyEnded, ExecutorUnreachable):
        return None
    return as_object(snapshot)


def still_for(parts: Resources, record: ExecutionRecord) -> float:
    """Seconds since anything happened in an execution; 0 where this server does not follow it."""
    tracker = parts.get(ProgressTrackers).get(record.id)
    return 0.0 if tracker is None else tracker.still_for


async def picture_for(parts: Resources, record: ExecutionRecord) -> JsonObject:
    """How everything stands in an execution, or stood at its end."""
    return await any_picture(parts, record) or picture_of(record)
