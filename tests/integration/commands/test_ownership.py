"""What was made is known by what it is: renamed, moved up, replaced, left, found, kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr

from peaceful import Flow, Item, ItemCtx, ItemStatus, Resources, State, mapped
from peaceful._errors.running import IdentityTaken, ItemNeeded, NotCleaned
from peaceful._item.item import AnyItem
from peaceful.commands import Complete, ItemError, StateKind, StatusCmd
from peaceful.errors import NameTaken
from peaceful.testing import FlowHarness


class World:
    """What is really there, by place, and what was done."""

    def __init__(self) -> None:
        """Begins empty."""
        self.things: dict[str, str] = {}
        self.done: list[str] = []


class Known(State):
    """What lies at a place."""

    what: str | None = None


class Plain(Item[Known]):
    """Something at a place, that does not say which thing it is."""

    place: str
    what: str = "thing"

    def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there."""
        return Known(what=ctx.resources.get(World).things.get(self.place))

    def state_goal(self, ctx: ItemCtx) -> Known:
        """What is to lie there."""
        return Known(what=self.what)

    def apply(self, ctx: ItemCtx, current: Known, goal: Known) -> Known:
        """Puts it there, or takes it away."""
        world = ctx.resources.get(World)
        if goal.what is None:
            world.done.append(f"-{self.place}")
            world.things.pop(self.place, None)
        else:
            world.done.append(f"+{self.place}")
            world.things[self.place] = goal.what
        return goal


class Thing(Plain):
    """Something at a place, which says so."""

    identifies: ClassVar[tuple[str, ...]] = ("place",)


class Whole(Thing):
    """Something that replaces what it finds."""

    takes_over: ClassVar[bool] = True


class Named(Plain):
    """Something that cannot be at two places at once."""

    identifies: ClassVar[tuple[str, ...]] = ("place",)

    def removed_first(self, former: str) -> bool:
        """Whichever that is."""
        return True


