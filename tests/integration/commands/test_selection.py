"""Commands that are limited to some items, or end at the first failure, do just what they say."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from item_world import Stage, Thing

from peaceful import Flow, ItemStatus
from peaceful.commands import (
    ChangeStarted,
    CleanCmd,
    CmdCtx,
    Complete,
    EnsureCmd,
    ItemEnded,
    ItemError,
    ItemStarted,
    Plan,
    RunRequest,
)
from peaceful.errors import BlockedError, UsageError
from peaceful.interrupt import InterruptSource, NonInterruptible

NEEDS = {"a": [], "b": ["a"], "c": ["b"], "d": []}
TAGS = {"a": ["low"], "c": ["high", "odd"], "d": ["odd"]}


@dataclass(frozen=True)
class Words:
    """A random flow, and what somebody says of it.

    Attributes:
        needs: by item, what it is made of.
        tags: by item, its tags.
        said: what limits the command.
        failing: the items whose change fails.
    """

    needs: Mapping[str, list[str]]
    tags: Mapping[str, set[str]]
    said: dict[str, Any]
    failing: set[str]

    @property
    def chosen(self) -> set[str] | None:
        """The items that the words mean, found out in the plainest way; None for a refusal."""
        only, tags = self.said["only"], set(self.said["tags"])
        named = {*only, *(item for item in self.needs if tags & self.tags[item])}
        if self.said["with_dependents"]:
            if not named:
                return None
            for _ in self.needs:
                named |= {item for item, needed in self.needs.items() if named & {*needed}}
        return ((named or {*self.needs}) - {*self.said["exclude"]}) or None

    def awaited(self, item: str, chosen: Collection[str]) -> set[str]:
        """The chosen items that one waits for, through whichever others."""
        found: set[str] = set()
        for needed in self.needs[item]:
            found |= {needed} if needed in chosen else self.awaited(needed, chosen)
        return found

    def endings(self, seen: Collection[str]) -> dict[str, ItemStatus]:
        """By chosen item, how it ends where nothing stops; `seen` have a stored state."""
        chosen = self.chosen or set()
        ended: dict[str, ItemStatus] = {}
        for item in (each for each in self.needs if each in chosen):
            if any(ended[each] is not ItemStatus.DONE for each in self.awaited(item, chosen)):
                ended[item] = ItemStatus.NOT_STARTED
            elif item in self.failing or not {*self.needs[item]} <= {*seen, *chosen}:
                ended[item] = ItemStatus.FAILED
            else:
                ended[item] = ItemStatus.DONE
        return ended


@st.composite
def words(draw: st.DrawFn) -> Words:
    """Any flow, with tags; and any words that only name what there is."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 8)))]
    needs = {
        name: draw(st.lists(st.sampled_from(names[:place] or [name]), unique=True, max_size=2))
        if place
        else []
        for place, name in enumerate(names)
    }
    tags = {name: draw(st.sets(st.sampled_from("xy"), max_size=2)) for name in names}
    known = sorted({tag for each in tags.values() for tag in each})
    some = st.lists(st.sampled_from(names), unique=True, max_size=3)
    said = {
        "only": draw(some),
        "exclude": draw(some),
        "tags": draw(st.lists(st.sampled_from(known), unique=True)) if known else [],
        "with_dependents": draw(st.booleans()),
    }
    return Words(needs, tags, said, draw(st.sets(st.sampled_from(names), max_size=2)))


