"""Threads and processes that items leave running are named, and do not keep the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from shell import Shell

APP = '''
"""Items of which one leaves something running."""

import multiprocessing, os, subprocess, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import DEVNULL

from peaceful import App, Flow, Item, ItemCtx, State

POOL = ThreadPoolExecutor()
QUIET = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}


class S(State):
    there: bool | None = None


def wait():
    threading.Event().wait()


def sleep_quietly():
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
    time.sleep(60)


class It(Item[S]):
    """Nothing, with something beside it."""

    what: str = ""

    def state_current(self, ctx: ItemCtx) -> S:
        return S()

    def state_goal(self, ctx: ItemCtx) -> S:
        return S(there=True)

    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        time.sleep(0.03)  # Linux tells in hundredths of a second when a process started.
        match self.what:
            case "thread":
                threading.Thread(target=wait, name="forgotten").start()
            case "daemon_thread":
                threading.Thread(target=wait, name="forgotten", daemon=True).start()
            case "process":
                subprocess.Popen(["sleep", "60"], **QUIET)
            case "python_process":
                multiprocessing.get_context("fork").Process(target=sleep_quietly).start()
            case "brief_thread":
                threading.Thread(target=time.sleep, args=(0.01,)).start()
            case "nothing":
                others = set(threading.enumerate()) - {threading.main_thread()}
                Path("threads").write_text("\\n".join(each.name for each in others))
            case "idle_pool":
                POOL.submit(int).result()
            case "daemon":
                subprocess.run(["sh", "-c", "setsid sleep 60 &"], **QUIET)
        time.sleep(0.03)
        return goal


app = App("leavings")


@app.flow("f")
def f(flow: Flow, what: str) -> None:
    one = flow.add("one", It())
    leaves = flow.add("leaves", It(what=what))
    last = flow.add("last", It())
    flow.edge(one, leaves)
    flow.edge(leaves, last)


app.main()
'''

LINE = APP.splitlines().index("    threading.Event().wait()") + 1
THREAD = f"leaves has left a thread running: forgotten, at forgetful.py:{LINE}; it ends with this"
PROCESS = "leaves has left a process running: pid "


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder with the application."""
    (tmp_path / "forgetful.py").write_text(APP)
    with closing(Shell(tmp_path, os.environ)) as shell:
        yield shell


@pytest.mark.parametrize(
    ("what", "notice"),
    [
        ("thread", THREAD),
        ("daemon_thread", THREAD),
        ("process", PROCESS),
        ("python_process", PROCESS),
    ],
)
def test_what_goes_on(shell: Shell, what: str, notice: str) -> None:
    """It is named with its item, is no failure, and the command ends without it."""
    shell.run("python", "forgetful.py", "init", "--what", what)
    ended = shell.run("python", "forgetful.py", "ensure", "--format", "json")
    assert ended.document["outcome"] == "complete"
    (warning,) = ended.document["warnings"]
    assert warning.replace(f"{shell.folder}/", "").startswith(notice)
    assert ended.err.count(warning) == 1
    kept = shell.run("python", "forgetful.py", "executions", "list").out.splitlines()[-1].split()[0]
    shown = shell.run("python", "forgetful.py", "executions", "show", kept, "--format", "json")
    assert shown.document["outcome"]["warnings"] == [warning]


@pytest.mark.parametrize("what", ["brief_thread", "idle_pool", "daemon"])
def test_what_ends_by_itself(shell: Shell, what: str) -> None:
    """What is about to end, what Python ends, and a proper daemon are left alone."""
    shell.run("python", "forgetful.py", "init", "--what", what)
    ended = shell.run("python", "forgetful.py", "ensure", "--format", "json")
    assert ended.document["outcome"] == "complete"
    assert "running" not in ended.err
    assert ended.document["warnings"] == []


def test_the_framework_itself(shell: Shell) -> None:
    """Its own threads are known by their names, so that none is taken for an item's."""
    shell.run("python", "forgetful.py", "init", "--what", "nothing")
    shell.run("python", "forgetful.py", "ensure")
    names = (shell.folder / "threads").read_text().splitlines()
    assert "peaceful-journal-1" in names
    assert [name for name in names if not name.startswith("peaceful-")] == []
