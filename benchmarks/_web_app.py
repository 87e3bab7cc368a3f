"""The server that is measured, as a process: `python _web_app.py FOLDER`.

Its first line is where it is. Each item that is in progress changes some times a second, and says
when it did.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import time
from pathlib import Path

from peaceful import App, Flow, Given, Item, ItemCtx, State
from peaceful.commands import Contexts

SLOTS = 16
"""How many items are in progress at once."""


FIRST = 8.0
"""For how many seconds the first item of the short flow lets watchers come."""


CHANCE = random.Random(0)


class BusyState(State):
    """Whether it was done."""

    done: bool | None


class Busy(Item[BusyState]):
    """Is in progress for some time, and says so again and again."""

    seconds: float
    changes: int

    async def state_current(self, ctx: ItemCtx) -> BusyState:
        """Not done."""
        return BusyState(done=None)

    async def state_goal(self, ctx: ItemCtx) -> BusyState:
        """Done."""
        return BusyState(done=True)

    async def apply(self, ctx: ItemCtx, current: BusyState, goal: BusyState) -> BusyState:
        """Takes its time, and tells the time; not in step with others."""
        ctx.progress.steps(self.changes)
        for number in range(self.changes):
            ctx.progress.done(number)
            ctx.progress.message(f"at {time.monotonic():.6f}")
            await asyncio.sleep(self.seconds / self.changes * CHANCE.uniform(0.5, 1.5))
        return goal


class First(Busy):
    """Says nothing while others wait for it."""

    async def apply(self, ctx: ItemCtx, current: BusyState, goal: BusyState) -> BusyState:
        """Takes its time."""
        await asyncio.sleep(self.seconds)
        return goal


app = App("busy")


@app.flow("busy")
def busy(flow: Flow, items: int, seconds: float, changes: int, first: float) -> None:
    """Items that wait for nothing, or for a first one, while which watchers come."""
    if first:
        flow.add("first", First(seconds=first, changes=1))
    for number in range(items):
        flow.add(f"item_{number}", Busy(seconds=seconds, changes=changes))
        if first:
            flow.edge("first", f"item_{number}")


def main() -> None:
    """Serves until a signal comes."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path(sys.argv[1])
    sizes = {
        "short": {"items": 20 * SLOTS, "seconds": 0.5, "changes": 5, "first": FIRST},
        "long": {"items": 4 * SLOTS, "seconds": 60.0, "changes": 750, "first": 0.0},
    }
    for profile, size in sizes.items():
        given = {name: Given(value, "a benchmark") for name, value in size.items()}
        Contexts.of(app, folder).init(given, profile=profile, flow="busy")
    asyncio.run(app.serve(workspace=folder, on_ready=lambda url: print(url, flush=True)))


if __name__ == "__main__":
    main()
