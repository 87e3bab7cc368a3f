"""A world of things that items look after, and a stage on which commands are run in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peaceful import Flow, Handle, Item, ItemCtx, Resources, State
from peaceful.commands import (
    CmdCtx,
    Event,
    ExecutionSettings,
    ItemEnded,
    ItemId,
    LadderTimes,
    StateStore,
    Workspace,
    YamlStateStore,
)
from peaceful.errors import ItemFailure
from peaceful.interrupt import (
    FinishCurrent,
    Interruptible,
    InterruptSender,
    InterruptStrategy,
    interrupt_channel,
)

Hook = Callable[[ItemCtx], Awaitable[None]]
"""What a test does in the middle of an item's work."""


@dataclass
class World:
    """What is really there, and what was done to it.

    Attributes:
        things: by name, what is there.
        applied: by name, how often it was changed, in order.
        hooks: by name, what happens in the middle of its being changed.
        every: what happens in the middle of each change.
        look: what happens in the middle of each look.
        failing: the names of those whose change fails.
        running: how many are being changed now.
        most_running: how many were being changed at once at most.
    """

    things: dict[str, str] = field(default_factory=dict)
    applied: Counter[str] = field(default_factory=Counter)
    cleaned: list[str] = field(default_factory=list)
    hooks: dict[str, Hook] = field(default_factory=dict)
    every: Hook | None = None
    look: Hook | None = None
    failing: set[str] = field(default_factory=set)
    running: int = 0
    most_running: int = 0


class ThingState(State):
    """What a thing is."""

    value: str | None


class Thing(Item[ThingState]):
    """A thing of the world, which has a value; it may be made of other things' values."""

    name: str
    value: str = "there"
    made_of: tuple[str | None, ...] = ()

    async def state_current(self, ctx: ItemCtx) -> ThingState:
        """What is there."""
        world = ctx.resources.get(World)
        if world.look is not None:
            await world.look(ctx)
        return ThingState(value=world.things.get(self.name))

    async def state_goal(self, ctx: ItemCtx) -> ThingState:
        """The value, and those that it is made of."""
        return ThingState(value="+".join([self.value, *(value or "" for value in self.made_of)]))

    async def apply(self, ctx: ItemCtx, current: ThingState, goal: ThingState) -> ThingState:
        """Changes what is there."""
        world = ctx.resources.get(World)
        if goal.value is None:
            if self.name in world.failing:
                raise ItemFailure(f"{self.name} does not want to go.", help="leave it alone")
            world.things.pop(self.name, None)
            world.cleaned.append(self.name)
            return goal
        world.running += 1
        world.most_running = max(world.most_running, world.running)
        try:
            for hook in (world.every, world.hooks.get(self.name)):
                if hook is not None:
                    await hook(ctx)
            if self.name in world.failing:
                raise ItemFailure(f"{self.name} does not want to.", help="leave it alone")
            world.applied[self.name] += 1
            world.things[self.name] = goal.value
        finally:
            world.running -= 1
        return goal


@dataclass
class Recorded:
    """A sink that keeps what it is told."""

    events: list[Event] = field(default_factory=list)
    closed: bool = False

    def receive(self, events: Sequence[Event]) -> None:
        """Keeps events."""
        self.events += events

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True

    def ended(self) -> dict[ItemId, str]:
        """By item, how it ended last."""
        return {
            event.item: str(event.status) for event in self.events if isinstance(event, ItemEnded)
        }


class Stage:
    """Runs commands on a flow of things.

    Attributes:
        world: what is there.
        sender: interrupts what runs.
        sink: what was told.
        folder: the workspace.
    """

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        self.folder = folder
        self.world = World()
        self.sink = Recorded()
        self.sender: InterruptSender
        self.sender, self._receiver = interrupt_channel()
        self.workspace = Workspace(folder, "stage")

    def flow(
        self, needs: Mapping[str, Iterable[str]], tags: Mapping[str, Collection[str]] | None = None
    ) -> Flow:
        """A flow of things, each made of those that it needs; these must come before it."""
        tagged = tags or {}
        flow = Flow("things")
        handles: dict[str, Handle[ThingState]] = {}
        for name, needed in needs.items():
            made_of = tuple(handles[each].state.value for each in needed)
            thing = Thing(name=name, made_of=made_of)
            handles[name] = flow.add(name, thing, tags=tagged.get(name, ()))
        return flow

    def ctx(
        self,
        flow: Flow,
        *,
        strategy: InterruptStrategy | None = None,
        at_once: int = 4,
        ladder: LadderTimes | None = None,
        store: StateStore | None = None,
    ) -> CmdCtx:
        """What commands run on."""
        resources = Resources()
        resources.insert(self.world)
        return CmdCtx(
            app="stage",
            workspace=self.workspace,
            profile="dev",
            flow=flow.build(),
            store=store or self.store(flow),
            interruptibility=Interruptible(self._receiver, strategy or FinishCurrent()),
            sinks=(self.sink,),
            settings=ExecutionSettings(max_concurrency=at_once, ladder=ladder or LadderTimes()),
            resources=resources,
        )

    def store(self, flow: Flow) -> YamlStateStore:
        """Where the states are."""
        return YamlStateStore(self.workspace.flow_folder("dev", flow.id), sync=False)
