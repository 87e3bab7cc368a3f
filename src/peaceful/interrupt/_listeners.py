"""Listeners that are called when something may have changed, and waiting by means of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import TypeAlias

Listen: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]
"""Adds a listener to something, and returns the function that removes it."""


class Listeners:
    """Functions without arguments, called whenever something may have changed.

    Every method is one atomic operation on a dictionary, so each may be called from any thread, and
    from a signal handler that came in the middle of another call.
    """

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Add a listener; the returned function removes it, and may be called any number of times.

        Args:
            listener: called by `notify`. Must neither wait nor raise, and look for itself at what
                has changed: it may be called once too often, or twice at the same time.
        """
        key = object()
        self._listeners[key] = listener

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    def notify(self) -> None:
        """Call every listener there is now."""
        for listener in self._listeners.copy().values():
            listener()


@contextlib.contextmanager
def call_when(
    condition: Callable[[], bool], call: Callable[[], object], *listens: Listen
) -> Generator[None]:
    """Within the context, call a function once in the running loop, as soon as a condition holds.

    Args:
        condition: asked on entry, and after each change by whoever makes it; once true, it must
            stay so, and it must be as quick and as safe as a listener.
        call: called by the loop; never after the context was left.
        listens: listen to what may make the condition true.
    """
    loop = asyncio.get_running_loop()
    over = False

    def call_once() -> None:
        nonlocal over
        if not over:
            over = True
            call()

    def look() -> None:
        if condition():
            # A loop that was closed has no waiters left: there is nobody to call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call_once)

    removing = [listen(look) for listen in listens]
    try:
        look()  # Only now: what becomes true after this question is noticed by a listener.
        yield
    finally:
        over = True
        for remove in removing:
            remove()
