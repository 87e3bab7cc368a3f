"""How an item ended whose work raised something. Pure."""

from __future__ import annotations

import asyncio

from peaceful.errors import ChildFailed, ItemCrashed, PeacefulError
from peaceful.item import StoppedAtSafePoint
from peaceful.model import ItemId, ItemResult, ItemStatus


def ending_of(
    error: BaseException, item: ItemId, doing: str, *, cancelled: bool, asked_to_end: bool
) -> ItemResult:
    """How the item ended.

    | raised | ended |
    |---|---|
    | the end at a safe point | abandoned |
    | a cancellation that was asked for | abandoned |
    | the failure of a child process, after children were asked to end | abandoned |
    | anything else | failed |

    Args:
        error: what was raised.
        item: the item.
        doing: what was done with it, for what it does not explain.
        cancelled: whether its task was cancelled.
        asked_to_end: whether it, and its child processes, were asked to end by an interrupt.
    """
    match error:
        case StoppedAtSafePoint():
            where = f": {error.where}" if error.where else ""
            return ItemResult(ItemStatus.ABANDONED, message=f"stopped safely{where}")
        case asyncio.CancelledError() if cancelled:
            return ItemResult(ItemStatus.ABANDONED, message="cancelled")
        case PeacefulError() if asked_to_end and _of_child(error):
            return ItemResult(ItemStatus.ABANDONED, message="its child process was ended")
        case PeacefulError():
            return ItemResult(ItemStatus.FAILED, message=error.message, error=error)
        case _:
            crash = crash_of(item, doing, error)
            return ItemResult(ItemStatus.FAILED, message=crash.message, error=crash)


def crash_of(item: ItemId, doing: str, error: BaseException) -> ItemCrashed:
    """The failure of an item that raised what it does not explain."""
    crash = ItemCrashed(item, doing, error)
    crash.__cause__ = error
    return crash


def _of_child(error: BaseException | None) -> bool:
    """Whether it was a child process that failed, or an item says what that means for it."""
    while error is not None:
        if isinstance(error, ChildFailed):
            return True
        error = error.__cause__
    return False
