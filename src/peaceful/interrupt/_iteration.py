"""The rule for anyone's own iteration: finish what is in progress, start nothing new."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Collection, Iterable, Iterator
from typing import Protocol, TypeVar, overload, runtime_checkable

from peaceful.interrupt._state import InterruptedBy, InterruptibilityState, state_of
from peaceful.interrupt._step import Interrupted, NoInterrupt, Step
from peaceful.interrupt._waiting import discard

T = TypeVar("T")


@overload
def interruptible(source: AsyncIterable[T], by: InterruptedBy) -> AsyncGenerator[Step[T], None]: ...


@overload
def interruptible(
    source: Iterable[Awaitable[T]], by: InterruptedBy
) -> AsyncGenerator[Step[T], None]: ...


def interruptible(
    source: AsyncIterable[T] | Iterable[Awaitable[T]], by: InterruptedBy
) -> AsyncGenerator[Step[T], None]:
    """Go through a source until its end or the interrupt, whichever is first.

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

    Each value is a start: the strategy is asked before it. The interrupt takes hold when nothing
    more may start: with `FinishCurrent` that is when the signal comes, with `PollNextN(n)` when the
    n-th value after it has been started. What is in progress then is finished, and yielded as
    `Interrupted(value)`; if nothing is, `Interrupted()` is yielded; either way this ends the
    iteration. If the source has no further value, the iteration ends without it: nothing was cut.

    The source is closed when the iteration ends: `aclose` or `close` is called if it has it, and
    coroutines of a collection that were not begun are closed, so that Python does not complain that
    they were never awaited. Tasks and futures run by themselves, and are left alone. Whoever leaves
    the loop early, by `break` or an error, should wrap it in `contextlib.aclosing`, as with every
    asynchronous generator.

    Args:
        source: an asynchronous iterator or iterable; or an iterable of awaitables, each of which is
            awaited in turn. Each is taken from it before the question whether it may start.
        by: what says whether something is interrupted.

    Raises:
        Exception: whatever the source or an awaitable raises.
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
