"""Resources that items share: made when first asked for, closed at the end."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar, cast

from peaceful._aio import wait_shielded
from peaceful._errors.usage import DefinitionError
from peaceful._present.text import one_line
from peaceful._resources import AnyOpener, is_per_server, name_of

P = ParamSpec("P")
T = TypeVar("T")

_LOG: Final = logging.getLogger("peaceful.item")

_CANCELLED: Final = 1.0
"""Seconds for what is cancelled while it closes."""


@dataclass(slots=True)
class _Entry:
    """A resource: its value as soon as it is open, and the task that opens and closes it."""

    name: str
    value: asyncio.Future[object]
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class SharedResources:
    """The resources that the items of one execution share, or all executions of a server.

    A resource is found by the function that opens it, and by that one's arguments. Each is opened
    and closed in a task of its own: an item that is cancelled takes nothing from the others.

    Args:
        around: those of the server, which outlive an execution; None without one.
        fakes: by function, the one to call in its place, in tests.
    """

    def __init__(
        self, around: SharedResources | None = None, fakes: Mapping[AnyOpener, AnyOpener] = {}
    ) -> None:
        self._around = around
        self._fakes = fakes
        self._entries: dict[object, _Entry] = {}
        self._context = contextvars.copy_context()
        self._closed = False

    async def get(
        self,
        function: Callable[P, AbstractAsyncContextManager[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return a resource, and open it first if nobody has; raise what opening raises."""
        if self._around is not None and is_per_server(function):
            return await self._around.get(function, *args, **kwargs)
        try:
            key = (function, args, frozenset(kwargs.items()))
            entry = self._entries.get(key)
        except TypeError as error:
            raise DefinitionError(
                f"A resource is found by the arguments of {name_of(function)}, and {error}.",
                help="give values that can be compared and hashed, such as tuples for lists",
            ) from error
        if entry is None:
            if self._closed:
                raise RuntimeError(f"{name_of(function)} is asked for after the end")
            open_it = self._fakes.get(function, function)
            entry = self._entries[key] = _Entry(
                name_of(function), asyncio.get_running_loop().create_future()
            )
            entry.task = asyncio.create_task(
                self._live(key, entry, functools.partial(open_it, *args, **kwargs)),
                name=f"resource {name_of(function)}",
                # Not that of the item which happens to ask first.
                context=self._context.copy(),
            )
        # A resource is kept under what makes one of its type.
        return cast("T", await wait_shielded(entry.value))

    async def close(self, seconds: float) -> list[str]:
        """Close everything, the newest first; return what people should know of that.

        Args:
            seconds: after which what does not close is cancelled.
        """
        self._closed = True
        notices: list[str] = []
        for entry in reversed(list(self._entries.values())):
            assert entry.task is not None
            entry.closing.set()
            if not entry.value.done():
                entry.task.cancel()
            _, late = await asyncio.wait({entry.task}, timeout=seconds)
            if late:
                entry.task.cancel()
                await asyncio.wait({entry.task}, timeout=_CANCELLED)
                notices.append(f"{entry.name} did not close within {seconds:g} s")
            elif not entry.task.cancelled() and (error := entry.task.exception()) is not None:
                _LOG.warning("%s was not closed", entry.name, exc_info=error)
                said = one_line(str(error)) or type(error).__name__
                notices.append(f"{entry.name} was not closed: {said}")
        self._entries.clear()
        return notices

    async def _live(
        self,
        key: object,
        entry: _Entry,
        open_it: Callable[[], AbstractAsyncContextManager[object]],
    ) -> None:
        """Open a resource, wait for the end, and close it: in one task, as some of them need it."""
        opened = False
        try:
            async with open_it() as value:
                opened = True
                entry.value.set_result(value)
                await entry.closing.wait()
        except BaseException as error:
            if opened:
                raise
            # The next one that asks tries anew.
            self._entries.pop(key, None)
            if isinstance(error, asyncio.CancelledError):
                entry.value.cancel()
                raise
            entry.value.set_exception(error)