@examples(60, soak=5_000)
@given(words(), st.booleans(), st.booleans(), st.integers(1, 4))
def test_ensure_does_what_the_words_say(
    spoken: Words, is_seen: bool, fail_fast: bool, at_once: int
) -> None:
    """Whatever the flow, the words, and what fails: just the chosen items are applied.

    Those that they are made of are taken as last seen; if they never were, the item fails. Under
    `fail_fast` nothing begins once an item has failed. The same command carries on.
    """

    async def scenario(folder: str) -> None:
        stage = Stage(Path(folder))
        ctx = stage.ctx(stage.flow(spoken.needs, spoken.tags), at_once=at_once)
        if is_seen:
            await EnsureCmd.exec(ctx)
            stage.world.things.clear()
            stage.world.applied.clear()
            stage.sink.events.clear()
        seen = spoken.needs if is_seen else ()
        stage.world.failing = set(spoken.failing)
        if spoken.chosen is None:
            with pytest.raises(UsageError):
                await EnsureCmd.exec(ctx, fail_fast=fail_fast, **spoken.said)
            assert not stage.world.applied
            return
        outcome = await EnsureCmd.exec(ctx, fail_fast=fail_fast, **spoken.said)
        expected = spoken.endings(seen)
        ended = {item: each.status for item, each in outcome.items.items()}
        failed = {item for item, status in expected.items() if status is ItemStatus.FAILED}
        assert ended.keys() == expected.keys()
        if not fail_fast or not failed:
            assert ended == expected
            assert outcome.interrupt is None
        else:
            _check_stopped_at_first(stage, outcome, ended, expected)
        assert {*stage.world.applied} == {*outcome.items_with(ItemStatus.DONE)}
        stage.world.failing = set()
        carried_on = await EnsureCmd.exec(ctx, fail_fast=fail_fast, **spoken.said)
        rest = replace(spoken, failing=set()).endings(seen)
        if {*rest.values()} == {ItemStatus.DONE}:
            assert isinstance(carried_on, Complete)
            assert stage.world.things.keys() == spoken.chosen
            assert set(stage.world.applied.values()) == {1}

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(folder))


def _check_stopped_at_first(
    stage: Stage,
    outcome: Any,
    ended: Mapping[str, ItemStatus],
    expected: Mapping[str, ItemStatus],
) -> None:
    assert isinstance(outcome, ItemError)
    assert outcome.interrupt is not None
    assert outcome.interrupt.source is InterruptSource.FAILURE
    assert outcome.interrupt.reason in {f"{item} failed" for item in outcome.errors}
    for item, status in ended.items():
        assert status in {expected[item], ItemStatus.NOT_STARTED}
    events = stage.sink.events
    first = next(
        place
        for place, event in enumerate(events)
        if isinstance(event, ItemEnded) and event.status is ItemStatus.FAILED
    )
    assert not any(isinstance(event, ItemStarted | ChangeStarted) for event in events[first:])


