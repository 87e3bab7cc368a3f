"""Calling the functions of items, plain or `async`, without the caller having to know."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from peaceful.errors import ItemCrashed, PeacefulError
from peaceful.item import AnyItem, Item, ItemCtx
from peaceful.runtime._threads import DaemonThreads


class _How(enum.Enum):
    ASYNC = enum.auto()
    THREAD = enum.auto()
    DIRECT = enum.auto()


_DELEGATES: Final[Mapping[str, str]] = {
    "try_state_current": "state_current",
    "try_state_goal": "state_goal",
    "clean": "apply",
}
"""Functions whose default only calls another one: that one is called at once, in its own way."""

_QUICK: Final = frozenset({"state_clean", "apply_dry"})
"""Functions whose default is quick, so that a thread would cost more than it saves."""

AnyItemType: TypeAlias = type[Item[Any]]
"""The class of an item of whatever state. (Any: a type variable of the class.)"""


@cache
def _plan(item_type: AnyItemType, name: str) -> tuple[str, _How]:
    function = getattr(item_type, name)
    if function is getattr(Item, name):
        if name in _DELEGATES:
            return _plan(item_type, _DELEGATES[name])
        if name in _QUICK:
            return name, _How.DIRECT
    return name, _How.ASYNC if inspect.iscoroutinefunction(function) else _How.THREAD


class ItemCalls:
    """Calls functions of items: `async` ones in the loop, plain ones in a thread.

    Attributes:
        threads: where plain functions run.
    """

    __slots__ = ("threads",)

    def __init__(self, threads: DaemonThreads) -> None:
        self.threads: DaemonThreads = threads

    async def __call__(self, item: AnyItem, name: str, ctx: ItemCtx, *states: object) -> Any:  # noqa: ANN401 - of whatever type the function returns
        """Calls a function of an item that takes its context.

        Args:
            item: the item, with its parameters' values.
            name: the function's name.
            ctx: the item's context.
            states: the function's further arguments.

        Raises:
            PeacefulError: the item failed, and says why.
            ItemCrashed: the item raised anything else.
            BaseException: how an item ends at a safe point, or is cancelled.
        """
        name, how = _plan(type(item), name)
        function: Callable[..., Any] = getattr(item, name)  # Any: as above
        try:
            if how is _How.ASYNC:
                return await function(ctx, *states)
            if how is _How.DIRECT:
                return function(ctx, *states)
            result = await self.threads.run(function, ctx, *states)
            return await result if inspect.isawaitable(result) else result
        except PeacefulError:
            raise
        except Exception as error:  # the item's own code, which may raise anything
            raise ItemCrashed(ctx.item, name, error) from error

    def quick(self, item: AnyItem, name: str, ctx: ItemCtx, *states: object) -> Any:  # noqa: ANN401 - of whatever type the function returns
        """Calls a function of an item that is quick by contract: `diff` or `apply_check`.

        Raises:
            PeacefulError: the item failed, and says why.
            ItemCrashed: the item raised anything else.
        """
        try:
            return getattr(item, name)(*states)
        except PeacefulError:
            raise
        except Exception as error:  # the item's own code, which may raise anything
            raise ItemCrashed(ctx.item, name, error) from error
