"""Items and flows run in tests as they run in applications, without one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Never

import pytest
from processes import PATIENCE

from peaceful import Flow, ItemCtx, ItemStatus, Resources
from peaceful.commands import (
    Complete,
    ExecutionEnded,
    ExecutionInterrupted,
    ExecutionSettings,
    ExecutionStarted,
    ItemEnded,
    StateKind,
    SyncCheck,
)
from peaceful.errors import ItemFailure, NameUnknown, OutOfSync
from peaceful.interrupt import IgnoreInterruptions
from peaceful.items import Blank
from peaceful.items.blank import BlankState
from peaceful.testing import FlowHarness, ItemHarness, ManualClock, MemoryStateStore, run_item


def blank(folder: Path, *lines: str) -> Blank:
    """An item that looks after the file `it`."""
    return Blank(path=folder / "it", lines=lines)


class Failing(Blank):
    """An item that fails whenever it is asked what it should be."""

    def state_goal(self, ctx: ItemCtx) -> Never:
        """Fails."""
        raise ItemFailure("no goal", help="none")


async def test_each_command_of_one_item(tmp_path: Path) -> None:
    """Discover, diff, ensure and clean, with and without changing anything."""
    harness = ItemHarness(blank(tmp_path, "a", "b"), tmp_path)

    assert [str(state) for state in await harness.states()] == ["absent", "2 lines"]
    assert str(await harness.difference()) == "+ lines: ['a', 'b']"
    assert (await harness.result_of("ensure", dry_run=True)).status is ItemStatus.WOULD_CREATE
    assert not (tmp_path / "it").exists()
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert await harness.difference() is None
    assert (await harness.result_of("clean", dry_run=True)).status is ItemStatus.WOULD_REMOVE
    assert (tmp_path / "it").exists()
    assert (await harness.result_of("clean")).status is ItemStatus.DONE
    assert isinstance(await harness.run("discover"), Complete)
    assert isinstance(await harness.run("diff"), Complete)


async def test_the_item_may_be_replaced_between_two_commands(tmp_path: Path) -> None:
    """As when a parameter changes between two runs of an application."""
    harness = ItemHarness(blank(tmp_path, "a"), tmp_path, item_id="mine")
    await harness.ensure()

    harness.item = blank(tmp_path, "b")
    outcome = await harness.ensure()

    assert outcome.items_with(ItemStatus.DONE) == ("mine",)
    assert (tmp_path / "it").read_text() == "b\n"


async def test_failures_of_the_item_are_raised(tmp_path: Path) -> None:
    """So that a test can expect them."""
    harness = ItemHarness(Failing(path=tmp_path / "it", lines=()), tmp_path)

    with pytest.raises(ItemFailure, match="no goal"):
        await harness.result_of("ensure")
    harness.item = Unwilling(path=tmp_path / "it", lines=())
    with pytest.raises(ItemFailure, match="unwilling"):
        await harness.states()
    with pytest.raises(ItemFailure, match="unwilling"):
        await harness.difference()


class Unwilling(Blank):
    """An item that fails whenever it is asked what it is."""

    def try_state_current(self, ctx: ItemCtx) -> Never:
        """Fails."""
        raise ItemFailure("unwilling", help="none")


async def test_an_interrupt_belongs_to_one_command(tmp_path: Path) -> None:
    """The next command begins with a clear latch."""
    harness = ItemHarness(blank(tmp_path, "a"), tmp_path)
    harness.sender.request()

    first, second = await harness.ensure(), await harness.ensure()

    assert isinstance(first, ExecutionInterrupted)
    assert isinstance(second, Complete)


async def test_events_of_all_commands_are_kept(tmp_path: Path) -> None:
    """Each command's start and end, and what happened between."""
    harness = ItemHarness(blank(tmp_path, "a"), tmp_path)

    await harness.ensure()
    await harness.ensure()

    assert isinstance(harness.events[0], ExecutionStarted)
    assert isinstance(harness.events[-1], ExecutionEnded)
    statuses = [event.status for event in harness.sink.of(ItemEnded)]
    assert statuses == [ItemStatus.DONE, ItemStatus.UNCHANGED]
    assert harness.sink.closed == 2


