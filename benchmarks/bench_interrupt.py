"""How long after a signal an item can still start."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from benchmarks._flows import Nothing, NothingState, context
from benchmarks._table import median_of, print_table

from peaceful import ItemCtx
from peaceful.commands import BlockInterrupted, EnsureCmd
from peaceful.interrupt import Interruptible, interrupt_channel

STARTS: list[float] = []
SOME_STARTED = threading.Event()


def _note_start() -> None:
    STARTS.append(time.perf_counter())
    if len(STARTS) > 150:
        SOME_STARTED.set()


class Busy(Nothing):
    """Is in progress for a while, in the loop."""

    async def apply(self, ctx: ItemCtx, current: NothingState, goal: NothingState) -> NothingState:
        """Notes when it starts."""
        _note_start()
        await asyncio.sleep(0.02)
        return goal


class Blocking(Nothing):
    """Is in progress for a while, in a thread."""

    def apply(  # type: ignore[override]  # plain, where the other is `async`
        self, ctx: ItemCtx, current: NothingState, goal: NothingState
    ) -> NothingState:
        """Notes when it starts."""
        _note_start()
        threading.Event().wait(0.02)
        return goal


def last_start_after_signal(item: Nothing) -> float:
    """Seconds from the signal to the last start, with 1,000 items and 100 at once."""
    STARTS.clear()
    SOME_STARTED.clear()
    sent = 0.0

    async def run(folder: Path) -> None:
        nonlocal sent
        sender, receiver = interrupt_channel()
        ctx = dataclasses.replace(
            context(folder, "fan", 1000, item, at_once=100),
            interruptibility=Interruptible(receiver),
        )

        def send() -> None:
            nonlocal sent
            SOME_STARTED.wait()
            sent = time.perf_counter()
            sender.request()

        threading.Thread(target=send).start()
        outcome = await EnsureCmd.exec(ctx)
        assert isinstance(outcome, BlockInterrupted)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
    return max(0.0, max(STARTS) - sent)


def bench_interrupt() -> None:
    """Milliseconds from the signal to the last moment at which an item started."""
    rows = [
        [name, f"{median_of(partial(last_start_after_signal, item), 5) * 1000:.1f}"]
        for name, item in (("in the loop", Busy()), ("in threads", Blocking()))
    ]
    print_table("From the signal to the last start", ["100 of 1,000 items", "ms"], rows)
