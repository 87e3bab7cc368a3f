"""A workspace that is moved, deleted or replaced while an execution runs in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from item_world import Stage, Thing, ThingState

from peaceful import ItemCtx, ItemStatus
from peaceful._app.register import register_of
from peaceful._errors.running import WorkspaceGone
from peaceful._executions.registry import Executions
from peaceful._model.document import Ending
from peaceful._model.execution import ExecutionState
from peaceful.commands import (
    CmdCtx,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    Workspace,
    YamlStateStore,
)

CHAIN = {"a": (), "b": ("a",), "c": ("b",)}
DONE, NOT_STARTED = ItemStatus.DONE, ItemStatus.NOT_STARTED


def _deleted(root: Path) -> None:
    shutil.rmtree(root)


def _moved(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


def _deleted_below(root: Path) -> None:
    shutil.rmtree(root / ".peace")


def _replaced(root: Path) -> None:
    """By another workspace with a profile of the same name, as `init` makes it."""
    shutil.rmtree(root)
    (root / ".peace/stage/dev/things").mkdir(parents=True)


WAYS = [_deleted, _moved, _deleted_below, _replaced]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage in a workspace of its own."""
    return Stage(tmp_path / "ws")


class Played:
    """A command on the stage, in a workspace with a register, and how it ended."""

    def __init__(self, stage: Stage, strike: Callable[[Path], None], at: str) -> None:
        self.stage = stage
        self.endings: list[Ending] = []

        async def hook(_: ItemCtx) -> None:
            strike(stage.folder)
            self.left = sorted(stage.folder.rglob("*"))

        stage.world.hooks[at] = hook

    def ctx(self) -> CmdCtx:
        """What it runs on."""
        flow = self.stage.flow(CHAIN)
        store = YamlStateStore(self.stage.workspace.flow_folder("dev", flow.id))
        ctx = self.stage.ctx(flow, store=store)
        register = register_of(self.stage.workspace)
        return replace(ctx, register=register, on_end=self.endings.append)

    async def fails(self) -> WorkspaceGone:
        """Runs `ensure`, and returns how it fails."""
        # The workspace is there before, as after `init`.
        assert isinstance(await DiscoverCmd.exec(self.ctx()), Complete)
        self.endings.clear()
        with pytest.raises(WorkspaceGone) as caught:
            await EnsureCmd.exec(self.ctx())
        return caught.value

    def statuses(self) -> dict[str, ItemStatus]:
        """How the items ended, as the document has it."""
        (ending,) = self.endings
        assert ending.document.errors[""].code == "WORKSPACE-GONE"
        assert list(ending.document.errors) == [""]
        return {item: each.status for item, each in ending.document.items.items()}

    def register(self, folder: Path) -> Executions:
        """The register in a workspace."""
        return register_of(Workspace(folder, "stage"))


@pytest.mark.parametrize("strike", WAYS)
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("a", {"a": DONE, "b": NOT_STARTED, "c": NOT_STARTED}),
        ("b", {"a": DONE, "b": DONE, "c": NOT_STARTED}),
        ("c", {"a": DONE, "b": DONE, "c": DONE}),
    ],
)
async def test_the_ending_is_true(
    stage: Stage, strike: Callable[[Path], None], at: str, expected: dict[str, ItemStatus]
) -> None:
    """What was in progress is done, nothing else starts; nothing is made at the old place."""
    played = Played(stage, strike, at)
    error = await played.fails()
    assert played.statuses() == expected
    assert sorted(stage.folder.rglob("*")) == played.left
    assert stage.folder.exists() == (strike in (_deleted_below, _replaced))
    message = played.endings[0].document.items[at].message
    if strike is _moved:
        assert error.place == stage.folder.with_name("elsewhere") / ".peace/stage/dev/things"
        assert message == "is recorded there"
    else:
        assert error.place is None
        assert message == "could not be recorded"


async def test_while_an_item_is_looked_at(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was only looked at when the workspace went away is not changed, and not started."""
    played = Played(stage, _deleted, "none")
    goal = Thing.state_goal

    async def struck(item: Thing, ctx: ItemCtx) -> ThingState:
        if item.name == "b" and ctx.command == "ensure":
            _deleted(stage.folder)
        return await goal(item, ctx)

    monkeypatch.setattr(Thing, "state_goal", struck)
    await played.fails()
    assert played.statuses() == {"a": DONE, "b": NOT_STARTED, "c": NOT_STARTED}
    assert stage.world.applied == {"a": 1}


async def test_the_moved_workspace_goes_on(stage: Stage) -> None:
    """What was done is recorded where the folder is now; the next command there repeats nothing.

    Its history says how the execution ended.
    """
    played = Played(stage, _moved, "b")
    await played.fails()
    stage.world.hooks.clear()
    elsewhere = stage.folder.with_name("elsewhere")
    here = Stage(elsewhere)
    here.world = stage.world
    ctx = here.ctx(here.flow(CHAIN))
    outcome = await EnsureCmd.exec(ctx)
    assert isinstance(outcome, Complete)
    assert outcome.items_with(ItemStatus.UNCHANGED) == ("a", "b")
    assert stage.world.applied == {"a": 1, "b": 1, "c": 1}
    latest = played.register(elsewhere).list().records[0]
    assert latest.state is ExecutionState.FAILED
    assert latest.id == played.endings[0].execution.id
