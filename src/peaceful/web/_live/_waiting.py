"""Many who wait for the same news, told a few at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

AT_ONCE: Final = 16
"""How many are told before the event loop sees to anything else: about a millisecond's work."""


class Waiting:
    """Those who wait for news, in the order in which they came.

    Were all of a thousand told at once, an interrupt that comes then, and the items that are being
    worked on in the same event loop, would wait until all were served.
    """

    def __init__(self) -> None:
        self._futures: deque[asyncio.Future[bool]] = deque()
        self._due = 0
        self._telling = False

    async def news(self, patience: float) -> bool:
        """Returns soon after the next `tell`, or when there was none for some time.

        Args:
            patience: seconds.

        Returns:
            Whether there was one.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._futures.append(future)
        # Cheaper than `asyncio.timeout`, which counts where a thousand wait ten times a second.
        timer = loop.call_later(patience, _settle, future, False)
        try:
            return await future
        finally:
            timer.cancel()

    def tell(self) -> None:
        """Whoever waits now is told, soon."""
        self._due = len(self._futures)
        if not self._telling:
            self._tell_some()

    def _tell_some(self) -> None:
        number = min(self._due, AT_ONCE)
        self._due -= number
        for _ in range(number):
            _settle(self._futures.popleft(), True)
        self._telling = self._due > 0
        if self._telling:
            asyncio.get_running_loop().call_soon(self._tell_some)


def _settle(future: asyncio.Future[bool], told: bool) -> None:
    # Who went away meanwhile waits no longer.
    if not future.done():
        future.set_result(told)
