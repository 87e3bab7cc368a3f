"""Requests that are sent again because nobody knows whether they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from peaceful._aio import wait_shielded
from peaceful.commands import RunRequest
from peaceful.errors import KeyReused
from peaceful.web._work._running import Started

KEPT: Final = 1000
"""How many of the newest keys are remembered."""

LONGEST_KEY: Final = 255
"""How many characters a key may have."""


@dataclass(frozen=True, slots=True)
class _Before:
    request: RunRequest
    starting: asyncio.Task[Started]


class StartedBefore:
    """What was started with which idempotency key, as long as the server runs.

    The idea is that of the IETF draft "The Idempotency-Key HTTP Header Field". A request that
    failed is forgotten: nothing was started.
    """

    def __init__(self) -> None:
        self._before: dict[str, _Before] = {}

    async def once(
        self,
        key: str | None,
        request: RunRequest,
        # Any: what a coroutine yields is between it and the loop.
        start: Callable[[], Coroutine[Any, Any, Started]],
    ) -> Started:
        """Starts what is asked for, unless it was with the same key.

        What was begun goes on, also where whoever asked for it does not wait any more.

        Args:
            key: the key, or none.
            request: what is asked for.
            start: starts it.

        Raises:
            KeyReused: the key was used for another request.
            PeacefulError: it cannot be started.
        """
        before = None if key is None else self._before.get(key)
        if before is None:
            before = _Before(request, asyncio.ensure_future(start()))
            before.starting.add_done_callback(_failed)
            if key is not None:
                self._remember(key, before)
        elif before.request != request:
            raise KeyReused(key or "")
        return await wait_shielded(before.starting)

    def _remember(self, key: str, before: _Before) -> None:
        self._before[key] = before
        if len(self._before) > KEPT:
            del self._before[next(iter(self._before))]

        def forget(starting: asyncio.Task[Started]) -> None:
            if _failed(starting) and self._before.get(key) is before:
                del self._before[key]

        before.starting.add_done_callback(forget)


def _failed(starting: asyncio.Task[Started]) -> bool:
    """Whether nothing was started. Also where nobody waits for that any more."""
    return starting.cancelled() or starting.exception() is not None
