"""Executions, as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful.executions import ExecutionRecord, JsonObject
from peaceful.model import JsonValue
from peaceful.web._live._picture import NOTHING, object_of

PENDING = "pending"
"""The status of an item that has not started yet."""

RUNNING = "running"
"""The status of an item that is in progress."""


def execution_view(record: ExecutionRecord, picture: JsonObject | None = None) -> JsonObject:
    """An execution with its items.

    Args:
        record: what the register knows of it.
        picture: how it stands, where it runs; none where that is not known.
    """
    shown = record.to_json()
    if record.outcome is not None:
        return {**shown, "items": record.items}
    return {**shown, "items": items_view(picture or NOTHING, record.only)}


def items_view(picture: JsonObject, only: Iterable[str] = ()) -> dict[str, JsonValue]:
    """By item, how it stands now.

    Args:
        picture: how the execution stands, in the form of `Picture.to_json`.
        only: the items that it is limited to; empty where it is not.
    """
    running, ended = object_of(picture, "running"), object_of(picture, "ended")
    items = picture.get("items")
    known = [str(each) for each in items] if isinstance(items, list) else []
    chosen = set(only)
    names = [each for each in known if not chosen or each in chosen]
    return {
        name: _item(name in running, running.get(name), object_of(ended, name))
        # An item that has left the flow is not among those of the flow.
        for name in dict.fromkeys((*names, *running, *ended))
    }


def _item(is_running: bool, progress: JsonValue, ended: JsonObject) -> dict[str, JsonValue]:
    if ended:
        told = {name: ended[name] for name in ("status", "message", "shown", "seconds")}
        return {**told, "state": None}
    status = RUNNING if is_running else PENDING
    return {"status": status, "state": None, "message": "", "progress": progress}
