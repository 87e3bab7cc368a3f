"""Resources: a typed map with scopes, and what items open once for all of them."""

from __future__ import annotations

import contextvars
import functools
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from inspect import isasyncgenfunction
from threading import Lock
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    ParamSpec,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

from peaceful._errors.usage import DefinitionError, ResourceMissing

if TYPE_CHECKING:
    # Loaded where it is needed: `--help` of an application that declares resources does without.
    import asyncio

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LOG: Final = logging.getLogger("peaceful.item")

_CANCELLED: Final = 1.0
"""Seconds for what is cancelled while it closes."""


class Resources:
    """A map from a type to its one value, with nested scopes.

    A scope sees the values of those around it, and writes only to itself. The idea comes from
    Rust's `resman` and `anymap` crates.

    Reading takes no lock and may happen in any thread while another one writes: the values are a
    dictionary that is replaced, never changed. So inserting takes time in proportion to the scope.
    """

    __slots__ = ("_lock", "_parent", "_values")

    def __init__(self, parent: Resources | None = None) -> None:
        self._parent = parent
        self._values: dict[type[object], object] = {}
        self._lock = Lock()

    def child(self) -> Resources:
        """Return a new scope inside this one."""
        return Resources(self)

    @overload
    def insert(self, value: object) -> None: ...
    @overload
    def insert(self, value: T, kind: type[T]) -> None: ...

    def insert(self, value: object, kind: type[object] | None = None) -> None:
        """Put a value into this scope, in place of one of the same type.

        Args:
            value: the value.
            kind: the type to find it by; by default, the value's own. Pass a base class or a
                protocol if that is what will be asked for.
        """
        found_by = type(value) if kind is None else kind
        with self._lock:
            self._values = {**self._values, found_by: value}

    def get(self, kind: type[T]) -> T:
        """Return the value of exactly that type, from the innermost scope that has one.

        Raises:
            ResourceMissing: no scope has one.
        """
        if kind in self._values:
            # A value is kept under its own type or one that `insert` was told it has.
            return cast("T", self._values[kind])
        if self._parent is not None and kind in self._parent:
            return self._parent.get(kind)
        raise ResourceMissing(_name(kind), sorted(map(_name, self.kinds())))

    def try_get(self, kind: type[T]) -> T | None:
        """Return the value of exactly that type, or `None`."""
        return self.get(kind) if kind in self else None

    def __contains__(self, kind: type[object]) -> bool:
        """Return whether this scope or one around it has a value of exactly that type."""
        return kind in self._values or (self._parent is not None and kind in self._parent)

    def kinds(self) -> frozenset[type[object]]:
        """Return the types that this scope and those around it have values of."""
        around = () if self._parent is None else self._parent.kinds()
        return frozenset((*around, *self._values))


def _name(kind: type[object]) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


# Any: each function has parameters of its own, and its resource is of any type.
AnyOpener: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
"""A function that opens a resource: its context manager closes it."""


@dataclass(frozen=True, slots=True)
class Opener(Generic[P, T_co]):
    """A function that opens a resource, and how long that lives; see `App.resource`."""

    function: Callable[P, AbstractAsyncContextManager[T_co]]
    per_server: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[T_co]:
        """Return the context manager of a resource of its own, which nobody shares."""
        return self.function(*args, **kwargs)

    @property
    def __name__(self) -> str:
        return name_of(self.function)


def opener(
    function: Callable[P, AsyncGenerator[T] | Generator[T]], *, per_server: bool
) -> Opener[P, T]:
    """Make a generator function with one `yield` one that opens a resource.

    One that is not asynchronous runs in threads, to its `yield` and after it.
    """
    if isasyncgenfunction(function):
        return Opener(
            asynccontextmanager(cast("Callable[P, AsyncGenerator[T]]", function)), per_server
        )
    plain = contextmanager(cast("Callable[P, Generator[T]]", function))

    @asynccontextmanager
    @functools.wraps(function)
    async def in_threads(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        from peaceful._aio import run_in_thread

        resource = plain(*args, **kwargs)
        value = await run_in_thread(resource.__enter__)
        try:
            yield value
        except BaseException as error:
            if not await run_in_thread(resource.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await run_in_thread(resource.__exit__, None, None, None)

    return Opener(in_threads, per_server)


def is_per_server(function: Callable[..., object]) -> bool:
    """Return whether what a function opens may outlive an execution."""
    return isinstance(function, Opener) and function.per_server


def name_of(function: Callable[..., object]) -> str:
    """Return the name of a function, for messages: never its arguments, which may be secrets."""
    return getattr(function, "__name__", "") or type(function).__name__


@dataclass(slots=True)
class _Entry:
    """A resource: its value as soon as it is open, and the task that opens and closes it."""

    name: str
    value: asyncio.Future[object]
    closing: asyncio.Event
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
        import asyncio

        from peaceful._aio import wait_shielded

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
                name_of(function), asyncio.get_running_loop().create_future(), asyncio.Event()
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
        import asyncio

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
                said = str(error).partition("\n")[0] or type(error).__name__
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
        import asyncio

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
