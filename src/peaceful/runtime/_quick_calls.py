"""Calling the functions of items that are quick by contract: plain, and without I/O."""

from __future__ import annotations

import inspect
from functools import cache

from peaceful.errors import DefinitionError, PeacefulError
from peaceful.item import AnyItem, StateDiff
from peaceful.model import ItemId
from peaceful.runtime._item_ending import crash_of


def diff_of(item: AnyItem, item_id: ItemId, current: object, goal: object) -> StateDiff | None:
    """What differs between two states, as the item sees it, or none.

    Raises:
        PeacefulError: the item failed, and says why.
        ItemCrashed: the item raised anything else, or returned something else.
        DefinitionError: the function would have to be awaited.
    """
    diff = _called(item, item_id, "diff", current, goal)
    if diff is None or isinstance(diff, StateDiff):
        return diff
    wrong = TypeError(f"it returned {type(diff).__name__}, not StateDiff or none")
    raise crash_of(item_id, "diff", wrong)


def needs_apply(
    item: AnyItem, item_id: ItemId, current: object, goal: object, diff: StateDiff | None
) -> bool:
    """Whether there is something to apply, as the item sees it; likewise."""
    return bool(_called(item, item_id, "apply_check", current, goal, diff))


def _called(item: AnyItem, item_id: ItemId, name: str, *arguments: object) -> object:
    _check_plain(type(item), name)
    try:
        return getattr(item, name)(*arguments)
    except (PeacefulError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the item's own code, which may raise anything
        raise crash_of(item_id, name, error) from error


@cache
def _check_plain(item_type: type[AnyItem], name: str) -> None:
    if inspect.iscoroutinefunction(getattr(item_type, name)):
        raise DefinitionError(
            f"{item_type.__name__}.{name} is a coroutine function, and must be a plain one.",
            help=f"write `def {name}`; what has to be waited for belongs into `state_current`",
        )
