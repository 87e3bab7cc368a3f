"""A later version of an application finds what an earlier one has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from peaceful import Flow, Item, ItemCtx, ItemStatus, State, upgrades
from peaceful._item.item import AnyItem
from peaceful._runtime.ctx import ProfilesFlowCtx
from peaceful.commands import (
    CleanCmd,
    Complete,
    DiffCmd,
    StateKind,
    StatusCmd,
    StoredState,
    SyncCheck,
    Warned,
)
from peaceful.errors import OutOfSync, StorageError
from peaceful.testing import FlowHarness, MemoryStateStore


class PageState(State):
    """The second version: one text. In the first, it was a list of lines."""

    state_version: ClassVar[int] = 2

    text: str | None


@upgrades(PageState, from_version=1)
def _lines_are_text(old: dict[str, Any]) -> Mapping[str, Any]:
    lines = old["lines"]
    return {"text": None if lines is None else "\n".join(lines)}


class Page(Item[PageState], was=("tool.Sheet", "tool.pages.Leaf")):
    """A file."""

    path: Path
    text: str | None = "a\nb"

    def state_current(self, ctx: ItemCtx) -> PageState:
        """What is in it."""
        return PageState(text=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> PageState:
        """The text."""
        return PageState(text=self.text)

    def apply(self, ctx: ItemCtx, current: PageState, goal: PageState) -> PageState:
        """Writes or removes it."""
        if goal.text is None:
            self.path.unlink()
        else:
            self.path.write_text(goal.text)
        return goal


class Old:
    """A workspace in which an earlier version has stored `one`, a file of two lines."""

    def __init__(self, folder: Path) -> None:
        """Begins with the file and what is stored of it."""
        self.path = folder / "page.txt"
        self.path.write_text("a\nb")
        self.store = MemoryStateStore()
        self.items: dict[str, AnyItem] = {"one": Page(path=self.path)}
        self.harness = FlowHarness(self._declare, folder, store=self.store)

    async def stores(self, item: str = "one", **changes: Any) -> None:
        """Stores an entry as an earlier version would: by default, of version 1."""
        ctx = self.harness.ctx
        params = {"path": str(self.path), "text": "a\nb"}
        entry = replace(
            StoredState(Page.kind(), 1, {"lines": ["a", "b"]}, params, ctx.clock.now()), **changes
        )
        writer = self.store.open("an execution", [item], applies=False)
        await writer.record(item, current=entry, goal=entry)
        await writer.close()

    def stored(self, item: str = "one") -> StoredState:
        """What is stored of an item now."""
        return self.store.load(StateKind.CURRENT)[item]

    @property
    def warnings(self) -> list[str]:
        """What people were told."""
        return [event.text for event in self.harness.sink.of(Warned)]

    def _declare(self, flow: Flow) -> None:
        for name, item in self.items.items():
            flow.add(name, item)


@pytest.fixture
def old(tmp_path: Path) -> Old:
    """A workspace of an earlier version."""
    return Old(tmp_path)


async def test_an_old_state_is_shown_upgraded(old: Old) -> None:
    """`status` says so, and changes nothing; the next command stores it as it is today."""
    await old.stores()

    known = StatusCmd.exec(old.harness.ctx)["one"]

    assert known.note == "upgraded from version 1 to 2"
    assert known.shown == "text=a\nb (upgraded from version 1 to 2)"
    assert known.stored is not None
    assert (known.stored.version, known.stored.state) == (2, {"text": "a\nb"})
    assert old.stored().version == 1
    assert DiffCmd.stored(old.harness.ctx).diffs == {"one": None}
    assert isinstance(await old.harness.ensure(sync=SyncCheck.BOTH), Complete)
    assert (old.stored().version, old.stored().state) == (2, {"text": "a\nb"})
    assert StatusCmd.exec(old.harness.ctx)["one"].note == ""
    assert old.warnings == []


async def test_a_partial_state_is_upgraded(old: Old) -> None:
    """Where the item had stopped at a safe point."""
    await old.stores(in_progress_since=old.harness.ctx.clock.now(), stopped=True)

    known = StatusCmd.exec(old.harness.ctx)["one"]

    assert known.stopped_at == "text=a\nb (upgraded from version 1 to 2)"


async def test_references_to_an_item_that_is_not_selected(old: Old) -> None:
    """They take its stored state, upgraded."""
    await old.stores()

    def declare(flow: Flow) -> None:
        one = flow.add("one", Page(path=old.path))
        flow.add("two", Page(path=old.path.with_name("two.txt"), text=one.state.text))

    old.harness = FlowHarness(declare, old.path.parent, store=old.store)
    assert isinstance(await old.harness.ensure(only=["two"]), Complete)
    assert old.path.with_name("two.txt").read_text() == "a\nb"


UNREADABLE = {"lines": 7}


@pytest.mark.parametrize("command", ["ensure", "discover", "clean"])
async def test_what_cannot_be_read_is_discovered_anew(old: Old, command: str) -> None:
    """It is said in a line, which names the item and the version; the entry stays until then."""
    await old.stores(state=UNREADABLE)

    shown = StatusCmd.exec(old.harness.ctx)["one"].shown
    assert shown.startswith("lines=7 (it was stored by version 1 of PageState, which is of ")
    assert "_lines_are_text failed: TypeError" in shown
    assert "version 1" in DiffCmd.stored(old.harness.ctx).unknown["one"]
    assert old.stored().version == 1
    await getattr(old.harness, command)()

    assert old.stored().version == 2
    (warning,) = old.warnings
    assert warning.startswith("one is discovered anew")
    assert "version 1 of PageState, which is of version 2 here: " in warning


async def test_profiles_of_two_versions(old: Old, tmp_path: Path) -> None:
    """An old state is upgraded to be compared; of one that cannot be read, the reason is told."""
    await old.stores()
    other = Old(tmp_path)
    await other.stores(state=UNREADABLE)
    ctx = ProfilesFlowCtx(
        app="testing",
        profiles=("a", "b"),
        flows={"a": old.harness.ctx.flow, "b": other.harness.ctx.flow},
        stores={"a": old.store, "b": other.store},
    )

    assert "it was stored by version 1" in DiffCmd.profiles(ctx).unknown["one"]
    await other.stores()
    assert DiffCmd.profiles(ctx).diffs == {"one": None}


async def test_what_cannot_be_read_cannot_be_compared(old: Old) -> None:
    """A command that asks for what was stored to be still so is refused, with the reason."""
    await old.stores(state=UNREADABLE)

    with pytest.raises(OutOfSync, match="one: current state, stored: it was stored by version 1"):
        await old.harness.ensure(sync=SyncCheck.CURRENT)

    assert old.stored().version == 1


@pytest.mark.parametrize("command", ["ensure", "discover", "clean"])
async def test_what_a_later_version_stored_is_left_alone(old: Old, command: str) -> None:
    """The earlier version refuses to work on it, and names the item."""
    await old.stores(version=3, state={"pages": []})

    assert (
        "a later version of the application wrote it"
        in StatusCmd.exec(old.harness.ctx)["one"].shown
    )
    with pytest.raises(StorageError, match="What is stored of one is of version 3") as refused:
        await getattr(old.harness, command)()

    assert refused.value.code == "STATE-TOO-NEW"
    assert old.stored().version == 3
    assert old.path.exists()


@pytest.mark.parametrize("kind", ["tool.Sheet", "tool.pages.Leaf"])
async def test_an_item_whose_class_was_renamed(old: Old, kind: str) -> None:
    """What is stored of the earlier kinds is its own: nothing is left, nothing is done twice."""
    await old.stores(kind=kind)

    assert StatusCmd.exec(old.harness.ctx)["one"].note == "upgraded from version 1 to 2"
    outcome = await old.harness.ensure()
    assert outcome.items["one"].status is ItemStatus.UNCHANGED
    assert set(old.store.load(StateKind.CURRENT)) == {"one"}
    assert old.stored().kind == Page.kind()


async def test_a_left_item_whose_class_was_renamed(old: Old) -> None:
    """It is cleaned up by today's class."""
    old.items = {}
    await old.stores("gone", kind="tool.Sheet")

    assert StatusCmd.exec(old.harness.ctx)["gone"].note == "upgraded from version 1 to 2"
    assert isinstance(await CleanCmd.exec(old.harness.ctx), Complete)
    assert not old.path.exists()


