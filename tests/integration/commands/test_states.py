"""What is stored is corrected by hand: forgotten, moved, adopted; nothing that is there changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, cast

import pytest

from peaceful import Flow, Item, ItemCtx, ItemStatus, Resources, State
from peaceful._commands.ownership import load_owned
from peaceful._commands.run_request import EditName
from peaceful._commands.states import StatesCmd
from peaceful._errors.running import EntryRefused
from peaceful._item.item import AnyItem
from peaceful._storage.stored_state import Origin
from peaceful.commands import CmdOutcome, Complete, RunRequest, StateKind, StoredState
from peaceful.errors import NameInvalid, NameUnknown, ParamsInvalid, UsageError
from peaceful.testing import FlowHarness


class World:
    """What is really there, by place."""

    def __init__(self) -> None:
        """Begins empty."""
        self.things: set[str] = set()


class Known(State):
    """Whether something is there."""

    there: bool | None = None


class Plain(Item[Known]):
    """Something at a place, that does not say which thing it is."""

    place: str

    def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there."""
        there = self.place in ctx.resources.get(World).things
        return Known(there=there or None)

    def state_goal(self, ctx: ItemCtx) -> Known:
        """What is to lie there."""
        return Known(there=True)

    def apply(self, ctx: ItemCtx, current: Known, goal: Known) -> Known:
        """Puts it there, or takes it away."""
        things = ctx.resources.get(World).things
        (things.add if goal.there else things.discard)(self.place)
        return goal


class Thing(Plain):
    """Something at a place, which says so."""

    identifies: ClassVar[tuple[str, ...]] = ("place",)


class Yard:
    """Runs commands of a flow that is another one each time."""

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        self.world = World()
        resources = Resources()
        resources.insert(self.world)
        self._items: Mapping[str, AnyItem] = {}
        self.harness = FlowHarness(self._declare, folder, resources=resources)

    def _declare(self, flow: Flow) -> None:
        for name, item in self._items.items():
            flow.add(name, item)
        for before, after in pairwise(self._items):
            flow.edge(before, after)

    def of(self, **items: AnyItem) -> FlowHarness:
        """The harness of a flow of these items, one after the other."""
        self._items = items
        return self.harness

    async def edit(self, command: str, *items: str, dry_run: bool = False) -> CmdOutcome[object]:
        """Corrects what is stored."""
        request = RunRequest(
            command=cast("EditName", command), profile="p", flow="f", only=items, dry_run=dry_run
        )
        return await request.run(self.harness.ctx)

    @property
    def stored(self) -> Mapping[str, StoredState]:
        """What is stored of current states."""
        return self.harness.store.load(StateKind.CURRENT)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """An empty yard."""
    return Yard(tmp_path)


async def test_what_is_forgotten_stays_and_is_nobody_s(yard: Yard) -> None:
    """Both of its states are dropped; found again, it is not cleaned up, as it is nobody's."""
    harness = yard.of(a=Thing(place="x"), b=Thing(place="y"))
    await harness.ensure()
    outcome = await yard.edit("states forget", "a")
    assert isinstance(outcome, Complete)
    assert outcome.items["a"].status is ItemStatus.DONE
    assert set(yard.stored) == set(harness.store.load(StateKind.GOAL)) == {"b"}
    assert yard.world.things == {"x", "y"}
    await harness.clean()
    assert yard.world.things == {"x"}


async def test_what_has_left_is_forgotten(yard: Yard) -> None:
    """Then no command tells of it any more; to forget what is not stored changes nothing."""
    await yard.of(a=Thing(place="x"), b=Thing(place="y")).ensure()
    harness = yard.of(a=Thing(place="x"), c=Thing(place="z"))
    outcome = await yard.edit("states forget", "b", "c")
    assert [outcome.items[name].status for name in "bc"] == [
        ItemStatus.DONE,
        ItemStatus.UNCHANGED,
    ]
    harness.events.clear()
    await harness.discover()
    assert not [event for event in harness.events if "no longer in the flow" in str(event)]


async def test_what_was_found_is_adopted(yard: Yard) -> None:
    """Then it counts as made, and `clean` removes it; once more, there is nothing to do."""
    yard.world.things.add("x")
    harness = yard.of(a=Thing(place="x"))
    await harness.ensure()
    before = yard.stored["a"]
    assert before.origin is Origin.FOUND
    assert (await yard.edit("states adopt", "a")).items["a"].status is ItemStatus.DONE
    assert yard.stored["a"] == replace(before, origin=Origin.MADE)
    assert (await yard.edit("states adopt", "a")).items["a"].status is ItemStatus.UNCHANGED
    await harness.clean()
    assert yard.world.things == set()