async def test_what_is_given_is_used(tmp_path: Path) -> None:
    """Store, strategy, settings, clock, resources."""
    store, clock = MemoryStateStore(), ManualClock()
    resources = Resources()
    resources.insert("a resource")
    harness = FlowHarness(
        lambda flow: flow.add("one", blank(tmp_path, "a")),
        tmp_path,
        store=store,
        strategy=IgnoreInterruptions(),
        settings=ExecutionSettings(max_concurrency=1),
        resources=resources,
        clock=clock,
    )
    harness.sender.request()

    outcome = await harness.ensure()

    assert isinstance(outcome, Complete)
    assert outcome.timings.started_at == clock.now()
    assert store.load(StateKind.CURRENT)["one"].at == clock.now()
    assert harness.ctx.settings.max_concurrency == 1
    assert harness.ctx.resources.get(str) == "a resource"


class Found(Blank):
    """An item that takes its lines from a resource."""

    def state_goal(self, ctx: ItemCtx) -> BlankState:
        """What the resource says."""
        return BlankState(lines=tuple(ctx.resources.get(str).split()))


async def test_an_item_is_given_resources(tmp_path: Path) -> None:
    """What an application would insert, a test of one item can insert."""
    resources = Resources()
    resources.insert("a resource")
    harness = ItemHarness(Found(path=tmp_path / "it", lines=()), tmp_path, resources=resources)
    await harness.ensure()
    assert (tmp_path / "it").read_text().split() == ["a", "resource"]


async def test_a_flow_is_run_as_a_whole_or_in_part(tmp_path: Path) -> None:
    """With what its items refer to, `--only` and the check of what is stored."""

    def declare(flow: Flow) -> None:
        for name in ("one", "two"):
            flow.add(name, Blank(path=tmp_path / name, lines=(name,)))

    harness = FlowHarness(declare, tmp_path)

    outcome = await harness.ensure(only=["two"])
    assert outcome.items_with(ItemStatus.DONE) == ("two",)
    with pytest.raises(NameUnknown):
        await harness.clean(only=["three"])
    await harness.ensure()
    (tmp_path / "one").write_text("changed")
    with pytest.raises(OutOfSync):
        await harness.ensure(sync=SyncCheck.CURRENT)
    assert isinstance(await harness.clean(), Complete)


def test_a_test_without_a_loop_can_run_one_command(tmp_path: Path) -> None:
    """One call, one result; or the item's failure."""
    item = blank(tmp_path, "a")

    assert run_item(item, tmp_path, dry_run=True).status is ItemStatus.WOULD_CREATE
    assert run_item(item, tmp_path).status is ItemStatus.DONE
    assert run_item(item, tmp_path).status is ItemStatus.UNCHANGED
    assert run_item(item, tmp_path, "clean").status is ItemStatus.DONE
    with pytest.raises(ItemFailure, match="no goal"):
        run_item(Failing(path=tmp_path / "it", lines=()), tmp_path)


async def test_an_item_that_blocks_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of an item that blocks the event loop fails, and names the item and the place."""
    noticed = threading.Event()

    class Blocking(Blank):
        async def state_goal(  # type: ignore[override]
            self, ctx: ItemCtx
        ) -> BlankState:
            noticed.wait(PATIENCE)  # The mistake: it lets nobody else in.
            return BlankState(lines=self.lines)

    class Blocked(list[str]):
        def append(self, sentence: str) -> None:
            super().append(sentence)
            noticed.set()

    harness = ItemHarness(Blocking(path=tmp_path / "it", lines=("x",)), tmp_path, item_id="slow")
    monkeypatch.setattr(harness, "_blocked", Blocked())
    with pytest.raises(AssertionError, match=r"slow has blocked everything else .*test_harness.py"):
        await harness.ensure()
