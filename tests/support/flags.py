"""Events that go from one event loop to another."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress


class Flag:
    """An event that may be set and awaited in any event loop."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Lets those wait who come from now on."""
        self._set: Future[None] = Future()
        # Whoever stops waiting does not take it from the others.
        self._set.set_running_or_notify_cancel()

    def set(self) -> None:
        """Lets everybody go on who waits, now or later."""
        with suppress(InvalidStateError):
            self._set.set_result(None)

    def is_set(self) -> bool:
        """Whether it has been set."""
        return self._set.done()

    async def wait(self) -> None:
        """Waits until it is set."""
        await asyncio.wrap_future(self._set)
