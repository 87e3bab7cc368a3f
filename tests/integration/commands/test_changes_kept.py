"""What items changed, from what to what, is a part of how they ended."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from peaceful import Flow, Item, ItemCtx, ItemStatus, Resources, State
from peaceful._model.outcome import FieldChange
from peaceful.testing import FlowHarness


class World(dict[str, tuple[str, int]]):
    """By name, what a thing holds, and how often it was written."""


class ThingState(State):
    """What a thing is."""

    text: str | None = None
    writes: int | None = None
    token: SecretStr | None = None


class Thing(Item[ThingState]):
    """A thing that counts how often it is written."""

    name: str
    text: str
    token: SecretStr | None = None

    def state_current(self, ctx: ItemCtx) -> ThingState:
        """What is there."""
        text, writes = ctx.resources.get(World).get(self.name, (None, None))
        return ThingState(text=text, writes=writes, token=self.token and SecretStr("old"))

    def state_goal(self, ctx: ItemCtx) -> ThingState:
        """The text; how often it was written by then is not known before."""
        return ThingState(text=self.text, token=self.token)

    def apply_check(self, current: ThingState, goal: ThingState, diff: object) -> bool:
        """If the text differs."""
        return current.text != goal.text

    def apply(self, ctx: ItemCtx, current: ThingState, goal: ThingState) -> ThingState:
        """Write it, or remove it."""
        world = ctx.resources.get(World)
        if goal.text is None:
            del world[self.name]
            return goal
        writes = (current.writes or 0) + 1
        world[self.name] = (goal.text, writes)
        return ThingState(text=goal.text, writes=writes, token=goal.token)


async def test_what_was_changed_is_kept(tmp_path: Path) -> None:
    """As it is found out afterwards, not as it was to be; of unchanged items, there is nothing."""
    world, resources = World(), Resources()
    resources.insert(world)
    text = "one"

    def declare(flow: Flow) -> None:
        flow.add("thing", Thing(name="thing", text=text))
        flow.add("other", Thing(name="other", text="same", token=SecretStr("new")))

    harness = FlowHarness(declare, tmp_path, resources=resources)
    outcome = await harness.ensure()
    made = (FieldChange("text", None, "one"), FieldChange("writes", None, 1))
    assert plain(outcome.items["thing"].changes) == made
    told = outcome.items["other"].changes
    assert FieldChange("token", None, None, "a secret", "another secret") in plain(told)

    text = "two"
    outcome = await harness.ensure()
    changed = (FieldChange("text", "one", "two"), FieldChange("writes", 1, 2))
    assert plain(outcome.items["thing"].changes) == changed
    assert outcome.items["other"].status is ItemStatus.UNCHANGED
    assert outcome.items["other"].changes == ()

    outcome = await harness.clean()
    gone = (FieldChange("text", "two", None), FieldChange("writes", 2, None))
    assert plain(outcome.items["thing"].changes) == gone


def plain(changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """The same as they are kept."""
    return tuple(
        FieldChange(each.field, each.before, each.after, each.before_shown, each.after_shown)
        for each in changes
    )