@pytest.mark.parametrize("known", [False, True])
async def test_what_is_not_there_cannot_be_adopted(yard: Yard, known: bool) -> None:
    """Whether it was looked at or not; then none of the others is adopted either."""
    yard.world.things.add("x")
    harness = yard.of(a=Thing(place="x"), b=Thing(place="y"))
    if known:
        await harness.discover()
    with pytest.raises(EntryRefused, match="b cannot be adopted" if known else "cannot be adopted"):
        await yard.edit("states adopt", "a", "b")
    assert [each.origin for each in yard.stored.values()] == [Origin.FOUND, Origin.ABSENT] * known


async def test_a_moved_entry_is_the_other_item_s(yard: Yard) -> None:
    """An item without an identity, renamed: told so, it is the same thing, and nothing is made.

    What stood on it stands on the new name.
    """
    await yard.of(one=Plain(place="x"), two=Plain(place="y")).ensure()
    harness = yard.of(uno=Plain(place="x"), two=Plain(place="y"))
    assert set(load_owned(harness.ctx.flow, harness.store).left) == {"one"}
    outcome = await yard.edit("states move", "one", "uno")
    assert [outcome.items[name].status for name in ("one", "uno")] == [ItemStatus.DONE] * 2
    assert set(yard.stored) == set(harness.store.load(StateKind.GOAL)) == {"uno", "two"}
    assert yard.stored["two"].needs == ("uno",)
    assert (await harness.ensure()).items_with(ItemStatus.UNCHANGED) == ("uno", "two")
    await harness.clean()
    assert yard.world.things == set()


async def test_where_something_is_known_nothing_is_moved(yard: Yard) -> None:
    """It would be forgotten by that. What is known not to be there may be replaced."""
    await yard.of(one=Plain(place="x")).ensure()
    harness = yard.of(uno=Plain(place="x"), dos=Plain(place="y"))
    await harness.discover()
    before = dict(yard.stored)
    with pytest.raises(EntryRefused, match="cannot be moved to uno"):
        await yard.edit("states move", "one", "uno")
    assert yard.stored == before
    await yard.edit("states move", "one", "dos")
    assert yard.stored["dos"].origin is Origin.MADE


async def test_an_entry_is_not_moved_to_an_item_of_another_class(yard: Yard) -> None:
    """That could not look after it."""
    await yard.of(one=Plain(place="x")).ensure()
    yard.of(uno=Thing(place="z"))
    with pytest.raises(EntryRefused, match=r"Plain.*Thing"):
        await yard.edit("states move", "one", "uno")


async def test_unknown_names(yard: Yard) -> None:
    """They are refused with the nearest ones first, and nothing begins."""
    await yard.of(**{f"item_{n}": Plain(place=str(n)) for n in range(40)}).ensure()
    yard.harness.events.clear()
    for command, names in (
        ("states forget", ["item_1", "itm_35"]),
        ("states adopt", ["itm_35"]),
        ("states move", ["itm_35", "b"]),
    ):
        with pytest.raises(NameUnknown) as refused:
            await yard.edit(command, *names)
        assert "item_35" in refused.value.details[0][1]
    with pytest.raises(NameInvalid):
        await yard.edit("states move", "item_1", "../item")
    assert yard.harness.events == []


async def test_without_names(yard: Yard) -> None:
    """Nothing is not everything."""
    yard.of(a=Plain(place="x"))
    for command, names in (("states forget", []), ("states move", ["a"])):
        with pytest.raises(ParamsInvalid):
            await yard.edit(command, *names)
    with pytest.raises(UsageError):
        await StatesCmd.forget(yard.harness.ctx, ())


@pytest.mark.parametrize(
    ("command", "names"),
    [("states forget", ["a"]), ("states adopt", ["b"]), ("states move", ["a", "c"])],
)
async def test_a_dry_run_changes_nothing(yard: Yard, command: str, names: list[str]) -> None:
    """It says what would be done; also where a name was taken over just now."""
    yard.world.things.add("y")
    await yard.of(was=Thing(place="x"), b=Thing(place="y")).ensure()
    yard.of(a=Thing(place="x"), b=Thing(place="y"))
    before = dict(yard.stored)
    outcome = await yard.edit(command, *names, dry_run=True)
    assert {outcome.items[name].status for name in names} == {ItemStatus.WOULD_CHANGE}
    assert yard.stored == before
    await yard.edit(command, *names)
    assert yard.stored != before
