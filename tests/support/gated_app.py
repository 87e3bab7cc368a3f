"""An application whose items wait until a test lets them go on."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from dataclasses import dataclass, field

from flags import Flag

from peaceful import App, Flow, Item, ItemCtx, ItemFailure, State


@dataclass
class Gate:
    """Where an item waits.

    Attributes:
        reached: set once the item is there.
        open: set once it may go on.
    """

    reached: Flag = field(default_factory=Flag)
    open: Flag = field(default_factory=Flag)


@dataclass
class Gates:
    """What a test holds in its hands.

    Attributes:
        by_name: the gates; those of items that nobody looks at are open.
        made: what is there.
        asking: by name, what items ask people to approve before they are changed.
        failing: the names of items that fail.
        stubborn: the names of items that go on when they are cancelled.
        blocking: the names of items that block the event loop, until this is set.
    """

    by_name: dict[str, Gate] = field(default_factory=lambda: defaultdict(Gate))
    made: dict[str, str] = field(default_factory=dict)
    asking: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    stubborn: set[str] = field(default_factory=set)
    blocking: dict[str, threading.Event] = field(default_factory=dict)

    def gate(self, profile: str, item: str) -> Gate:
        """The gate of an item; from now on it waits there before it is changed."""
        return self.by_name[f"{profile}.{item}"]

    def look(self, profile: str, item: str) -> Gate:
        """The gate of an item; from now on it waits there while it is looked at."""
        return self.by_name[f"looking at {profile}.{item}"]

    async def through(self, name: str, *, stubborn: bool = False) -> None:
        """Waits until a gate is open, if somebody looks at it."""
        if name not in self.by_name:
            return
        gate = self.by_name[name]
        gate.reached.set()
        while not gate.open.is_set():
            try:
                await gate.open.wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise


class MadeState(State):
    """What was made."""

    value: str | None


class Made(Item[MadeState]):
    """Something that is made at a gate."""

    name: str
    value: str = "made"

    async def state_current(self, ctx: ItemCtx) -> MadeState:
        """What there is."""
        await GATES[0].through(f"looking at {self.name}")
        return MadeState(value=GATES[0].made.get(self.name))

    async def state_goal(self, ctx: ItemCtx) -> MadeState:
        """What there should be."""
        return MadeState(value=self.value)

    async def apply(self, ctx: ItemCtx, current: MadeState, goal: MadeState) -> MadeState:
        """Makes it, once the gate is open."""
        gates = GATES[0]
        ctx.progress.total(2)
        ctx.progress.done(1)
        if self.name in gates.asking:
            await ctx.approval(gates.asking[self.name])
        await gates.through(self.name, stubborn=self.name in gates.stubborn)
        if self.name in gates.blocking:
            gates.blocking[self.name].wait()
        if self.name in gates.failing:
            raise ItemFailure(f"{self.name} <b>fails</b>.", help="leave it alone")
        if goal.value is None:
            gates.made.pop(self.name, None)
        else:
            gates.made[self.name] = goal.value
        return goal


GATES: list[Gates] = [Gates()]
"""Those of the test that runs."""


def gated_app() -> App:
    """An application with two flows of three items: b waits for a, and c for nothing."""
    app = App("gated", version="1.2")

    @app.flow("make")
    def _make(flow: Flow, value: str = "made") -> None:
        """Makes three things."""
        for name in ("a", "b", "c"):
            tags = ["late"] if name > "a" else []
            flow.add(name, Made(name=f"{flow.profile}.{name}", value=value), tags=tags)
        flow.edge("a", "b")

    @app.flow("other")
    def _other(flow: Flow, needed: int) -> None:
        """Makes another thing."""
        flow.add("x", Made(name=f"{flow.profile}.x", value=str(needed)))

    return app
