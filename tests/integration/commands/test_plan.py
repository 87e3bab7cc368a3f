"""What would be done is said, kept, and done just so, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from peaceful import Flow, Item, ItemCtx, ItemStatus, Resources, State, mapped
from peaceful._errors.running import PlanStale
from peaceful.commands import BlockInterrupted, Complete, ItemError, Plan
from peaceful.errors import FileDamaged
from peaceful.testing import FlowHarness


class World:
    """What is out there, by place; and what is called before each change."""

    def __init__(self) -> None:
        """Begins empty."""
        self.things: dict[str, str] = {}
        self.done: list[str] = []
        self.before_change: Callable[[], object] = lambda: None


class Known(State):
    """What lies at a place."""

    what: str | None = None


class Thing(Item[Known]):
    """Something at a place."""

    identifies: ClassVar[tuple[str, ...]] = ("place",)

    place: str
    what: str = "thing"
    token: SecretStr | None = None

    def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there."""
        return Known(what=ctx.resources.get(World).things.get(self.place))

    def state_goal(self, ctx: ItemCtx) -> Known:
        """What is to lie there."""
        return Known(what=self.what)

    def apply(self, ctx: ItemCtx, current: Known, goal: Known) -> Known:
        """Put it there, or take it away."""
        world = ctx.resources.get(World)
        world.before_change()
        if goal.what is None:
            world.done.append(f"-{self.place}")
            del world.things[self.place]
        else:
            world.done.append(f"+{self.place}")
            world.things[self.place] = goal.what
        return goal


class Yard:
    """Runs commands of a flow that is another one each time."""

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        self.world = World()
        self.items: Mapping[str, Thing] = {}
        resources = Resources()
        resources.insert(self.world)
        self.harness = FlowHarness(self._declare, folder, resources=resources)

    def _declare(self, flow: Flow) -> None:
        before = ""
        for name, item in self.items.items():
            flow.add(name, item)
            if before:
                flow.edge(before, name)
            before = name

    async def plan(self, items: Mapping[str, Thing], **options: object) -> Plan:
        """The plan for a flow of these items."""
        self.items = items
        outcome = await self.harness.plan(**options)  # type: ignore[arg-type]  # as given
        assert isinstance(outcome, Complete)
        assert self.world.done == []
        return outcome.value


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """A world with nothing in it."""
    return Yard(tmp_path)


def things(places: str) -> dict[str, Thing]:
    """A thing for each place."""
    return {f"n{place}": Thing(place=place) for place in places}


async def test_what_is_planned_is_done(yard: Yard, tmp_path: Path) -> None:
    """By whoever has the plan: created, changed, replaced, removed; each is said before."""
    yard.items = things("abcd")
    await yard.harness.ensure()
    yard.world.done.clear()
    yard.world.things["a"] = "other"
    items = {"na": Thing(place="a"), "nb": Thing(place="x"), "nc": Thing(place="c")}
    plan = await yard.plan({**items, "new": Thing(place="n")}, prune=True)
    assert {item: each.status for item, each in plan.items.items()} == {
        "na": ItemStatus.WOULD_CHANGE,
        "nb": ItemStatus.WOULD_CREATE,
        "nb__before": ItemStatus.WOULD_REMOVE,
        "nc": ItemStatus.UNCHANGED,
        "nd": ItemStatus.WOULD_REMOVE,
        "new": ItemStatus.WOULD_CREATE,
    }
    assert plan.remarks == (
        "nb looks after another thing now; the former one is known as nb__before",
    )
    assert plan.differs
    plan.save(tmp_path / "plan")
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600
    assert Plan.load(tmp_path / "plan") == plan
    assert isinstance(await yard.harness.apply(Plan.load(tmp_path / "plan")), Complete)
    assert yard.world.things == dict.fromkeys("axcn", "thing")
    # What is done is as planned, too: there is nothing left of it.
    yard.world.done.clear()
    assert isinstance(await yard.harness.apply(plan), Complete)
    assert yard.world.done == []
    again = await yard.plan(yard.items)
    assert not again.differs


