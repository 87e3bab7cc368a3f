"""Commands that look: discover, status, diff, dry runs, and the check of what is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import pytest
from item_world import Stage, Thing, ThingState, World
from pydantic import Field

from peaceful import Flow, ItemCtx, ItemFailure, ItemStatus
from peaceful.commands import (
    CleanCmd,
    Complete,
    DiffCmd,
    DiscoverCmd,
    EnsureCmd,
    ItemError,
    StateDiffs,
    StateKind,
    States,
    StatusCmd,
    SyncCheck,
    Warned,
)
from peaceful.errors import (
    FileDamaged,
    FormatTooNew,
    ItemCrashed,
    NameUnknown,
    OutOfSync,
    ValueUnresolved,
)
from peaceful.testing import RecordingSink

CHAIN = {"a": [], "b": ["a"], "c": ["b"]}


# ---- discover and status


async def test_what_is_not_known_yet_keeps_what_was_stored(stage: Stage) -> None:
    """What refers to something that is not there is unknown, and no failure; what was stays."""
    ctx = stage.ctx(stage.flow(CHAIN))
    assert {known.shown for known in StatusCmd.exec(ctx).values()} == {"not discovered yet"}
    outcome = await DiscoverCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert outcome.items["a"].status is ItemStatus.DONE
    assert outcome.value.goal["a"].model_dump() == {"value": "there"}
    again = await DiscoverCmd.exec(ctx)
    assert again.items_with(ItemStatus.UNCHANGED) == ("a", "b", "c")


@pytest.mark.parametrize("kind", StateKind)
async def test_one_kind_of_states(stage: Stage, kind: StateKind) -> None:
    """Only the asked kind is found and stored."""
    ctx = stage.ctx(stage.flow({"a": []}))
    outcome = await DiscoverCmd.exec(ctx, (kind,))
    assert isinstance(outcome.value, States)
    assert bool(outcome.value.current) == (kind is StateKind.CURRENT)
    assert bool(outcome.value.goal) == (kind is StateKind.GOAL)
    stored = [each for each in StateKind if ctx.store.load(each)]
    assert stored == [kind]


async def test_damaged_files_are_set_aside(stage: Stage) -> None:
    """`ensure` refuses and names the file; `discover` sets it aside, says so, and looks anew."""
    sink = RecordingSink()
    ctx = replace(stage.ctx(stage.flow(CHAIN)), sinks=(sink,))
    await EnsureCmd.exec(ctx)
    path = stage.workspace.flow_folder("dev", "things") / "states_current.yaml"
    path.write_text("a: [\n")
    with pytest.raises(FileDamaged) as caught:
        await EnsureCmd.exec(ctx)
    assert "discover" in caught.value.help
    assert isinstance(await DiscoverCmd.exec(ctx), Complete)
    (warned,) = sink.of(Warned)
    assert warned.text.startswith("a damaged file was set aside, and is discovered anew: ")
    assert isinstance(await EnsureCmd.exec(ctx), Complete)
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1}


async def test_files_of_a_later_version(stage: Stage) -> None:
    """They are not damaged: no command touches them, `discover` neither; the error says why."""
    ctx = stage.ctx(stage.flow(CHAIN))
    await EnsureCmd.exec(ctx)
    path = stage.workspace.flow_folder("dev", "things") / "states_current.yaml"
    later = path.read_text().replace("(peaceful format 1)", "(peaceful format 2)")
    path.write_text(later)
    for command in (EnsureCmd.exec, DiscoverCmd.exec, CleanCmd.exec):
        with pytest.raises(FormatTooNew):
            await command(ctx)
    assert path.read_text() == later
    assert set(stage.world.things) == set(CHAIN)


# ---- diff


async def test_what_differs(stage: Stage) -> None:
    """Between what is and what should be; the same by what is stored, without looking."""
    ctx = stage.ctx(stage.flow(CHAIN))
    stage.world.things["a"] = "else"
    outcome = await DiffCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    diff = outcome.value.diffs["a"]
    assert diff is not None
    assert "else" in str(diff)
    assert DiffCmd.stored(ctx) == outcome.value
    await EnsureCmd.exec(ctx)
    assert DiffCmd.stored(ctx) == StateDiffs(dict.fromkeys(CHAIN), {})
    stage.world.things["c"] = "changed by somebody"
    assert DiffCmd.stored(ctx) == StateDiffs(dict.fromkeys(CHAIN), {})
    outcome = await DiffCmd.exec(ctx)
    assert outcome.value is not None
    assert [item for item, diff in outcome.value.diffs.items() if diff] == ["c"]


async def test_what_is_not_known_has_no_diff(stage: Stage) -> None:
    """It says which of the two is not known."""
    ctx = stage.ctx(stage.flow({"a": []}))
    nothing = DiffCmd.stored(ctx)
    assert nothing.diffs == {}
    assert nothing.unknown == {"a": "not known yet: what it is and what it should be"}
    await DiscoverCmd.exec(ctx, (StateKind.GOAL,))
    assert DiffCmd.stored(ctx).unknown == {"a": "not known yet: what it is"}


class Incomparable(Thing):
    """A thing whose states cannot be compared."""

    def diff(self, current: object, goal: object) -> None:
        """Fails."""
        raise ValueError("they cannot be compared")


async def test_an_item_that_cannot_compare(stage: Stage) -> None:
    """`diff` as a whole fails, and names the item."""
    flow = Flow("things")
    flow.add("odd", Incomparable(name="odd"))
    with pytest.raises(ItemCrashed, match="odd failed in diff: ValueError: they cannot"):
        await DiffCmd.exec(stage.ctx(flow))


# ---- values that are known only in part


class Pair(Thing):
    """A thing that is made of two others, and of something that is checked."""

    first: str | None = None
    second: Annotated[str | None, Field(max_length=5)] = None


class Far(Thing):
    """A thing of which nothing is known for now."""

    def try_state_current(self, ctx: ItemCtx) -> None:
        """Nothing."""


async def test_a_known_value_that_may_not_be(stage: Stage) -> None:
    """It is told at once, while another one is not known yet: the item, the field, the line."""
    flow = Flow("things")
    known, far = flow.add("known", Thing(name="known")), flow.add("far", Far(name="far"))
    flow.add("pair", Pair(name="pair", first=far.state.value, second=known.state.value))
    stage.world.things["known"] = "short"
    outcome = await DiscoverCmd.exec(stage.ctx(flow), (StateKind.CURRENT,))
    assert isinstance(outcome, Complete)
    assert outcome.items["far"].message == "not known yet"
    stage.world.things["known"] = "much too long"
    outcome = await DiscoverCmd.exec(stage.ctx(flow), (StateKind.CURRENT,))
    error = outcome.items["pair"].error
    assert isinstance(error, ValueUnresolved)
    details = dict(error.details)
    assert "at most 5 characters" in details["second"]
    assert details["item"] == "pair of flow things"
    assert details["declared in"].startswith(f"{__file__}:")


# ---- dry runs


async def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    """It says what would be done, and predicts what later items would see; nothing is stored."""
    ctx = stage.ctx(stage.flow(CHAIN))
    outcome = await EnsureCmd.exec(ctx, dry_run=True)
    assert isinstance(outcome, Complete)
    assert set(outcome.items_with(ItemStatus.WOULD_CREATE)) == set(CHAIN)
    assert outcome.value.current["c"].model_dump() == {"value": "there+there+there"}
    assert outcome.items["a"].message == "+ value: there"
    assert not stage.world.things
    assert list(stage.workspace.flow_folder("dev", "things").iterdir()) == []
    await EnsureCmd.exec(ctx)
    again = await EnsureCmd.exec(ctx, dry_run=True)
    assert set(again.items_with(ItemStatus.UNCHANGED)) == set(CHAIN)
    stage.world.things["b"] = "another"
    third = await EnsureCmd.exec(ctx, dry_run=True)
    assert third.items_with(ItemStatus.WOULD_CHANGE) == ("b",)


async def test_a_dry_run_of_some_items(stage: Stage) -> None:
    """What they refer to is taken as it was last seen; where it never was, they cannot say."""
    ctx = stage.ctx(stage.flow(CHAIN))
    outcome = await EnsureCmd.exec(ctx, dry_run=True, only=["b"])
    assert outcome.items["b"].status is ItemStatus.UNKNOWN
    assert outcome.items["b"].message.startswith("it can be looked at once the items before")
    await EnsureCmd.exec(ctx)
    outcome = await EnsureCmd.exec(ctx, dry_run=True, only=["b"])
    assert outcome.items["b"].message == "nothing to do"
    with pytest.raises(NameUnknown, match="x"):
        await EnsureCmd.exec(ctx, dry_run=True, only=["x"])


class Looking(Thing):
    """A thing that can be looked at only where what it is made of is there."""

    async def state_goal(self, ctx: ItemCtx) -> ThingState:
        """Fails where nothing is there."""
        if "a" not in ctx.resources.get(World).things:
            raise ItemFailure("There is nothing to look at.")
        return await super().state_goal(ctx)


async def test_a_dry_run_of_what_cannot_be_looked_at_yet(stage: Stage) -> None:
    """An item that fails because those before were not really applied is no failure."""

    def flow(*names: str) -> Flow:
        flow = Flow("things")
        for name in names:
            flow.add(name, Thing(name=name) if name == "a" else Looking(name=name))
        if "a" in names:
            flow.edge("a", "b")
        return flow

    outcome = await EnsureCmd.exec(stage.ctx(flow("a", "b")), dry_run=True)
    assert isinstance(outcome, Complete)
    assert "There is nothing to look at." in outcome.items["b"].message
    alone = await EnsureCmd.exec(stage.ctx(flow("b")), dry_run=True)
    assert isinstance(alone, ItemError)


async def test_a_dry_run_of_clean(stage: Stage) -> None:
    """It says what would be cleaned, items that have left the flow too; nothing is stored."""
    await EnsureCmd.exec(stage.ctx(stage.flow(CHAIN)))
    ctx = stage.ctx(stage.flow({"a": [], "b": ["a"]}))
    before = {path: path.read_bytes() for path in stage.folder.rglob("states_*.yaml")}
    outcome = await CleanCmd.exec(ctx, dry_run=True)
    assert isinstance(outcome, Complete)
    assert list(outcome.items) == ["c", "b", "a"] or set(outcome.items) == set("abc")
    assert set(outcome.items_with(ItemStatus.WOULD_REMOVE)) == set("abc")
    assert set(stage.world.things) == set("abc")
    assert {path: path.read_bytes() for path in before} == before
    await CleanCmd.exec(ctx)
    assert not stage.world.things
    again = await CleanCmd.exec(ctx, dry_run=True)
    assert {(result.status, result.message) for result in again.items.values()} <= {
        (ItemStatus.UNCHANGED, "nothing to do"),
        (ItemStatus.UNKNOWN, "nothing is known of it"),
    }


async def test_a_dry_run_of_clean_after_a_move(stage: Stage) -> None:
    """It tells of what the item left behind before its parameters changed."""

    def flow(name: str) -> Flow:
        flow = Flow("things")
        flow.add("one", Thing(name=name, value=name))
        return flow

    await EnsureCmd.exec(stage.ctx(flow("here")))
    outcome = await CleanCmd.exec(stage.ctx(flow("there")), dry_run=True)
    assert outcome.items_with(ItemStatus.WOULD_REMOVE) == ("one",)
    assert "what it was before its parameters changed" in outcome.items["one"].message
    same = await CleanCmd.exec(stage.ctx(flow("here")), dry_run=True)
    assert "before" not in same.items["one"].message


# ---- the check of what is stored


@pytest.mark.parametrize("command", [EnsureCmd, CleanCmd])
@pytest.mark.parametrize("sync", SyncCheck)
async def test_what_somebody_changed(
    stage: Stage, command: type[EnsureCmd | CleanCmd], sync: SyncCheck
) -> None:
    """A command that is to check refuses, says what differs, and has changed nothing."""
    ctx = stage.ctx(stage.flow(CHAIN))
    await EnsureCmd.exec(ctx)
    stage.world.things["b"] = "changed by somebody"
    if sync is SyncCheck.NONE:
        assert isinstance(await command.exec(ctx, sync=sync), Complete)
        return
    with pytest.raises(OutOfSync) as caught:
        await command.exec(ctx, sync=sync)
    assert "b" in dict(caught.value.differing)
    assert "changed by somebody" in str(caught.value)
    assert "discover" in caught.value.help
    assert stage.world.things["b"] == "changed by somebody"
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1}
    # Only the selected items are compared.
    selected = "c" if command is CleanCmd else "a"
    assert isinstance(await command.exec(ctx, sync=sync, only=[selected]), Complete)


async def test_a_check_that_fails_to_look(stage: Stage) -> None:
    """An item that cannot be looked at ends the command before anything is changed."""
    flow = Flow("things")
    flow.add("a", Thing(name="a"))
    flow.add("b", Looking(name="b"))
    outcome = await EnsureCmd.exec(stage.ctx(flow), sync=SyncCheck.BOTH)
    assert isinstance(outcome, ItemError)
    assert outcome.blocks_not_processed[0] == "SyncCheck"
    assert not stage.world.things


async def test_a_flow_without_items(stage: Stage) -> None:
    """What is stored of items that it had before is shown, as theirs."""
    await EnsureCmd.exec(stage.ctx(stage.flow(CHAIN)))
    known = StatusCmd.exec(stage.ctx(stage.flow({})))
    assert set(known) == set(CHAIN)
    assert not any(each.in_flow for each in known.values())
