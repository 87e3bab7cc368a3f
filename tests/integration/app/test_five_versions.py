"""A tool in five versions: what is deployed outlives each, and the newest cleans all of it up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from peaceful import App, Flow, Given, Item, ItemCtx, Param, State, upgrades
from peaceful._app.contexts import Contexts, ExecutionOptions
from peaceful._storage.backup import files_of
from peaceful.commands import CleanCmd, CmdCtx, Complete, EnsureCmd
from peaceful.interrupt import Interruptible, InterruptSender, interrupt_channel

STEPS: list[Callable[[], None]] = [lambda: None]
"""Called in the middle of each change."""


class TextState(State):
    """What is in a file."""

    text: str | None = None


class NoteState(State):
    """What is in a file, by lines."""

    state_version: ClassVar[int] = 2
    lines: tuple[str, ...] | None = None


@upgrades(NoteState, from_version=1)
def _lines_of(old: dict[str, Any]) -> dict[str, Any]:
    return {"lines": None if old["text"] is None else old["text"].splitlines()}


class _InFile:
    path: Path

    def identity(self) -> str:
        return f"file:{self.path}"

    def _write(self, text: str | None) -> None:
        STEPS[0]()
        if text is None:
            self.path.unlink(missing_ok=True)
        else:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(text)
        STEPS[0]()


class Text(_InFile, Item[TextState]):
    """A file with a text."""

    path: Path
    text: str

    async def state_current(self, ctx: ItemCtx) -> TextState:
        """What is in it."""
        return TextState(text=self.path.read_text() if self.path.exists() else None)

    async def state_goal(self, ctx: ItemCtx) -> TextState:
        """The text."""
        return TextState(text=self.text)

    async def apply(self, ctx: ItemCtx, current: TextState, goal: TextState) -> TextState:
        """Writes or removes it."""
        self._write(goal.text)
        return goal


class Note(_InFile, Item[NoteState], was=f"{Text.__module__}.Text"):
    """A file with lines: what a text has become."""

    path: Path
    lines: tuple[str, ...]

    async def state_current(self, ctx: ItemCtx) -> NoteState:
        """What is in it."""
        there = self.path.exists()
        return NoteState(lines=tuple(self.path.read_text().splitlines()) if there else None)

    async def state_goal(self, ctx: ItemCtx) -> NoteState:
        """The lines."""
        return NoteState(lines=self.lines)

    async def apply(self, ctx: ItemCtx, current: NoteState, goal: NoteState) -> NoteState:
        """Writes or removes it."""
        self._write(None if goal.lines is None else "\n".join(goal.lines))
        return goal


def version(number: int) -> App:
    """The tool in a version: items renamed, split, merged, removed, of another type; and more."""
    app = App("tool", version=f"{number}.0", prune=True)
    if number < 5:

        @app.flow("deploy")
        def _deploy(flow: Flow, into: Path) -> None:
            _declare(flow, number, into)
    else:

        @app.flow("ship", was="deploy")
        def _ship(flow: Flow, target: Annotated[Path, Param(was="into")], owner: str) -> None:
            _declare(flow, number, target)
            flow.add("owner", Note(path=target / "owner", lines=(owner,)))

    return app


def _declare(flow: Flow, number: int, into: Path) -> None:
    if number >= 4:
        flow.add("alpha", Note(path=into / "a", lines=("one", "two")))
        flow.add("b", Note(path=into / "b", lines=("b",)))
        return
    flow.add("a" if number == 1 else "alpha", Text(path=into / "a", text="one\ntwo"))
    for name in ("b1", "b2") if number == 2 else ("b",):
        flow.add(name, Text(path=into / name, text=name))
    if number < 3:
        flow.add("c", Text(path=into / "c", text="c"))


class Deployed:
    """A workspace in which one version after the other is run."""

    def __init__(self, folder: Path) -> None:
        """Begins with what others have put there."""
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir(parents=True)
        (self.out / "foreign").write_text("not ours")
        self.sender: InterruptSender
        self.ctx_of(1, init={"into": self.out})

    def ctx_of(self, number: int, init: dict[str, object] | None = None) -> CmdCtx:
        """The context of a version, with parameters given first."""
        contexts = Contexts.of(version(number), self.folder)
        flow = "deploy" if number < 5 else "ship"
        given = dict(init or {}) if number < 5 else {"owner": "ada", **(init or {})}
        if given:
            values = {name: Given(value, "a test") for name, value in given.items()}
            contexts.init(values, profile="default", flow=flow)
        self.sender, receiver = interrupt_channel()
        options = ExecutionOptions(interruptibility=Interruptible(receiver))
        return contexts.cmd_ctx("default", flow, options)

    def run(self, number: int, *, clean: bool = False) -> bool:
        """Run a version of the tool; whether it came to its end."""
        ctx = self.ctx_of(number)
        running = CleanCmd.exec(ctx) if clean else EnsureCmd.exec(ctx)
        return isinstance(asyncio.run(running), Complete)

    @property
    def there(self) -> dict[str, str]:
        """The files that are there."""
        return {path.name: path.read_text() for path in self.out.iterdir()}


NEW = {"foreign": "not ours", "a": "one\ntwo", "b": "b", "owner": "ada"}
"""What there is where the newest version is run first."""


@pytest.fixture(autouse=True)
def _no_steps() -> None:
    STEPS[0] = lambda: None


@pytest.mark.parametrize("versions", [(1, 2, 3, 4, 5), (1, 5), (2, 5), (3, 4, 5), (5,)])
def test_the_end_is_as_if_made_new(tmp_path: Path, versions: tuple[int, ...]) -> None:
    """However many versions are skipped; and nothing is left behind, nor taken from others."""
    deployed = Deployed(tmp_path)
    for number in versions:
        assert deployed.run(number)
    assert deployed.there == NEW
    assert deployed.run(5, clean=True)
    assert deployed.there == {"foreign": "not ours"}


@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("cleaning", [False, True])
def test_interrupted_at_any_step(tmp_path: Path, *, cleaning: bool, stride: int) -> None:
    """In the middle of each change of each version; the next one carries on."""
    for step in count(1, stride):
        deployed = Deployed(tmp_path / f"{step}")
        left = [step]

        def interrupt(deployed: Deployed = deployed, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                deployed.sender.request()

        STEPS[0] = interrupt
        for number in (1, 2, 3, 4, 5):
            deployed.run(number)
        if cleaning:
            deployed.run(5, clean=True)
        STEPS[0] = lambda: None
        assert deployed.run(5)
        assert deployed.there == NEW
        assert deployed.run(5, clean=True)
        assert deployed.there == {"foreign": "not ours"}
        if left[0] > 0:
            break
    assert step > 20


@pytest.mark.parametrize(("earlier", "later"), [(1, 2), (3, 4), (1, 5)])
def test_what_an_earlier_version_stored_is_kept(tmp_path: Path, earlier: int, later: int) -> None:
    """Once, before anything of it is changed; the earlier version can go on with it."""
    deployed = Deployed(tmp_path)
    assert deployed.run(earlier)
    assert deployed.run(earlier)
    contexts = Contexts.of(version(earlier), tmp_path)
    before = files_of(contexts.workspace, "default")
    pattern = "default.before-upgrade-*.json"
    assert not [*contexts.workspace.folder.glob(pattern)]
    # What is only looked at changes nothing.
    asyncio.run(EnsureCmd.exec(deployed.ctx_of(min(later, 4)), dry_run=True))
    assert files_of(contexts.workspace, "default") == before
    assert deployed.run(later)
    [path] = contexts.workspace.folder.glob(pattern)
    assert deployed.run(later)
    assert [*contexts.workspace.folder.glob(pattern)] == [path]
    contexts.restore(path, sure=True)
    assert files_of(contexts.workspace, "default") == before
    assert deployed.run(earlier)


def test_a_plan_says_what_an_upgrade_does(tmp_path: Path) -> None:
    """Which items are new, renamed, replaced or gone, and which states are read as others."""
    deployed = Deployed(tmp_path)
    assert deployed.run(1)
    outcome = asyncio.run(EnsureCmd.plan(deployed.ctx_of(4)))
    assert isinstance(outcome, Complete)
    plan = outcome.value
    assert {item: each.status.value for item, each in plan.items.items()} == {
        "alpha": "unchanged",
        "b": "unchanged",
        "c": "would_remove",
    }
    assert plan.remarks[0] == "alpha takes over what a has made"
    assert "upgraded from version 1 to 2" in " ".join(plan.remarks)
    assert deployed.run(4)
