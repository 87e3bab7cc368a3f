"""Items that run every time, and those that never reach their goal."""

from __future__ import annotations

from pathlib import Path

import pytest

from peaceful import Change, Flow, Item, ItemCtx, ItemStatus, Resources, State, StateDiff
from peaceful.errors import GoalNotReached
from peaceful.testing import FlowHarness


class SentState(State):
    """Whether it was sent; there need be nothing to know."""

    sent: bool | None = None


class Letters(list[str]):
    """What was done, in order."""


class Notice(Item[SentState]):
    """What runs every time."""

    sent: bool | None = None

    def state_current(self, ctx: ItemCtx) -> SentState:
        """The same as the goal."""
        return SentState(sent=self.sent)

    def state_goal(self, ctx: ItemCtx) -> SentState:
        """The goal."""
        return SentState(sent=self.sent)

    def apply_check(self, current: SentState, goal: SentState, diff: StateDiff | None) -> bool:
        """There is always something to do."""
        return True

    def apply(self, ctx: ItemCtx, current: SentState, goal: SentState) -> SentState:
        """Do it."""
        ctx.resources.get(Letters).append(str(ctx.item))
        return goal


class NeverThere(Notice):
    """One whose diff always finds something."""

    def diff(self, current: SentState, goal: SentState) -> StateDiff | None:
        """Something differs."""
        return StateDiff((Change("weather", "rain", "sun"),))


def _harness(item: Notice, folder: Path) -> tuple[FlowHarness, Letters]:
    resources, done = Resources(), Letters()
    resources.insert(done)
    return FlowHarness(lambda flow: _declare(flow, item), folder, resources=resources), done


def _declare(flow: Flow, item: Notice) -> None:
    flow.add("it", item)


@pytest.mark.parametrize("item", [Notice(), Notice(sent=True)])
async def test_what_is_always_to_be_applied_is_done_each_time(item: Notice, tmp_path: Path) -> None:
    """An `apply_check` that says true is enough; the item is done, and a plan says why."""
    harness, done = _harness(item, tmp_path)
    for times in (1, 2):
        would = (await harness.ensure(dry_run=True)).items["it"]
        assert (would.status, would.message) == (ItemStatus.WOULD_CHANGE, "runs every time")
        assert (await harness.ensure()).items["it"].status is ItemStatus.DONE
        assert done == ["it"] * times


async def test_it_does_not_run_to_be_cleaned_up(tmp_path: Path) -> None:
    """Where nothing differs from the clean state, there is nothing to clean up."""
    harness, done = _harness(Notice(), tmp_path)
    await harness.ensure()
    assert (await harness.clean()).items["it"].status is ItemStatus.UNCHANGED
    assert done == ["it"]


async def test_what_always_differs_has_not_reached_its_goal(tmp_path: Path) -> None:
    """Something that is still told to differ is a failure, as the item may have done nothing."""
    harness, _ = _harness(NeverThere(), tmp_path)
    ended = (await harness.ensure()).items["it"]
    assert ended.status is ItemStatus.FAILED
    assert isinstance(ended.error, GoalNotReached)
    assert "weather: rain → sun" in str(ended.error)
