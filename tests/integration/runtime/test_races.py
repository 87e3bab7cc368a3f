"""A signal against the end: whoever was told that it was accepted finds it in the outcome."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from item_world import Stage

from peaceful import ItemCtx
from peaceful.commands import EnsureCmd, ExecutionEnded, InterruptRequested
from peaceful.interrupt import IgnoreInterruptions, InterruptLevel, SendResult

LEVELS = list(InterruptLevel)


@pytest.mark.parametrize("round_number", range(20))
async def test_a_thread_that_sends_until_it_is_too_late(tmp_path: Path, round_number: int) -> None:
    """Whatever was accepted, the last of it is in the outcome; what came too late is not."""
    stage = Stage(tmp_path)
    answers: list[tuple[SendResult, str]] = []
    begun = threading.Event()

    def send() -> None:
        begun.wait()
        number = 0
        while not answers or answers[-1][0] is not SendResult.TOO_LATE:
            number += 1
            reason = f"number {number}"
            # More and more of a hurry, so that there is always something new to accept.
            level = LEVELS[min(len(LEVELS) - 1, number // (round_number * 40 + 1))]
            answers.append((stage.sender.request(level, reason=reason), reason))

    async def hook(_: ItemCtx) -> None:
        if round_number % 2:
            begun.set()

    stage.world.hooks["a"] = hook
    thread = threading.Thread(target=send)
    thread.start()
    # The latch of the next execution is a clear one, so that sending begins when this one has.
    task = asyncio.ensure_future(
        EnsureCmd.exec(stage.ctx(stage.flow({"a": [], "b": ["a"]}), strategy=IgnoreInterruptions()))
    )
    await asyncio.sleep(0)
    begun.set()
    outcome = await task
    await asyncio.to_thread(thread.join)
    accepted = [reason for result, reason in answers if result is SendResult.ACCEPTED]
    late = [reason for result, reason in answers if result is SendResult.TOO_LATE]
    assert len(late) == 1
    if accepted:
        assert outcome.interrupt is not None
        assert outcome.interrupt.reason == accepted[-1]
    else:
        assert outcome.interrupt is None
    ending = stage.sink.events[-1]
    assert isinstance(ending, ExecutionEnded)
    assert ending.interrupt == outcome.interrupt


@examples(20)
@given(st.integers(0, 30), st.sampled_from(LEVELS[:1]))
async def test_a_signal_at_any_turn_of_the_loop(turns: int, level: InterruptLevel) -> None:
    """Accepted or too late, and nothing between: sinks, outcome and sender agree."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        task = asyncio.ensure_future(EnsureCmd.exec(stage.ctx(stage.flow({"a": [], "b": ["a"]}))))
        await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.wait({task}, timeout=0)
            await asyncio.sleep(0)
        result = stage.sender.request(level)
        outcome = await task
        told = [event for event in stage.sink.events if isinstance(event, InterruptRequested)]
        assert (outcome.interrupt is not None) == (result is SendResult.ACCEPTED)
        assert len(told) == (result is SendResult.ACCEPTED)
