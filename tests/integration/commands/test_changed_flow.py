"""A flow that changes between two commands: items moved, renamed, retyped, removed, updated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from peaceful import Flow, Item, ItemCtx, ItemFailure, ItemStatus, Location, Push, Resources, State
from peaceful._errors.running import NotCleaned
from peaceful._item.item import AnyItem
from peaceful._runtime.ctx import ProfilesFlowCtx
from peaceful.commands import (
    BlockInterrupted,
    CleanCmd,
    Complete,
    DiffCmd,
    ItemError,
    StateKind,
    StatusCmd,
    StoredState,
    SyncCheck,
)
from peaceful.errors import NameUnknown, OutOfSync
from peaceful.testing import FlowHarness


class Shelf:
    """What is really there, by place."""

    def __init__(self) -> None:
        """Begins empty."""
        self.things: dict[str, str] = {}
        self.removed: list[str] = []
        self.hidden: set[str] = set()
        self.on_clean: Callable[[ItemCtx], None] = lambda _: None


class ThingState(State):
    """What lies at a place."""

    what: str | None = None


class Thing(Item[ThingState]):
    """Something at a place."""

    place: str
    what: str = "thing"

    def state_current(self, ctx: ItemCtx) -> ThingState:
        """What lies there."""
        return ThingState(what=ctx.resources.get(Shelf).things.get(self.place))

    def state_goal(self, ctx: ItemCtx) -> ThingState:
        """What is to lie there."""
        return ThingState(what=self.what)

    def apply(self, ctx: ItemCtx, current: ThingState, goal: ThingState) -> ThingState:
        """Puts it there, or takes it away."""
        shelf = ctx.resources.get(Shelf)
        if goal.what is None:
            shelf.removed.append(self.place)
            shelf.things.pop(self.place, None)
        else:
            shelf.things[self.place] = goal.what
        return goal


class Placed(Thing):
    """Something that says where it is."""

    def interactions(self) -> tuple[Push, ...]:
        """It is pushed to its place."""
        return (Push(Location.host("here"), Location.path(self.place)),)


class NewState(ThingState):
    """What lies at a place, in another form."""

    colour: str | None = None


class Later(Item[NewState]):
    """A thing whose state has another form."""

    place: str

    def state_current(self, ctx: ItemCtx) -> NewState:
        """What lies there."""
        return NewState(what=ctx.resources.get(Shelf).things.get(self.place), colour="red")

    def state_goal(self, ctx: ItemCtx) -> NewState:
        """A thing."""
        return NewState(what="thing", colour="red")

    def apply(self, ctx: ItemCtx, current: NewState, goal: NewState) -> NewState:
        """Puts it there."""
        ctx.resources.get(Shelf).things[self.place] = goal.what or ""
        return goal


Declare = Callable[[Flow], object]


class Library:
    """Runs commands of a flow that is another one each time."""

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        self.shelf = Shelf()
        resources = Resources()
        resources.insert(self.shelf)
        self._declare: Declare = lambda _: None
        self.harness = FlowHarness(self._declared, folder, resources=resources)

    async def ensured(self, **items: AnyItem) -> None:
        """Ensures a flow of these items, one after the other."""
        self._declares(items)
        assert isinstance(await self.harness.ensure(), Complete)

    async def cleaned(self, **items: AnyItem) -> None:
        """Cleans a flow of these items up."""
        self._declares(items)
        assert isinstance(await self.harness.clean(), Complete)

    def stored(self) -> dict[str, object]:
        """What is stored of each item's current state."""
        states = self.harness.store.load(StateKind.CURRENT)
        return {item: entry.state for item, entry in states.items()}

    def _declared(self, flow: Flow) -> None:
        self._declare(flow)

    def _declares(self, items: Mapping[str, AnyItem]) -> None:
        def declare(flow: Flow) -> None:
            for name, item in items.items():
                flow.add(name, item)
            for before, after in pairwise(items):
                flow.edge(before, after)

        self._declare = declare


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty shelf."""
    return Library(tmp_path)


@pytest.mark.parametrize("kind", [Thing, Placed])
async def test_an_item_that_moved(library: Library, kind: type[Thing]) -> None:
    """What it was is kept under another name, shown, and cleaned up with the rest."""
    await library.ensured(one=kind(place="here"))
    await library.ensured(one=kind(place="there"))
    assert library.shelf.things == {"here": "thing", "there": "thing"}
    assert set(library.stored()) == {"one", "one__before"}
    known = StatusCmd.exec(library.harness.ctx)
    assert known["one__before"].in_flow is False
    await library.ensured(one=kind(place="elsewhere"))
    assert set(library.stored()) == {"one", "one__before", "one__before_2"}
    await library.cleaned(one=kind(place="elsewhere"))
    assert library.shelf.things == {}
    assert set(library.stored()) == {"one"}


async def test_an_item_that_moved_there_and_back(library: Library) -> None:
    """What is meant again was not left behind: it is forgotten under the other name."""
    await library.ensured(one=Placed(place="here"))
    await library.ensured(one=Placed(place="there"))
    await library.ensured(one=Placed(place="here"))
    assert set(library.stored()) == {"one", "one__before_2"}
    await library.cleaned(one=Placed(place="here"))
    assert library.shelf.things == {}


async def test_an_item_that_moved_to_where_another_one_was(library: Library) -> None:
    """What another item left is not its own, whatever the names have in common."""
    await library.ensured(one=Placed(place="here"), one_more=Placed(place="there"))
    await library.ensured(one=Placed(place="there"))
    assert set(library.stored()) == {"one", "one__before", "one_more"}
    await library.cleaned(one=Placed(place="there"))
    assert library.shelf.things == {}
    assert set(library.stored()) == {"one"}


class Account(BaseModel):
    """Something with a secret in it."""

    user: str
    key: SecretStr


class Guarded(Placed):
    """A thing that only those can touch who have an account."""

    account: Account
    spare: SecretStr | None = None


async def test_what_was_made_with_a_secret(library: Library) -> None:
    """Secrets are stored nowhere: those of the item as it is now are taken for what it was."""
    account, spare = Account(user="ada", key=SecretStr("hunter2")), SecretStr("hunter3")
    await library.ensured(one=Guarded(place="here", account=account, spare=spare))
    await library.ensured(one=Guarded(place="there", account=account, spare=spare))
    assert set(library.stored()) == {"one", "one__before"}
    assert "hunter" not in repr(library.harness.store.load(StateKind.CURRENT))


async def test_a_parameter_that_means_no_other_place(library: Library) -> None:
    """Nothing is left behind where only what lies at the place changes."""
    await library.ensured(one=Placed(place="here", what="old"))
    await library.ensured(one=Placed(place="here", what="new"))
    assert set(library.stored()) == {"one"}
    assert library.shelf.things == {"here": "new"}


async def test_a_thing_that_somebody_removed(library: Library) -> None:
    """Nothing is left behind of what is not there any more."""
    await library.ensured(one=Thing(place="here"))
    library.shelf.things.clear()
    await library.ensured(one=Thing(place="there"))
    assert set(library.stored()) == {"one"}


async def test_an_item_that_was_renamed(library: Library) -> None:
    """The new one finds its thing as it should be; the old entry is kept, shown, cleaned up."""
    await library.ensured(one=Thing(place="here"))
    await library.ensured(uno=Thing(place="here"))
    assert set(library.stored()) == {"one", "uno"}
    await library.cleaned(uno=Thing(place="here"))
    assert library.shelf.things == {}
    assert set(library.stored()) == {"uno"}


async def test_an_item_that_was_removed(library: Library) -> None:
    """Its entry stays through any `ensure` and `discover`; `clean --only` cleans it up by name."""
    await library.ensured(one=Thing(place="here"), two=Thing(place="there"))
    await library.ensured(two=Thing(place="there"))
    await library.harness.discover()
    assert library.shelf.things == {"here": "thing", "there": "thing"}
    assert set(library.stored()) == {"one", "two"}
    with pytest.raises(NameUnknown, match="three"):
        await library.harness.clean(only=["three"])
    dry = await library.harness.clean(only=["one"], dry_run=True)
    assert dry.items["one"].status is ItemStatus.WOULD_REMOVE
    assert library.shelf.things == {"here": "thing", "there": "thing"}
    assert isinstance(await library.harness.clean(only=["one"]), Complete)
    assert library.shelf.things == {"there": "thing"}
    assert set(library.stored()) == {"two"}


class Stuck(Thing):
    """Something that cannot be taken away."""

    def apply(self, ctx: ItemCtx, current: ThingState, goal: ThingState) -> ThingState:
        """Puts it there."""
        if goal.what is None:
            raise ItemFailure("The network is down.", help="wait")
        return super().apply(ctx, current, goal)


def _chain(*numbers: int, stuck: int = 0) -> dict[str, AnyItem]:
    """Items that stand on each other, of which one may be stuck."""
    return {f"n{n}": (Stuck if n == stuck else Thing)(place=f"{n}") for n in numbers}


async def test_items_that_left_are_cleaned_by_what_they_stood_on(library: Library) -> None:
    """Each before what it stood on, whichever of the two has left the flow."""
    await library.ensured(**_chain(1, 2, 3, 4))
    await library.cleaned(**_chain(1, 3))
    assert library.shelf.removed == ["4", "3", "2", "1"]
    assert set(library.stored()) == {"n1", "n3"}


@pytest.mark.parametrize("stuck", [1, 2, 3, 4])
@pytest.mark.parametrize("left", [(), (2, 4), (1, 3), (1, 2, 3, 4)])
async def test_what_a_stuck_item_stands_on_stays(
    library: Library, stuck: int, left: tuple[int, ...]
) -> None:
    """Where an item cannot be cleaned up, neither is what it stands on, left or not."""
    await library.ensured(**_chain(1, 2, 3, 4, stuck=stuck))
    library._declares(_chain(*({1, 2, 3, 4} - {*left}), stuck=stuck))
    outcome = await library.harness.clean()
    assert library.shelf.removed == [f"{n}" for n in range(4, stuck, -1)]
    assert outcome.items_with(ItemStatus.FAILED) == (f"n{stuck}",)
    assert set(outcome.items_with(ItemStatus.NOT_STARTED)) == {f"n{n}" for n in range(1, stuck)}


async def test_an_item_that_stood_on_what_has_left(library: Library) -> None:
    """To look at an item does not make it stand on other things; to make it anew does."""
    await library.ensured(**_chain(1, 2))
    await library.ensured(n2=Thing(place="2"))
    current = library.harness.store.load(StateKind.CURRENT)
    assert current["n2"].needs == ("n1",)
    await library.ensured(n2=Thing(place="2", what="another"))
    assert library.harness.store.load(StateKind.CURRENT)["n2"].needs == ()


async def test_items_of_earlier_versions_that_left(library: Library) -> None:
    """Where it is not stored what they stood on, they are cleaned first, the last stored first."""
    await library.ensured(**_chain(1, 2, 3, 4))
    store = library.harness.store
    writer = store.open("an execution", [], applies=False)
    for item, entry in store.load(StateKind.CURRENT).items():
        await writer.record(item, current=replace(entry, needs=()))
    await writer.close()
    await library.cleaned(**_chain(1, 3))
    assert library.shelf.removed == ["4", "2", "3", "1"]


async def test_an_item_of_another_type(library: Library) -> None:
    """An item that is now of another class has another thing: the old one is kept by its kind."""
    await library.ensured(one=Thing(place="here"))
    await library.ensured(one=Placed(place="there"))
    assert set(library.stored()) == {"one", "one__before"}
    await library.cleaned(one=Placed(place="there"))
    assert library.shelf.things == {}


async def test_an_item_whose_class_is_gone(library: Library) -> None:
    """It is kept, shown, and cannot be cleaned up: that is a failure, and says what would help."""
    await library.ensured(one=Thing(place="here"))
    store = library.harness.store
    gone = replace(store.load(StateKind.CURRENT)["one"], kind="somewhere.Gone")
    writer = store.open("an execution", ["old"], applies=True)
    await writer.record("old", current=gone)
    await writer.close()
    assert StatusCmd.exec(library.harness.ctx)["old"].shown == "what=thing"
    for state, shown in (("a text", "a text"), ({"what": None}, "absent")):
        writer = store.open("an execution", ["old"], applies=True)
        await writer.record("old", current=replace(gone, state=state))
        await writer.close()
        assert StatusCmd.exec(library.harness.ctx)["old"].shown == shown
    outcome = await library.harness.clean()
    assert isinstance(outcome, ItemError)
    error = outcome.errors["old"]
    assert isinstance(error, NotCleaned)
    assert "its class somewhere.Gone is not in this program" in error.message
    assert "states forget old" in error.help
    assert "old" in library.stored()


async def test_an_item_that_was_cleaned_twice(library: Library) -> None:
    """Cleaning what is clean changes nothing."""
    await library.cleaned(one=Thing(place="here"))
    await library.cleaned(one=Thing(place="here"))
    assert library.shelf.removed == []
    assert isinstance(await CleanCmd.exec(library.harness.ctx, dry_run=True), Complete)


async def test_profiles_in_which_an_item_is_of_another_kind(
    library: Library, tmp_path: Path
) -> None:
    """What it is in each is told."""
    await library.ensured(one=Thing(place="here"))
    before = library.harness.ctx
    await library.ensured(one=Later(place="here"))
    after = library.harness.ctx
    ctx = ProfilesFlowCtx(
        app="testing",
        profiles=("old", "new"),
        flows={"old": before.flow, "new": after.flow},
        stores={"old": before.store, "new": after.store},
    )
    found = DiffCmd.profiles(ctx)
    assert not found.unknown
    assert found.diffs["one"] is not None
    [kind, *_] = found.diffs["one"].changes
    assert (kind.field, kind.before, kind.after) == ("kind", Thing.kind(), Later.kind())


class Patient(Thing):
    """A thing that takes its time to be removed, and may be interrupted meanwhile."""

    async def clean(self, ctx: ItemCtx, current: ThingState, clean: ThingState) -> ThingState:
        """Offers to end half way."""
        ctx.resources.get(Shelf).on_clean(ctx)
        await ctx.safe_point(ThingState(what="half of it"), where="half way")
        return self.apply(ctx, current, clean)


async def test_clean_stops_at_a_safe_point(library: Library) -> None:
    """What is left of it is stored as half done; the next `clean` carries on."""
    await library.ensured(one=Patient(place="here"))
    item_ctx: list[ItemCtx] = []

    def interrupt(ctx: ItemCtx) -> None:
        item_ctx.append(ctx)
        library.harness.sender.request()

    library.shelf.on_clean = interrupt
    outcome = await library.harness.clean()
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["one"].message == "half way"
    stored = library.harness.store.load(StateKind.CURRENT)["one"]
    assert stored.in_progress_since is not None
    assert stored.stopped
    assert stored.state == {"what": "half of it"}
    library.shelf.on_clean = lambda _: None
    assert isinstance(await library.harness.clean(), Complete)
    assert library.shelf.things == {}
    assert [ctx.item for ctx in item_ctx] == ["one"]


class Hidden(Placed):
    """A thing that cannot be looked at in one place."""

    def state_current(self, ctx: ItemCtx) -> ThingState:
        """What lies there, where it may be looked."""
        if self.place in ctx.resources.get(Shelf).hidden:
            raise ItemFailure(f"Nobody may look into {self.place}.")
        return super().state_current(ctx)


async def test_a_thing_that_cannot_be_looked_at_any_more(library: Library) -> None:
    """That does not mean that it is gone: it is kept."""
    await library.ensured(one=Hidden(place="here"))
    library.shelf.hidden.add("here")
    await library.ensured(one=Hidden(place="there"))
    assert set(library.stored()) == {"one", "one__before"}


async def test_what_is_stored_without_parameters(library: Library) -> None:
    """An entry that says nothing of parameters, such as one written by hand, is of this item."""
    await library.ensured(one=Placed(place="here"))
    await _stores(library, one=replace(_entry(library), params=None))
    await library.ensured(one=Placed(place="there"))
    assert set(library.stored()) == {"one"}


async def test_parameters_that_the_class_does_not_take_any_more(library: Library) -> None:
    """They say nothing of where the thing was: nothing is kept under another name."""
    await library.ensured(one=Placed(place="here"))
    await _stores(library, one=replace(_entry(library), params={"where": "here"}))
    await library.ensured(one=Placed(place="there"))
    assert set(library.stored()) == {"one"}


async def test_a_stored_state_that_does_not_fit_its_class(library: Library) -> None:
    """It is taken for none, and discovered anew; nobody can say that nothing has changed."""
    await library.ensured(one=Placed(place="here"))
    await _stores(library, one=replace(_entry(library), state={"what": [1]}))
    known = StatusCmd.exec(library.harness.ctx)["one"]
    assert known.shown.startswith("what=[1] (it does not fit ThingState: what: ")
    with pytest.raises(OutOfSync, match="it does not fit ThingState"):
        await library.harness.ensure(sync=SyncCheck.CURRENT)
    outcome = await library.harness.ensure()
    assert isinstance(outcome, Complete)
    assert library.stored()["one"] == {"what": "thing"}


def _entry(library: Library) -> StoredState:
    return library.harness.store.load(StateKind.CURRENT)["one"]


async def _stores(library: Library, **entries: StoredState) -> None:
    writer = library.harness.store.open("an execution", list(entries), applies=True)
    for item, entry in entries.items():
        await writer.record(item, current=entry)
    await writer.close()
