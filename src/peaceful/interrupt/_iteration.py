"""Interruptible iteration, task groups and waits."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from types import TracebackType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    overload,
    runtime_checkable,
)

from peaceful.interrupt._state import InterruptedBy, InterruptibilityState, state_of

T = TypeVar("T")


class NoValue(enum.Enum):
    """The type of `NO_VALUE`."""

    NO_VALUE = "no value"


NO_VALUE: Final[Literal[NoValue.NO_VALUE]] = NoValue.NO_VALUE
"""Marks the absence of a value, since `None` may be one."""


# Not slotted, neither of the two: before Python 3.14, a class that is frozen, slotted and generic
# cannot be called as `Interrupted[int]()`.
@dataclass(frozen=True)
class NoInterrupt(Generic[T]):
    """A value; what comes next may start."""

    value: T


@dataclass(frozen=True)
class Interrupted(Generic[T]):
    """The end, because of an interrupt.

    Attributes:
        value: the value that was in progress when the interrupt took effect, and was finished;
            `NO_VALUE` if it took effect between two, at a boundary.
    """

    value: T | NoValue = NO_VALUE

    @property
    def has_value(self) -> bool:
        """Whether something was in progress, and was finished."""
        return self.value is not NO_VALUE


Step: TypeAlias = NoInterrupt[T] | Interrupted[T]
"""The result of one step of an interruptible iteration, or of an interruptible wait."""


async def wait_or_interrupted(awaitable: Awaitable[T], by: InterruptedBy) -> Step[T]:
    """Wait for something that comes before a start: a slot, a lock, a queue, a delay.

    ```python
    match await wait_or_interrupted(slots.acquire(), state):
        case Interrupted():
            return
        case NoInterrupt():
            ...  # the slot is ours; now ask `state.may_start()`
    ```

    As soon as nothing more may start, the awaitable is cancelled, in place and in this task, just
    as `asyncio.timeout` would do it. What is safe under a timeout is safe here: either the lock was
    acquired, and then the result is `NoInterrupt`, even if the interrupt came at the same moment;
    or it was not, and nothing is left behind.

    Args:
        awaitable: what to wait for. If nothing more may start at the outset, it is not begun. A
            task or a future is cancelled as well; shield it, if it is to go on.
        by: determines whether there is an interrupt.

    Returns:
        `NoInterrupt` with the value, or `Interrupted()`, which never has one.

    Raises:
        Exception: any error of the awaitable.
    """
    state = state_of(by)
    finished = isinstance(awaitable, asyncio.Future) and awaitable.done()
    if not finished and not state.may_go_on():
        if isinstance(awaitable, asyncio.Future):
            awaitable.cancel()
        else:
            discard(awaitable)
        return Interrupted()
    cut = False
    try:
        # An interrupt is a deadline that turns out to be now; loop times are never negative.
        async with asyncio.timeout(None) as deadline:
            with state.call_when_stopped(lambda: deadline.reschedule(0)):
                try:
                    return NoInterrupt(await awaitable)
                except asyncio.CancelledError:
                    cut = True
                    raise
    except TimeoutError:
        if cut:
            return Interrupted()
        raise  # the awaitable's own


def discard(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that was not begun; leave alone what runs by itself, as a task does."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()


@overload
def interruptible(source: AsyncIterable[T], by: InterruptedBy) -> AsyncGenerator[Step[T], None]: ...


@overload
def interruptible(
    source: Iterable[Awaitable[T]], by: InterruptedBy
) -> AsyncGenerator[Step[T], None]: ...


def interruptible(
    source: AsyncIterable[T] | Iterable[Awaitable[T]], by: InterruptedBy
) -> AsyncGenerator[Step[T], None]:
    """Iterate over a source until its end or the interrupt, whichever is first.

    ```python
    async for step in interruptible(pages(), Interruptible(receiver)):
        match step:
            case NoInterrupt(page):
                ...
            case Interrupted() if step.has_value:
                ...  # finished, and the last one
            case Interrupted():
                ...  # nothing was in progress
    ```

    Each value is a start: the strategy is asked before it. The interrupt takes effect when nothing
    more may start: with `FinishCurrent` that is when the signal comes, with `PollNextN(n)` when the
    n-th value after it has been started. What is in progress then is finished, and yielded as
    `Interrupted(value)`; if nothing is, `Interrupted()` is yielded; either way this ends the
    iteration. If the source has no further value, the iteration ends without it: nothing was cut
    short.

    The source is closed when the iteration ends: its `aclose` or `close` is called if it has one,
    and coroutines of a collection that were not begun are closed, so that Python does not warn that
    they were never awaited. Tasks and futures run by themselves, and are left alone. Wrap the
    generator in `contextlib.aclosing` if the loop may be left early, by `break` or an error, as
    with every asynchronous generator.

    Args:
        source: an asynchronous iterator or iterable; or an iterable of awaitables, each of which is
            awaited in turn. Each is taken from it before the question whether it may start.
        by: determines whether there is an interrupt.

    Raises:
        Exception: any error of the source or an awaitable.
    """
    state = state_of(by)
    if isinstance(source, AsyncIterable):
        return _values(source, state)
    return _results(source, state)


async def _values(
    source: AsyncIterable[T], state: InterruptibilityState
) -> AsyncGenerator[Step[T], None]:
    values = aiter(source)
    try:
        while state.may_start():
            try:
                value = await anext(values)
            except StopAsyncIteration:
                return
            if not state.may_go_on():
                yield Interrupted(value)
                return
            yield NoInterrupt(value)
        yield Interrupted()
    finally:
        if isinstance(values, _AsyncClosable):
            await values.aclose()


async def _results(
    source: Iterable[Awaitable[T]], state: InterruptibilityState
) -> AsyncGenerator[Step[T], None]:
    awaitables = iter(source)
    try:
        for awaitable in awaitables:
            if not state.may_start():
                discard(awaitable)
                yield Interrupted()
                return
            value = await awaitable
            if not state.may_go_on():
                yield Interrupted(value)
                return
            yield NoInterrupt(value)
    finally:
        _discard_rest(source, awaitables)


def _discard_rest(
    source: Iterable[Awaitable[object]], awaitables: Iterator[Awaitable[object]]
) -> None:
    if isinstance(source, Collection):
        for awaitable in awaitables:
            discard(awaitable)
    elif isinstance(awaitables, _Closable):  # a generator, which has not made the others yet
        awaitables.close()


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> object: ...


@runtime_checkable
class _AsyncClosable(Protocol):
    def aclose(self) -> Awaitable[object]: ...


class InterruptibleTaskGroup:
    """An `asyncio.TaskGroup` that asks before each start.

    ```python
    async with InterruptibleTaskGroup(state) as group:
        for url in urls:
            if group.create_task(fetch(url)) is None:
                break
    ```

    Tasks that were started finish, whatever the level. Otherwise it behaves like asyncio's task
    group: it waits for its tasks, and a task that fails cancels the others.

    Attributes:
        state: decides and counts the starts.
        refused: how many tasks were not started because of an interrupt.
    """

    __slots__ = ("_tasks", "refused", "state")

    def __init__(self, by: InterruptedBy) -> None:
        self.state: InterruptibilityState = state_of(by)
        self.refused: int = 0
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, traceback)

    # `Any` as in asyncio's own signature: what a coroutine yields is between it and the loop.
    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None
    ) -> asyncio.Task[T] | None:
        """Start a task, if it may start; it counts as a start from here on.

        Returns:
            The task; or `None` if nothing may start any more. The coroutine is then closed, never
            begun.
        """
        if self.state.may_start():
            return self._tasks.create_task(coroutine, name=name)
        discard(coroutine)
        self.refused += 1
        return None