@examples(60, soak=5_000)
@given(words(), st.booleans())
def test_clean_removes_what_the_words_say(spoken: Words, dry_run: bool) -> None:
    """Just the chosen items; or none, where something that stays stands on one of them."""

    async def scenario(folder: str) -> None:
        stage = Stage(Path(folder))
        ctx = stage.ctx(stage.flow(spoken.needs, spoken.tags))
        await EnsureCmd.exec(ctx)
        chosen = spoken.chosen
        stands = chosen is not None and any(
            {*needed} & chosen for item, needed in spoken.needs.items() if item not in chosen
        )
        if chosen is None or stands:
            with pytest.raises(BlockedError if stands else UsageError):
                await CleanCmd.exec(ctx, dry_run=dry_run, **spoken.said)
            assert not stage.world.cleaned
            return
        outcome = await CleanCmd.exec(ctx, dry_run=dry_run, **spoken.said)
        assert isinstance(outcome, Complete)
        assert outcome.items.keys() == chosen
        assert {*stage.world.cleaned} == (set() if dry_run else chosen)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(folder))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage on which nothing is there."""
    return Stage(tmp_path)


def _ctx(stage: Stage, needs: Mapping[str, list[str]] = NEEDS) -> CmdCtx:
    tags = {name: TAGS[name] for name in needs if name in TAGS}
    return stage.ctx(stage.flow(needs, tags), at_once=1)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"exclude": ["e"]}, "no item named 'e'"),
        ({"only": ["e"]}, "no item named 'e'"),
        ({"tags": ["lo"]}, "no tag named 'lo'"),
        ({"exclude": [*NEEDS]}, "No item is chosen"),
        ({"only": ["a"], "exclude": ["a"]}, "No item is chosen: a, but not a"),
        ({"with_dependents": True}, "among them"),
        ({"exclude": ["a"], "with_dependents": True}, "among them"),
    ],
)
async def test_what_chooses_nothing_is_refused(
    stage: Stage, said: dict[str, Any], words: str
) -> None:
    """By every command, with the reason; nothing is done."""
    ctx = _ctx(stage)
    for run in (EnsureCmd.exec, EnsureCmd.plan, CleanCmd.exec):
        with pytest.raises(UsageError, match=words) as caught:
            await run(ctx, **said)
        assert caught.value.help
    with pytest.raises(UsageError, match=words):
        EnsureCmd.removes(ctx, **said)
    assert not stage.sink.events


async def test_an_unknown_tag(stage: Stage) -> None:
    """The nearest are named first, then all that there are."""
    with pytest.raises(UsageError) as caught:
        await EnsureCmd.exec(_ctx(stage), tags=["hih"])
    assert caught.value.details == (
        ("did you mean", "high"),
        ("each tag there is", "high, low, odd"),
    )


async def test_what_has_left_is_pruned_unless_it_is_excluded(stage: Stage) -> None:
    """`exclude` leaves out items of the flow, and what has left it, alike."""
    await EnsureCmd.exec(_ctx(stage, {**NEEDS, "e": [], "f": ["e"]}))
    ctx = _ctx(stage)
    assert EnsureCmd.removes(ctx, prune=True, exclude=["f", "a"]) == ("e",)
    outcome = await EnsureCmd.exec(ctx, prune=True, exclude=["f", "a"])
    assert {*outcome.items} == {"b", "c", "d", "e"}
    assert stage.world.cleaned == ["e"]
    # What is chosen by name or tag is of the flow; unless what has left it is named.
    await EnsureCmd.exec(ctx, prune=True, tags=["odd"])
    assert stage.world.cleaned == ["e"]
    await EnsureCmd.exec(ctx, prune=True, only=["f"])
    assert stage.world.cleaned == ["e", "f"]


async def test_what_stands_on_an_item_among_what_has_left(stage: Stage) -> None:
    """Is cleaned up with it, if that is asked for; else it is named."""
    await EnsureCmd.exec(_ctx(stage, {**NEEDS, "e": ["c"]}))
    ctx = _ctx(stage)
    with pytest.raises(BlockedError, match="e would be left without it"):
        await CleanCmd.exec(ctx, only=["c"])
    with pytest.raises(BlockedError, match="c would be left without it"):
        await CleanCmd.exec(ctx, exclude=["c", "e"])
    await CleanCmd.exec(ctx, only=["b"], with_dependents=True)
    assert stage.world.cleaned == ["e", "c", "b"]


async def test_clean_of_what_has_left_without_some(stage: Stage) -> None:
    """`exclude` limits it, also where that leaves nothing to clean up."""
    await EnsureCmd.exec(_ctx(stage, {**NEEDS, "e": []}))
    ctx = _ctx(stage)
    outcome = await CleanCmd.exec(ctx, left=True, exclude=["e"])
    assert isinstance(outcome, Complete)
    assert not stage.world.cleaned
    await CleanCmd.exec(ctx, left=True, exclude=["a"])
    assert stage.world.cleaned == ["e"]


async def test_what_is_made_anew_is_chosen(stage: Stage) -> None:
    """And takes nothing along that is excluded."""
    ctx = _ctx(stage)
    await EnsureCmd.exec(ctx)
    with pytest.raises(UsageError, match="b is to be made anew, and is not among"):
        await EnsureCmd.exec(ctx, replace=["b"], only=["d"])
    with pytest.raises(UsageError, match="c is excluded, and would be removed"):
        await EnsureCmd.exec(ctx, replace=["b"], exclude=["c"])
    assert not stage.world.cleaned
    await EnsureCmd.exec(ctx, replace=["b"], exclude=["a", "d"])
    assert stage.world.cleaned == ["c", "b"]
    assert {*stage.world.things} == {*NEEDS}


async def test_a_plan_keeps_what_was_said(stage: Stage, tmp_path: Path) -> None:
    """It holds the words; an item that they mean by now, and the plan does not have, is said."""
    said: dict[str, Any] = {"tags": ["odd"], "exclude": ["a"]}
    outcome = await EnsureCmd.plan(_ctx(stage, {"a": [], "d": []}), **said)
    assert isinstance(outcome, Complete)
    outcome.value.save(tmp_path / "plan")
    plan = Plan.load(tmp_path / "plan")
    assert (plan.only, plan.tags, plan.exclude, [*plan.items]) == ((), ("odd",), ("a",), ["d"])
    with pytest.raises(BlockedError) as caught:
        await EnsureCmd.apply(_ctx(stage, {"a": [], "d": [], "c": []}), plan)
    assert ("c", "it is not in the plan") in caught.value.details
    with pytest.raises(BlockedError):
        await EnsureCmd.apply(_ctx(stage, {"a": []}), plan)
    await EnsureCmd.apply(_ctx(stage, {"a": [], "d": []}), plan)
    assert {*stage.world.things} == {"d"}


def test_a_tag_is_a_name(stage: Stage) -> None:
    """One alone may be written as a text; one that is no name is refused."""
    flow = Flow("things")
    flow.add("a", Thing(name="a"), tags="data")
    assert flow.build().items["a"].tags == {"data"}
    with pytest.raises(UsageError, match="cannot be the name of a tag"):
        flow.add("b", Thing(name="b"), tags=["no tag"])


async def test_a_request_takes_the_same(stage: Stage) -> None:
    """What every door asks for by name is what the command does."""
    request = RunRequest(
        command="ensure", profile="dev", flow="things", tags=("low",), with_dependents=True
    )
    outcome = await request.run(_ctx(stage))
    assert {*outcome.items} == {"a", "b", "c"}
    refused = RunRequest(command="discover", profile="dev", flow="things", exclude=("a",))
    assert refused.problems == [("exclude", "discover does not take it")]


@pytest.mark.parametrize("can_interrupt", [True, False])
async def test_fail_fast(stage: Stage, can_interrupt: bool) -> None:
    """Also where nobody can interrupt: what is in progress finishes, the rest says why it did not.

    Without it, everything that does not need what failed is done.
    """
    needs: dict[str, list[str]] = {"a": [], "b": [], "c": ["b"], "d": []}
    ctx = stage.ctx(stage.flow(needs), at_once=2)
    if not can_interrupt:
        ctx = replace(ctx, interruptibility=NonInterruptible())
    a_began, b_failed = asyncio.Event(), asyncio.Event()

    async def a(_: object) -> None:
        a_began.set()
        await b_failed.wait()

    async def b(_: object) -> None:
        await a_began.wait()
        asyncio.get_running_loop().call_later(0, b_failed.set)

    stage.world.hooks = {"a": a, "b": b}
    stage.world.failing = {"b"}
    outcome = await EnsureCmd.exec(ctx, fail_fast=True)
    assert isinstance(outcome, ItemError)
    assert {*outcome.errors} == {"b"}
    assert {*stage.world.things} == {"a"}
    assert outcome.items["d"].message == "b failed before it started"
    assert outcome.interrupt is not None
    assert outcome.interrupt.reason == "b failed"
    again = await EnsureCmd.exec(ctx)
    assert isinstance(again, ItemError)
    assert again.interrupt is None
    assert {*stage.world.things} == {"a", "d"}


async def test_a_person_who_was_faster(stage: Stage) -> None:
    """A failure after an interrupt says nothing: it was a person who stopped it."""
    ctx = stage.ctx(stage.flow({"a": []}))

    async def interrupt(_: object) -> None:
        stage.sender.request(reason="the wrong one")

    stage.world.hooks, stage.world.failing = {"a": interrupt}, {"a"}
    outcome = await EnsureCmd.exec(ctx, fail_fast=True)
    assert isinstance(outcome, ItemError)
    assert outcome.interrupt is not None
    assert outcome.interrupt.reason == "the wrong one"


async def test_a_clean_that_fails_fast(stage: Stage) -> None:
    """Starts nothing more, either."""
    ctx = stage.ctx(stage.flow({"a": [], "b": []}), at_once=1)
    await EnsureCmd.exec(ctx)
    stage.world.failing = {"b"}
    outcome = await CleanCmd.exec(ctx, fail_fast=True)
    assert isinstance(outcome, ItemError)
    assert outcome.items["a"].status is ItemStatus.NOT_STARTED
