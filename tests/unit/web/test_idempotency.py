"""Requests that are sent again: what is remembered of them, and for how long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peaceful._errors.requests import KeyReused, ServerStopping
from peaceful._web.work.running import IdempotencyKeys

# What is asked for, and what is started, is only compared and handed on here.
REQUEST: Any = "ensure dev"
OTHER: Any = "clean dev"


class Starts:
    """Starts things, and counts them."""

    def __init__(self, error: Exception | None = None) -> None:
        """Fails with the error, if there is one."""
        self.count = 0
        self.error = error

    async def __call__(self) -> Any:
        """Starts another one; what it gives is its number."""
        self.count += 1
        if self.error is not None:
            raise self.error
        return self.count


async def _once(keys: IdempotencyKeys, key: str | None, request: Any, start: Any) -> Any:
    return await keys.start_once(key, request, start)


async def test_a_request_that_is_sent_again() -> None:
    """With the same key it starts nothing and gets the same answer; without a key, it starts."""
    keys, start = IdempotencyKeys(), Starts()
    assert [await _once(keys, "k", REQUEST, start) for _ in range(3)] == [1, 1, 1]
    assert [await _once(keys, None, REQUEST, start) for _ in range(2)] == [2, 3]
    with pytest.raises(KeyReused):
        await _once(keys, "k", OTHER, start)
    assert start.count == 3


async def test_the_newest_thousand_are_remembered() -> None:
    """However many requests come, a server keeps 1,000 keys; the oldest is forgotten first."""
    keys, start = IdempotencyKeys(), Starts()
    for number in range(1000):
        await _once(keys, f"k{number}", REQUEST, start)
    assert await _once(keys, "k0", REQUEST, start) == 1
    await _once(keys, "one more", REQUEST, start)
    assert await _once(keys, "k1", REQUEST, start) == 2
    assert await _once(keys, "k0", REQUEST, start) == 1002


async def test_a_request_that_failed_is_forgotten() -> None:
    """Nothing was started, so the same key may start it."""
    keys = IdempotencyKeys()
    with pytest.raises(ServerStopping):
        await _once(keys, "k", REQUEST, Starts(ServerStopping()))
    assert await _once(keys, "k", OTHER, Starts()) == 1


async def test_who_waits_no_longer_stops_nothing() -> None:
    """What was begun for somebody who has gone goes on, and is found under its key."""
    keys, may_end = IdempotencyKeys(), asyncio.Event()

    async def start() -> Any:
        await may_end.wait()
        return "started"

    gone = asyncio.create_task(_once(keys, "k", REQUEST, start))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    again = asyncio.create_task(_once(keys, "k", REQUEST, Starts()))
    may_end.set()
    assert await again == "started"
