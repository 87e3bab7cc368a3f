"""Waiting for what nobody tells of, such as what another process writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 40.0
"""Seconds that anything is waited for, on a busy machine."""


async def until(holds: Callable[[], bool]) -> None:
    """Returns once a condition holds.

    Raises:
        TimeoutError: it did not come about in time.
    """
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - there is nobody who would set an event
            await asyncio.sleep(0)
