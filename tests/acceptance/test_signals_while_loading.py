"""Signals in the middle of what a command does before there is anything to interrupt."""

from __future__ import annotations

import sys

import pytest
from shell import Shell

PROGRAM = """
import os, signal, sys, weakref
from pathlib import Path

from peaceful import App, Flow
from peaceful.items import Blank

app = App("late")


class Loud:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGTERM)


class Thing:
    pass


@app.flow("late")
def late(flow: Flow) -> None:
    match os.environ.get("WHERE"):
        case "set_name":
            type("Owner", (), {"x": Loud()})
        case "weak reference":
            thing = Thing()
            reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
            del thing
    flow.add("it", Blank(path=Path("it.txt").absolute(), lines=("x",)))


app.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals between processes")
@pytest.mark.parametrize("where", ["set_name", "weak reference"])
def test_where_nothing_can_be_raised(shell: Shell, where: str) -> None:
    """Where Python swallows or changes what a handler raises, the signal counts all the same."""
    (shell.folder / "late.py").write_text(PROGRAM)
    shell.run("python", "late.py", "init")
    shell.environment["WHERE"] = where
    ended = shell.start("python", "late.py", "ensure", "--format", "json", anew=True).end(
        expect=143
    )
    assert ended.document["outcome"] == "execution_interrupted"
    assert ended.document["interrupt"]["source"] == "SIGTERM"
    assert not (shell.folder / "it.txt").exists()
