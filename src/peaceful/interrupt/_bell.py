"""Listeners that are told that something may have changed, and waiting by means of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import TypeAlias

Listen: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
"""Adds a listener to something, and returns the function that takes it away again."""


class Bell:
    """Listeners without arguments, called whenever something may have changed.

    Every method is one atomic operation on a dictionary, so each may be called from any thread, and
    from a signal handler that came in the middle of another call.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Add a listener; the returned function takes it away again, any number of times.

        Args:
            listener: called by whoever rings. Must neither wait nor raise, and look for itself at
                what has changed: it may be called once too often, or twice at the same time.
        """
        key = object()
        self._listeners[key] = listener

        def leave() -> None:
            self._listeners.pop(key, None)

        return leave

    def ring(self) -> None:
        """Call every listener there is now."""
        for listener in self._listeners.copy().values():
            listener()


@contextlib.contextmanager
def told_when(
    condition: Callable[[], bool], tell: Callable[[], object], *listens: Listen
) -> Generator[None]:
    """Within the context, `tell` is called once as soon as a condition holds, in the running loop.

    Args:
        condition: asked on entry, and after each change by whoever makes it; once true, it must
            stay so, and it must be as quick and as safe as a listener.
        tell: called by the loop; never after the context was left.
        listens: listen to what may make the condition true.
    """
    loop = asyncio.get_running_loop()
    over = False

    def tell_once() -> None:
        nonlocal over
        if not over:
            over = True
            tell()

    def look() -> None:
        if condition():
            # A loop that was closed has no waiters left: there is nobody to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell_once)

    leaving = [listen(look) for listen in listens]
    try:
        look()  # only now: what becomes true after this question is told
        yield
    finally:
        over = True
        for leave in leaving:
            leave()


async def until(condition: Callable[[], bool], *listens: Listen) -> None:
    """Wait until a condition holds; see `told_when`.

    Any number may wait, in any loops and threads. A waiter that is cancelled leaves nothing behind.
    """
    if condition():
        return
    reached = asyncio.Event()
    with told_when(condition, reached.set, *listens):
        await reached.wait()