async def test_what_has_changed_since_is_named(yard: Yard) -> None:
    """And nothing is done: states, goals, declarations, edges, items that came and went."""
    plan = await yard.plan(things("abc"))
    for items, world, named in (
        (things("abc"), {"b": "others'"}, {"nb"}),
        (things("ab"), {}, {"nc", "flow"}),
        (things("abcd"), {}, {"nd", "flow"}),
        (things("acb"), {}, {"flow"}),
        ({**things("abc"), "nb": Thing(place="b", what="else")}, {}, {"nb"}),
    ):
        yard.items, yard.world.things = items, world
        with pytest.raises(PlanStale) as caught:
            await yard.harness.apply(plan)
        assert {label for label, _ in caught.value.changed} == named
        assert yard.world.done == []
        assert caught.value.help


async def test_what_changes_while_it_is_done(yard: Yard) -> None:
    """After all was looked at: that item fails, what stands on it is not started."""
    plan = await yard.plan(things("abc"))
    yard.world.before_change = lambda: yard.world.things.setdefault("b", "others'")
    outcome = await yard.harness.apply(plan)
    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["nb"], PlanStale)
    assert outcome.items["nc"].status is ItemStatus.NOT_STARTED
    assert yard.world.things == {"a": "thing", "b": "others'"}


@examples(40, soak=2_000)
@given(st.integers(1, 8), st.booleans())
def test_interrupted_and_carried_on(
    tmp_path_factory: pytest.TempPathFactory, after: int, replace: bool
) -> None:
    """Under the same plan, at whichever change: what is done is not done again."""

    async def live() -> None:
        yard = Yard(tmp_path_factory.mktemp("yard"))
        yard.items = things("abcd")
        await yard.harness.ensure()
        yard.world.done.clear()
        items = {"na": Thing(place="a"), "nb": Thing(place="x"), "nc": Thing(place="c")}
        plan = await yard.plan(items, prune=True, replace=["na"] if replace else [])
        left = [after]

        def count() -> None:
            left[0] -= 1
            if left[0] == 0:
                yard.harness.sender.request()

        yard.world.before_change = count
        first = await yard.harness.apply(plan)
        assert isinstance(first, (Complete, BlockInterrupted))
        yard.world.before_change = lambda: None
        carried_on = (
            yard.harness
            if left[0] > 0
            else FlowHarness(
                yard._declare,
                yard.harness.ctx.workspace.root,
                store=yard.harness.store,
                resources=yard.harness.ctx.resources,
            )
        )
        assert isinstance(await carried_on.apply(plan), Complete)
        told = [getattr(event, "text", "") for event in carried_on.events]
        assert not any("is not replaced" in text for text in told)
        assert yard.world.things == dict.fromkeys("axc", "thing")
        assert len(yard.world.done) == len({*yard.world.done})

    asyncio.run(live())


async def test_what_is_known_only_afterwards(tmp_path: Path) -> None:
    """It is planned as such, and done as it turns out."""
    world = World()
    resources = Resources()
    resources.insert(world)

    def declare(flow: Flow) -> None:
        first = flow.add("first", Thing(place="a"))
        made = mapped("after", lambda what: f"after {what}", first.state.what)
        flow.add("second", Thing(place="b", what=made))

    harness = FlowHarness(declare, tmp_path, resources=resources)
    planned = await harness.plan()
    assert isinstance(planned, Complete)
    assert isinstance(await harness.apply(planned.value), Complete)
    assert world.things == {"a": "thing", "b": "after thing"}


def test_a_file_that_is_no_plan(tmp_path: Path) -> None:
    """It is refused, and so is one that somebody has changed."""
    for text in ("", "{}", '{"peaceful": "backup", "form": 1}'):
        (tmp_path / "it").write_text(text)
        with pytest.raises(FileDamaged, match="not a plan"):
            Plan.load(tmp_path / "it")
