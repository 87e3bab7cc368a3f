"""An item that blocks the event loop: the program hears, says so, and leaves all the same."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import pytest
from keyboard import Keyboard
from processes import eventually
from shell import Running, Shell

LATER_THAN_A_KEY_REPEATS = 0.6

PROGRAM = """
import ctypes
import sys
import time
from pathlib import Path

from peaceful import App, Flow, Item, ItemCtx, State

app = App("blocking")


class Done(State):
    done: bool | None


class Blocks(Item[Done]):
    how: str

    async def state_current(self, ctx: ItemCtx) -> Done:
        return Done(done=None)

    async def state_goal(self, ctx: ItemCtx) -> Done:
        return Done(done=True)

    async def apply(self, ctx: ItemCtx, current: Done, goal: Done) -> Done:
        Path("blocks").touch()
        if self.how == "sleep":
            time.sleep(600)
        while self.how == "foreign":
            ctypes.CDLL(None).sleep(600)
        until = time.monotonic() + 600
        while time.monotonic() < until:
            pass
        return goal


class Quick(Blocks):
    async def apply(self, ctx: ItemCtx, current: Done, goal: Done) -> Done:
        return goal


@app.flow("f")
def f(flow: Flow, how: str) -> None:
    first = flow.add("quick", Quick(how=how))
    blocker = flow.add("blocker", Blocks(how=how))
    flow.edge(first, blocker)
    last = flow.add("last", Quick(how=how))
    flow.edge(blocker, last)


app.main()
"""

HOWS = ("sleep", "busy", "foreign")


@pytest.fixture(params=HOWS)
def blocked(shell: Shell, request: pytest.FixtureRequest, keyboard: Keyboard) -> Running:
    """A program that is blocked, in one way or another."""
    (shell.folder / "app.py").write_text(PROGRAM)
    shell.run("python", "app.py", "init", "--how", request.param)
    shell.environment["PEACEFUL_STOP_TIMEOUT"] = "1"
    words = ("python", "app.py", "ensure", "--progress", "json", "--format", "json")
    running = shell.start(*words, terminal=keyboard.terminal)
    assert eventually((shell.folder / "blocks").exists)
    return running


def check_ending(running: Running, shell: Shell, levels: Sequence[str]) -> dict[str, Any]:
    """The document of the ending, held to what is true of it, on stdout and in the history."""
    ended = running.end()
    assert not running.processes()
    document = ended.document
    assert document["outcome"] == "block_interrupted"
    assert ended.statuses() == {"quick": "done", "blocker": "abandoned", "last": "not_started"}
    assert document["items"]["blocker"]["message"].startswith("it does not let go in ")
    assert "app.py:" in document["items"]["blocker"]["message"]
    told = [event["signal"]["level"] for event in ended.told("interrupt_requested")]
    assert told == levels
    listed = shell.run("python", "app.py", "executions", "list", "--format", "json").document
    assert [each["state"] for each in listed["executions"]] == ["interrupted"]
    assert listed["executions"][0]["id"] == document["execution_id"]
    return document


def test_a_service_manager(blocked: Running, shell: Shell) -> None:
    """Deadlines are kept, the ending is written down and printed, and the program dies of it."""
    blocked.send(signal.SIGTERM)
    blocked.until("interrupt_requested")
    said = blocked.until("warned")["text"]
    assert said.startswith("blocker blocks everything (in ")
    document = check_ending(blocked, shell, ["stop", "cancel", "kill"])
    assert said in document["warnings"]
    assert blocked.process.wait() == -signal.SIGTERM


def test_three_presses(blocked: Running, shell: Shell, keyboard: Keyboard) -> None:
    """Every press is heard, and the third one ends it."""
    for times in (1, 2, 3):
        keyboard.ctrl_c()
        blocked.until("interrupt_requested", times)
        assert times == 3 or blocked.runs_for(LATER_THAN_A_KEY_REPEATS)
    check_ending(blocked, shell, ["stop", "cancel", "kill"])
    assert blocked.process.wait() == -signal.SIGINT


def test_it_is_named_unasked(blocked: Running) -> None:
    """After a second the item is named, with the place in its source and what to do about it."""
    said = blocked.until("warned")["text"]
    assert said.startswith("blocker has blocked everything else for more than 1.0 s (in ")
    assert "let it await what it waits for, or make its function a plain one" in said
