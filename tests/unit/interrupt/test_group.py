"""Task groups that start nothing new once interrupted."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    InterruptibleTaskGroup,
    PollNextN,
    interrupt_channel,
)


async def test_tasks_in_flight_finish_and_no_new_ones_start() -> None:
    """After the signal `create_task` returns none, and the group waits for what runs."""
    sender, receiver = interrupt_channel()
    go_on = asyncio.Event()
    finished: list[str] = []

    async def work(name: str) -> None:
        await go_on.wait()
        finished.append(name)

    late = work("late")
    async with InterruptibleTaskGroup(receiver) as group:
        running = group.create_task(work("a"), name="task a")
        assert running is not None
        assert running.get_name() == "task a"
        sender.request()
        assert group.create_task(late) is None
        go_on.set()
    assert finished == ["a"]
    assert group.refused == 1
    assert inspect.getcoroutinestate(late) == inspect.CORO_CLOSED


async def test_the_group_counts_as_its_state_does() -> None:
    """With `PollNextN(n)`, n more tasks start."""
    sender, receiver = interrupt_channel()
    state = InterruptibilityState(Interruptible(receiver, PollNextN(2)))
    sender.request()
    async with InterruptibleTaskGroup(state) as group:
        tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(4)]
    assert [task.result() if task else None for task in tasks] == [0, 1, None, None]
    assert (group.refused, group.state.starts_after_signal) == (2, 2)


async def test_a_failing_task_fails_the_group() -> None:
    """In all else it is a task group: errors come in a group, siblings are cancelled."""
    _, receiver = interrupt_channel()
    group = InterruptibleTaskGroup(receiver)
    siblings: list[asyncio.Task[bool] | None] = []

    async def fail() -> None:
        raise ValueError("mistake")

    async def both() -> None:
        async with group:
            siblings.append(group.create_task(asyncio.Event().wait()))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert caught.group_contains(ValueError, match="mistake")
    assert [task is not None and task.cancelled() for task in siblings] == [True]