class Guarded(Thing):
    """Something that takes a secret to be touched."""

    token: SecretStr

    def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there, for whoever knows the secret."""
        assert self.token.get_secret_value() == "hunter2"
        return super().state_current(ctx)


Items = Mapping[str, AnyItem]


class Yard:
    """Runs commands of a flow that is another one each time."""

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        self.world = World()
        resources = Resources()
        resources.insert(self.world)
        self._declare: Callable[[Flow], object] = lambda _: None
        self.harness = FlowHarness(self._declared, folder, resources=resources)

    def _declared(self, flow: Flow) -> None:
        self._declare(flow)

    def is_of(self, items: Items, *, was: Mapping[str, str] | None = None) -> FlowHarness:
        """The harness of a flow of these items, one after the other."""

        def declare(flow: Flow) -> None:
            for name, item in items.items():
                flow.add(name, item, was=(was or {}).get(name, ""))
            for before, after in pairwise(items):
                flow.edge(before, after)

        self._declare = declare
        return self.harness

    @property
    def stored(self) -> set[str]:
        """The names of what is stored."""
        return set(self.harness.store.load(StateKind.CURRENT))


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """An empty yard."""
    return Yard(tmp_path)


def things(*places: str, kind: type[Plain] = Thing) -> dict[str, AnyItem]:
    """Items that are named by their number, as those of a list are."""
    return {f"n{number}": kind(place=place) for number, place in enumerate(places)}


async def test_a_renamed_item_takes_over_what_it_is(yard: Yard) -> None:
    """Nothing is applied, nothing cleaned; the former name is gone, and a line says so."""
    await yard.is_of({"one": Thing(place="x")}).ensure()
    outcome = await yard.is_of({"uno": Thing(place="x")}).ensure()
    assert outcome.items["uno"].status is ItemStatus.UNCHANGED
    assert yard.world.done == ["+x"]
    assert yard.stored == {"uno"}
    assert "uno takes over what one has made" in [
        getattr(event, "text", "") for event in yard.harness.events
    ]
    await yard.harness.clean()
    assert yard.world.things == {}


async def test_it_is_seen_before_it_is_done(yard: Yard) -> None:
    """What is stored, and a dry run, show the new name; and change nothing."""
    await yard.is_of({"one": Thing(place="x")}).ensure()
    harness = yard.is_of({"uno": Thing(place="x")})
    known = StatusCmd.exec(harness.ctx)
    assert (known["uno"].shown, known["uno"].in_flow) == ("what=thing", True)
    assert set(known) == {"uno"}
    dry = await harness.ensure(dry_run=True)
    assert dry.items["uno"].status is ItemStatus.UNCHANGED
    assert yard.stored == {"one"}


async def test_names_that_move_up(yard: Yard) -> None:
    """It is not the name that counts: what left the list is left, and nothing else is touched."""
    await yard.is_of(things("a", "b", "c")).ensure()
    outcome = await yard.is_of(things("b", "c")).ensure()
    assert set(outcome.items_with(ItemStatus.UNCHANGED)) == {"n0", "n1"}
    assert yard.world.done == ["+a", "+b", "+c"]
    await yard.harness.clean(left=True)
    assert yard.world.things == {"b": "thing", "c": "thing"}
    await yard.harness.clean()
    assert yard.world.things == {}
    assert yard.stored == {"n0", "n1"}


async def test_an_item_that_is_given_another_thing(yard: Yard) -> None:
    """The former one is removed once the new one is there."""
    await yard.is_of({"one": Thing(place="x")}).ensure()
    harness = yard.is_of({"one": Thing(place="y")})
    dry = await harness.ensure(dry_run=True)
    assert dry.items["one"].status is ItemStatus.WOULD_CREATE
    assert dry.items["one__before"].status is ItemStatus.WOULD_REMOVE
    outcome = await harness.ensure()
    assert isinstance(outcome, Complete)
    assert yard.world.done == ["+x", "+y", "-x"]
    assert yard.stored == {"one"}


async def test_items_that_change_places(yard: Yard) -> None:
    """Each takes over what the other one has made."""
    await yard.is_of({"one": Thing(place="x"), "two": Thing(place="y")}).ensure()
    await yard.is_of({"one": Thing(place="y"), "two": Thing(place="x")}).ensure()
    assert yard.world.done == ["+x", "+y"]
    await yard.harness.clean()
    assert yard.world.things == {}


async def test_what_cannot_be_there_twice_is_removed_first(yard: Yard) -> None:
    """With all that stands on it, inside first; then all is made anew, inside last."""
    inside: Items = {"inner": Thing(place="i"), "innermost": Thing(place="ii")}
    await yard.is_of({"outer": Named(place="x"), **inside}).ensure()
    yard.world.done.clear()
    harness = yard.is_of({"outer": Named(place="y"), **inside})
    assert isinstance(await harness.ensure(), Complete)
    assert yard.world.done == ["-ii", "-i", "-x", "+y", "+i", "+ii"]
    assert yard.stored == {"outer", "inner", "innermost"}


@pytest.mark.parametrize("former", ["x/y", "x#y", "/", "x"])
async def test_what_lies_in_the_way_is_removed_first(yard: Yard, former: str) -> None:
    """Of two things, one of which lies within the other; not of things whose names begin alike."""
    own = "xy" if former == "x" else "/x" if former == "/" else "x"
    await yard.is_of({"one": Thing(place=former)}).ensure()
    yard.world.done.clear()
    assert isinstance(await yard.is_of({"one": Thing(place=own)}).ensure(), Complete)
    there, back = [f"-{former}", f"+{own}"], [f"-{own}", f"+{former}"]
    assert yard.world.done == (there[::-1] if former == "x" else there)
    yard.world.done.clear()
    assert isinstance(await yard.is_of({"one": Thing(place=former)}).ensure(), Complete)
    assert yard.world.done == (back[::-1] if former == "x" else back)


async def test_made_anew_on_request(yard: Yard) -> None:
    """`replace` removes a thing with what stands on it, although it is as it should be."""
    harness = yard.is_of(things("a", "b", "c"))
    await harness.ensure()
    yard.world.done.clear()
    assert isinstance(await harness.ensure(replace=["n1"]), Complete)
    assert yard.world.done == ["-c", "-b", "+b", "+c"]
    assert isinstance(await harness.ensure(), Complete)
    assert yard.world.done == ["-c", "-b", "+b", "+c"]


async def test_only_what_is_selected_is_replaced(yard: Yard) -> None:
    """A command that is limited to another item leaves it, and what stands on it, as they are."""
    inside: Items = {"inner": Thing(place="i")}
    other: Items = {"other": Thing(place="o")}
    await yard.is_of({**other, "outer": Named(place="x"), **inside}).ensure()
    yard.world.done.clear()
    harness = yard.is_of({**other, "outer": Named(place="y"), **inside})
    assert isinstance(await harness.ensure(only=["other"]), Complete)
    assert yard.world.done == []
    # What stands on it goes first in any case: it would be destroyed with it.
    assert isinstance(await harness.ensure(only=["outer"]), Complete)
    assert yard.world.done == ["-i", "-x", "+y"]
    assert isinstance(await harness.ensure(), Complete)
    assert yard.world.things == {"o": "thing", "y": "thing", "i": "thing"}
    assert yard.stored == {"other", "outer", "inner"}


@pytest.mark.parametrize("kind", [Thing, Named])
async def test_looking_first_changes_nothing_of_it(yard: Yard, kind: type[Plain]) -> None:
    """What is replaced is so, also where another command has found that out before."""
    await yard.is_of({"one": kind(place="x"), "two": Thing(place="i")}).ensure()
    yard.world.done.clear()
    harness = yard.is_of({"one": kind(place="y"), "two": Thing(place="i")})
    assert isinstance(await harness.diff(), Complete)
    assert isinstance(await harness.discover(), Complete)
    assert isinstance(await harness.ensure(), Complete)
    assert yard.world.done == (["+y", "-x"] if kind is Thing else ["-i", "-x", "+y", "+i"])
    assert yard.stored == {"one", "two"}


async def test_what_was_found_is_not_replaced(yard: Yard) -> None:
    """That is told, with what to do about it."""
    yard.world.things["x"] = "thing"
    harness = yard.is_of({"one": Thing(place="x")})
    assert isinstance(await harness.ensure(), Complete)
    harness.events.clear()
    assert isinstance(await harness.ensure(replace=["one"]), Complete)
    assert yard.world.done == []
    told = [getattr(event, "text", "") for event in harness.events]
    assert any("first: `states adopt one`" in text for text in told)


async def test_what_has_left_is_told_and_pruned(yard: Yard) -> None:
    """Every command says so; `prune` removes it at last, in reverse order."""
    await yard.is_of(things("a", "b", "c")).ensure()
    yard.world.done.clear()
    harness = yard.is_of(things("a"))
    for command in (harness.diff, harness.ensure, harness.discover):
        assert isinstance(await command(), Complete)
        told = [getattr(event, "text", "") for event in harness.events]
        assert any("n2 and n1 are no longer in the flow" in text for text in told), told
        harness.events.clear()
    dry = await harness.ensure(prune=True, dry_run=True)
    assert set(dry.items_with(ItemStatus.WOULD_REMOVE)) == {"n1", "n2"}
    assert yard.world.done == []
    assert isinstance(await harness.ensure(prune=True), Complete)
    assert yard.world.done == ["-c", "-b"]
    assert yard.stored == {"n0"}


async def test_a_limit_that_nothing_meets_is_one(yard: Yard) -> None:
    """What is in the flow has not left it: nothing is cleaned up then, instead of all that has."""
    await yard.is_of(things("a", "b", "c")).ensure()
    yard.world.done.clear()
    harness = yard.is_of(things("a"))
    assert isinstance(await harness.clean(left=True, only=["n0"]), Complete)
    assert yard.world.done == []
    assert isinstance(await harness.clean(left=True, only=["n2"]), Complete)
    assert yard.world.done == ["-c"]


async def test_what_a_later_version_has_stored_and_left(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version does not know what it is, so it does not touch it, and says so."""
    monkeypatch.setattr(Thing, "item_version", 2)
    await yard.is_of({"one": Thing(place="x")}).ensure()
    monkeypatch.setattr(Thing, "item_version", 1)
    harness = yard.is_of({})
    for outcome in (await harness.clean(), await harness.ensure(prune=True)):
        assert isinstance(outcome, ItemError)
        assert isinstance(outcome.errors["one"], NotCleaned)
        assert "a later version of the program stored it" in outcome.errors["one"].message
    assert yard.world.things == {"x": "thing"}
    assert yard.stored == {"one"}


