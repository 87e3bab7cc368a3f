"""A process that an item forks never comes back into the framework."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from shell import Shell

APP = '''
"""Items of which one forks; each kind of file tells which process wrote it."""

import asyncio, os, sys, threading
from pathlib import Path

from peaceful import App, Flow, Interaction, Item, ItemCtx, State, mapped


class S(State):
    there: bool | None = None


def leave(how):
    """What the forked process does in the user's code."""
    if how == "returns":
        return
    if how == "raises":
        raise ValueError("odd")
    if how == "exits":
        sys.exit(7)


def fork(how, folder):
    pid = os.fork()
    if pid == 0:
        leave(how)
    else:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        (folder / "status").write_text(str(status))
    return pid


class It(Item[S]):
    """A file."""

    folder: Path
    name: str
    where: str = ""
    how: str = ""

    @property
    def path(self):
        return self.folder / self.name

    def _forks(self, here):
        if self.where == here:
            return fork(self.how, self.folder)
        return None

    async def state_current(self, ctx: ItemCtx) -> S:
        return S(there=True if self.path.exists() else None)

    async def state_goal(self, ctx: ItemCtx) -> S:
        return S(there=True)

    def diff(self, current, goal):
        self._forks("diff")
        return super().diff(current, goal)

    def interactions(self):
        self._forks("interactions")
        return ()

    def _make(self):
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()}\\n")


class Coroutine(It):
    async def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        if self._forks("apply") == 0:
            if self.how == "awaits":
                await asyncio.sleep(0.01)
            return goal
        async with asyncio.TaskGroup() as group:
            group.create_task(self._within())
        await asyncio.to_thread(self._forks, "to_thread")
        await asyncio.sleep(0.01)
        self._make()
        return goal

    async def _within(self):
        async def innermost():
            if self._forks("nested") == 0 and self.how == "awaits":
                await asyncio.sleep(0.01)

        await asyncio.create_task(innermost())


class Plain(It):
    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        if self._forks("thread") == 0:
            ctx.progress.message("here")
            if self.how == "awaits":
                ctx.blocking(ctx.sleep(0.01))
            return goal
        self._make()
        return goal


app = App("forks")


@app.flow("f")
def f(flow: Flow, folder: Path, where: str, how: str) -> None:
    if where == "flow":
        fork(how, folder)

    def name(text: bool) -> str:
        if where == "mapped":
            fork(how, folder)
        return "forks"

    one = flow.add("one", Coroutine(folder=folder, name="one"))
    kind = Plain if where == "thread" else Coroutine
    named = mapped("name", name, one.state.there)
    forks = flow.add("forks", kind(folder=folder, name=named, where=where, how=how))
    last = flow.add("last", Coroutine(folder=folder, name="last"))
    flow.edge(forks, last)
    flow.add("beside", Plain(folder=folder, name="beside"))


app.main()
'''

STATUS = {"returns": 0, "raises": 1, "exits": 7, "awaits": 1}
WHERE = {
    "apply": STATUS,
    "nested": STATUS,
    "thread": STATUS,
    "diff": ("returns", "raises", "exits"),
    "interactions": ("returns",),
    "mapped": ("returns", "raises", "exits"),
    "flow": ("returns", "raises", "exits"),
    "to_thread": ("returns",),
}


@pytest.mark.parametrize(
    ("where", "how"), [(where, how) for where, ways in WHERE.items() for how in ways]
)
def test_it_ends_where_it_would_come_back(tmp_path: Path, where: str, how: str) -> None:
    """It ends at once, with the code that what it raised means; its parent notices nothing."""
    (tmp_path / "forks.py").write_text(APP)
    folder = tmp_path / "out"
    folder.mkdir()
    with closing(Shell(tmp_path, os.environ)) as shell:
        program = ("python", "forks.py")
        shell.run(*program, "init", "--folder", folder, "--where", "none", "--how", how)
        if where == "interactions":  # They are asked for where parameters have changed.
            shell.run(*program, "ensure")
            for path in folder.iterdir():
                path.unlink()
        shell.run(*program, "init", "--where", where)
        ended = shell.run(*program, "ensure", "--format", "json")
    assert set(ended.statuses().values()) == {"done"}
    assert "Traceback" not in ended.err
    assert (folder / "status").read_text() == str(STATUS[how])
    for name in ("one", "forks", "last", "beside"):
        assert len((folder / name).read_text().splitlines()) == 1