async def test_a_left_item_that_two_classes_claim(old: Old) -> None:
    """Nobody can tell whose it is: it is kept."""

    class Another(Page, was="tool.Sheet"):
        pass

    old.items = {}
    await old.stores("gone", kind="tool.Sheet")

    outcome = await old.harness.clean()

    assert outcome.items["gone"].status is ItemStatus.FAILED
    assert "its class tool.Sheet is not in this program" in outcome.items["gone"].message
    assert old.path.exists()
    assert Another.kind() != Page.kind()


class Part(BaseModel):
    """A part of a state."""

    name: str


class LongPart(Part):
    """A part that says more than its declared type."""

    size: int


class PartsState(State):
    """Parts."""

    parts: list[Part] | None


class Parts(Item[PartsState]):
    """Something of parts."""

    done: list[str]
    goal: bool = True

    def state_current(self, ctx: ItemCtx) -> PartsState:
        """None."""
        return PartsState(parts=None)

    def state_goal(self, ctx: ItemCtx) -> PartsState:
        """One part, of either type."""
        return PartsState(parts=[LongPart(name="a", size=1) if self.goal else Part(name="a")])

    def apply(self, ctx: ItemCtx, current: PartsState, goal: PartsState) -> PartsState:
        """Says that it was called."""
        self.done.append("applied")
        return PartsState(parts=[LongPart(name="a", size=1)])


@pytest.mark.parametrize("goal", [True, False])
async def test_a_state_that_would_not_read_back_is_an_error(tmp_path: Path, goal: bool) -> None:
    """It names the item, the state and the field; where the goal shows it, nothing is changed."""
    item = Parts(done=[], goal=goal)
    harness = FlowHarness(lambda flow: flow.add("one", item), tmp_path)

    result = (await harness.ensure()).items["one"]

    assert result.status is ItemStatus.FAILED
    assert result.error is not None
    assert result.error.code == "STATE-NOT-READABLE"
    function = "state_goal" if goal else "apply"
    assert result.error.message.startswith(
        f"one cannot be stored: PartsState.parts[0], as Parts.{function} returned it"
    )
    assert item.done == ([] if goal else ["applied"])
    entry = harness.store.load(StateKind.CURRENT).get("one")
    assert entry is None or entry.in_progress_since is not None
