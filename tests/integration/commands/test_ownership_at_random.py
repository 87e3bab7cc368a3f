"""Flows that are edited at random: what is out there is what the states say, and others' stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st

from peaceful import Flow, Item, ItemCtx, Resources, State
from peaceful.commands import Complete, StateKind
from peaceful.testing import FlowHarness, MemoryStateStore

PLACES = "abcdef"
NAMES = ("n0", "n1", "n2", "n3")


@dataclass
class World:
    """What is out there.

    Attributes:
        things: by place, what lies there.
        ours: the places where we have put something.
        countdown: how many more things may be put or taken before something happens.
        happens: what happens then; it is in the middle of a change.
    """

    things: dict[str, str] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    countdown: int = -1
    happens: Callable[[], object] = lambda: None

    def step(self) -> None:
        """Half of a change is done."""
        self.countdown -= 1
        if self.countdown == 0:
            self.happens()


class Known(State):
    """What lies at a place."""

    what: str | None = None


class Thing(Item[Known]):
    """Something at a place."""

    place: str
    what: str = "thing"

    def identity(self) -> str:
        """Its place."""
        return self.place

    async def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there."""
        return Known(what=ctx.resources.get(World).things.get(self.place))

    async def state_goal(self, ctx: ItemCtx) -> Known:
        """What is to lie there."""
        return Known(what=self.what)

    async def apply(self, ctx: ItemCtx, current: Known, goal: Known) -> Known:
        """Puts it there, or takes it away."""
        world = ctx.resources.get(World)
        world.step()
        if goal.what is None:
            world.things.pop(self.place, None)
            world.ours.discard(self.place)
        else:
            if self.place not in world.things:
                world.ours.add(self.place)
            world.things[self.place] = goal.what
        world.step()
        return goal


class First(Thing):
    """Something of which the former one is removed first."""

    def removed_first(self, former: str) -> bool:
        """Whichever that is."""
        return True


@dataclass(frozen=True)
class Edit:
    """The flow as it is next: by name, the place, and what is to lie there."""

    items: dict[str, tuple[str, str]]
    first: bool
    was: dict[str, str]

    def declare(self, flow: Flow) -> None:
        """Adds the items, one standing on the other."""
        before = None
        for name, (place, what) in self.items.items():
            kind = First if self.first else Thing
            flow.add(name, kind(place=place, what=what), was=self.was.get(name, ""))
            if before is not None:
                flow.edge(before, name)
            before = name


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Any flow of some items, each with a place of its own."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    places = draw(st.permutations(PLACES))
    whats = draw(st.lists(st.sampled_from(["thing", "other"]), min_size=4, max_size=4))
    gone = [name for name in NAMES if name not in names]
    was = dict(zip(names, gone, strict=False)) if draw(st.booleans()) else {}
    return Edit(
        dict(zip(names, zip(places, whats, strict=False), strict=False)), draw(st.booleans()), was
    )


COMMANDS = ("ensure", "ensure", "prune", "replace", "discover", "clean", "left")
STEPS = st.lists(
    st.tuples(
        edits(),
        st.sampled_from(COMMANDS),
        st.sampled_from(["", "", "interrupted", "killed", "lost its power"]),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=8,
)


class Run:
    """One world, and the commands that are run in it."""

    def __init__(self, folder: Path, foreign: str) -> None:
        """Begins with what others have put there."""
        self.folder = folder
        self.foreign = set(foreign)
        self.world = World(dict.fromkeys(foreign, "foreign"))
        self.store = MemoryStateStore()

    async def command(self, edit: Edit, command: str, trouble: str, after: int) -> bool:
        """Runs a command, in which something may happen; whether it ran to its end."""
        resources = Resources()
        resources.insert(self.world)
        store = self.store
        harness = FlowHarness(edit.declare, self.folder, store=store, resources=resources)
        taken: list[tuple[MemoryStateStore, dict[str, str], set[str]]] = []

        def killed() -> None:
            left = store.after_kill() if trouble == "killed" else store.after_power_loss()
            taken.append((left, dict(self.world.things), set(self.world.ours)))

        self.world.countdown = after if trouble else -1
        self.world.happens = harness.sender.request if trouble == "interrupted" else killed
        outcome = await self._outcome(harness, edit, command)
        if taken:
            # What it did after that was never done.
            self.store, self.world.things, self.world.ours = taken[0]
            return False
        return isinstance(outcome, Complete)

    async def _outcome(self, harness: FlowHarness, edit: Edit, command: str) -> object:
        match command:
            case "ensure":
                return await harness.ensure()
            case "prune":
                return await harness.ensure(prune=True)
            case "replace":
                return await harness.ensure(replace=[*edit.items][:1])
            case "discover":
                return await harness.discover()
            case "clean":
                return await harness.clean()
            case _:
                return await harness.clean(left=True)

    def check(self) -> None:
        """Nothing of others is gone, and nothing of ours is forgotten."""
        assert self.foreign <= self.world.things.keys()
        assert self.world.things.keys() == self.foreign | self.world.ours
        stored = self.store.load(StateKind.CURRENT)
        known = {
            str(entry.params["place"])
            for entry in stored.values()
            if entry.params is not None and entry.is_there
        }
        # An entry that says nothing yet is of an item that was begun when the lights went out.
        begun = [name for name, entry in stored.items() if not entry.known]
        assert self.world.ours <= known or begun


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which nothing is stored."""
    return tmp_path_factory.mktemp("random")


@examples(150, soak=4_000)
@given(st.sets(st.sampled_from(PLACES), max_size=2).map("".join), STEPS)
def test_nothing_is_forgotten_and_nothing_of_others_touched(
    folder: Path, foreign: str, steps: list[tuple[Edit, str, str, int]]
) -> None:
    """However a flow is edited, and whatever cuts its commands off."""

    async def live() -> None:
        run = Run(folder, foreign)
        for edit, command, trouble, after in steps:
            await run.command(edit, command, trouble, after)
            run.check()
        last = steps[-1][0]
        # The same command carries on, and what was to be is; then everything is cleaned up.
        assert await run.command(last, "prune", "", 0)
        assert run.world.things.keys() == run.foreign | {place for place, _ in last.items.values()}
        run.check()
        assert await run.command(last, "clean", "", 0)
        assert run.world.things.keys() == run.foreign
        assert not run.world.ours

    asyncio.run(live())
