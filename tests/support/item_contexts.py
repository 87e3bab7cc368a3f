"""A context for items, what it is connected to, and the processes that it started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from peaceful import ItemCtx, Resources
from peaceful._item.approvals import Approvals
from peaceful._item.child import Children
from peaceful._item.ctx import ExecutionScope
from peaceful._resources import SharedResources
from peaceful._runtime.ctx import started_by
from peaceful._runtime.hub import ProgressHub
from peaceful.commands import Event, ExecutionInfo, ItemProgressed
from peaceful.interrupt import (
    InterruptibilityState,
    Interruptible,
    InterruptLevel,
    InterruptSender,
    InterruptSource,
    interrupt_channel,
)


@dataclass
class HandClock:
    """A clock that goes on when it is told to."""

    seconds: float = 0.0

    def now(self) -> datetime:
        """The time of day."""
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.seconds


@dataclass
class Bench:
    """A context, and what it is connected to."""

    ctx: ItemCtx
    clock: HandClock
    sender: InterruptSender
    children: Children
    loop: asyncio.AbstractEventLoop
    events: list[Event] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, event: Event) -> None:
        """Takes what the item says."""
        self.events.append(event)
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the item has said something by which the condition holds."""
        async with asyncio.timeout(20):
            while not condition():
                await self.news.wait()
                self.news.clear()

    def interrupt(self, level: InterruptLevel = InterruptLevel.STOP) -> None:
        """Interrupts the execution."""
        self.sender.request(level, source=InterruptSource.API)

    @property
    def processes(self) -> dict[int, str]:
        """The processes that run and were started for the execution, with their command lines."""
        mark = f"PEACEFUL_EXECUTION_ID={self.ctx.execution_id}".encode()
        return {
            pid: command
            for pid, environment, command in _processes()
            if mark in environment.split(b"\0")
        }

    @property
    def messages(self) -> list[str]:
        """What the item said, without repetitions."""
        said = (
            event.progress.message for event in self.events if isinstance(event, ItemProgressed)
        )
        return list(dict.fromkeys(said))


def made_bench(folder: Path) -> Bench:
    """A context within the running loop."""
    clock, loop, hub = HandClock(), asyncio.get_running_loop(), ProgressHub()
    sender, receiver = interrupt_channel(now=clock.now)
    scope = ExecutionScope(
        execution=ExecutionInfo(
            id=f"execution-{uuid4()}",
            app="app",
            profile="dev",
            flow="deploy",
            command="ensure",
            started_by=started_by("python"),
            started_at=clock.now(),
        ),
        workspace=folder,
        interruptibility=InterruptibilityState(Interruptible(receiver)),
        children=Children(),
        clock=clock,
        publish=lambda event: bench.publish(event),  # noqa: PLW0108 - there is no bench yet
        publish_made=hub.publish_made,
        resources=Resources(),
        shared=SharedResources(),
        loop=loop,
        approvals=Approvals(clock, hub.publish, loop),
    )
    bench = Bench(ItemCtx("thing", scope), clock, sender, scope.children, loop)
    return bench


def _processes() -> Iterator[tuple[int, bytes, str]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                environment = Path(entry.path, "environ").read_bytes()
                command = Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue  # It ended while the folder was read, or is somebody else's.
            yield int(entry.name), environment, command.replace(b"\0", b" ").decode().strip()