@pytest.mark.parametrize("kind", [Plain, Thing])
async def test_what_may_be_another_items_is_not_pruned(yard: Yard, kind: type[Plain]) -> None:
    """An item that says nothing of its thing, renamed: nobody guesses, and nothing is destroyed."""
    await yard.is_of({"one": kind(place="x")}).ensure()
    outcome = await yard.is_of({"uno": kind(place="x")}).ensure(prune=True)
    assert yard.world.things == {"x": "thing"}
    if kind is Thing:
        assert isinstance(outcome, Complete)
        return
    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["one"], NotCleaned)
    assert 'was="one"' in outcome.errors["one"].help
    assert isinstance(await yard.harness.clean(left=True), ItemError)
    assert yard.world.things == {"x": "thing"}
    # Told so, it is the same thing.
    renamed = yard.is_of({"uno": kind(place="x")}, was={"uno": "one"})
    await renamed.clean()
    assert yard.world.things == {}


@pytest.mark.parametrize("kind", [Plain, Thing])
async def test_an_earlier_name(yard: Yard, kind: type[Plain]) -> None:
    """`was` tells that an item is the same, also where it looks after another thing by now."""
    await yard.is_of({"one": kind(place="x")}).ensure()
    outcome = await yard.is_of({"uno": kind(place="x")}, was={"uno": "one"}).ensure()
    assert outcome.items["uno"].status is ItemStatus.UNCHANGED
    assert yard.stored == {"uno"}
    await yard.is_of({"eins": Thing(place="y")}, was={"eins": "uno"}).ensure()
    # Where the former one did not say which thing it is, it is found out only when it is looked at.
    await yard.harness.ensure(prune=True)
    assert yard.world.things == {"y": "thing"}


def test_an_earlier_name_that_is_taken(yard: Yard) -> None:
    """It cannot be that of an item that is there, nor of two."""
    one, two = Thing(place="x"), Thing(place="y")
    for was in ({"two": "one"}, {"two": "two"}, {"one": "old", "two": "old"}):
        harness = yard.is_of({"one": one, "two": two}, was=was)
        with pytest.raises(NameTaken):
            harness.ctx  # noqa: B018 - it builds the flow


async def test_two_items_with_one_thing(yard: Yard) -> None:
    """They would undo each other's work: the second one fails, and is told why."""
    outcome = await yard.is_of({"one": Thing(place="x"), "two": Thing(place="x")}).ensure()
    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["two"], IdentityTaken)


# ---- made or found


@pytest.mark.parametrize("kind", [Thing, Whole])
@pytest.mark.parametrize("found", ["thing", "something else"])
async def test_what_was_found(yard: Yard, kind: type[Thing], found: str) -> None:
    """What was there before stays, unless it was replaced by an item that says that it does."""
    yard.world.things["x"] = found
    harness = yard.is_of({"one": kind(place="x")})
    await harness.ensure()
    is_made = kind is Whole and found != "thing"
    outcome = await harness.clean()
    assert outcome.items["one"].status is (ItemStatus.DONE if is_made else ItemStatus.UNCHANGED)
    if not is_made:
        assert outcome.items["one"].message.startswith("left alone: it was there before")
        assert yard.world.things == {"x": "thing"}
        assert isinstance(await harness.clean(found=True), Complete)
    assert yard.world.things == {}


async def test_what_others_make_where_ours_was(yard: Yard) -> None:
    """What was made is gone, and what is there now was found."""
    harness = yard.is_of({"one": Thing(place="x")})
    await harness.ensure()
    del yard.world.things["x"]
    await harness.discover()
    yard.world.things["x"] = "somebody's"
    await harness.discover()
    await harness.clean()
    assert yard.world.things == {"x": "somebody's"}


async def test_what_was_found_and_left(yard: Yard) -> None:
    """It is never removed as if it were ours."""
    yard.world.things["x"] = "thing"
    await yard.is_of({"one": Thing(place="x"), "two": Thing(place="y")}).ensure()
    await yard.is_of({"two": Thing(place="y")}).ensure(prune=True)
    await yard.harness.clean()
    assert yard.world.things == {"x": "thing"}


# ---- clean is honest


class Standing(Plain):
    """Something that is made of what another one is."""

    on: str

    def try_state_current(self, ctx: ItemCtx) -> Known:
        """Its place is known, whatever it stands on."""
        return super().state_current(ctx)


def standing(flow: Flow) -> None:
    """A flow of two items, of which one refers to the other."""
    a = flow.add("a", Plain(place="a"))
    flow.add("b", Standing(place="b", on=mapped("text", str, a.state.what)))


async def test_what_it_stood_on_is_gone(yard: Yard) -> None:
    """An item is cleaned up by its last complete parameters: less knowledge never replaces more."""
    yard._declare = standing
    await yard.harness.ensure()
    del yard.world.things["a"]
    await yard.harness.discover()
    outcome = await yard.harness.clean()
    assert outcome.items["b"].status is ItemStatus.DONE
    assert yard.world.things == {}


async def test_clean_of_what_others_stand_on(yard: Yard) -> None:
    """It is refused, and names them; nothing is cleaned up."""
    harness = yard.is_of(things("a", "b", "c"))
    await harness.ensure()
    with pytest.raises(ItemNeeded, match="n1") as caught:
        await harness.clean(only=["n0"])
    assert "--only n1" in caught.value.help
    assert "--with-dependents" in caught.value.help
    assert yard.world.done == ["+a", "+b", "+c"]
    assert isinstance(await harness.clean(only=["n1", "n2"]), Complete)
    assert isinstance(await harness.clean(only=["n0"]), Complete)
    assert yard.world.things == {}


async def test_nothing_was_ever_made(yard: Yard) -> None:
    """That is known, and no failure."""
    yard._declare = standing
    outcome = await yard.harness.clean()
    assert isinstance(outcome, Complete)
    assert outcome.items["b"].message == "nothing of it was ever made"


async def test_a_secret_that_is_missing(yard: Yard) -> None:
    """It is told which one, and that it is still there; nothing is said to be unchanged."""
    guarded = Guarded(place="x", token=SecretStr("hunter2"))
    await yard.is_of({"one": guarded, "two": Thing(place="y")}).ensure()
    outcome = await yard.is_of({"two": Thing(place="y")}).clean()
    assert isinstance(outcome, ItemError)
    assert "one is still there" in outcome.errors["one"].message
    assert "token" in outcome.errors["one"].message
    assert yard.world.things == {"x": "thing"}
