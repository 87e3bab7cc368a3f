"""An item that blocks the event loop: the program hears, says so, and leaves all the same."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from keyboard import Keyboard
from processes import eventually
from shell import Running, Shell
from tally import Record, measured, row

LATER_THAN_A_KEY_REPEATS = 0.6

PROGRAM = """
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
        if self.how == "starved":
            with starved():
                until = time.thread_time() + 0.3
                while time.thread_time() < until:
                    pass
            return goal
        if self.how == "sleep":
            time.sleep(600)
        while self.how == "foreign":
            ctypes.CDLL(None).sleep(600)
        until = time.monotonic() + 600
        while time.monotonic() < until:
            pass
        return goal


@contextmanager
def starved() -> Iterator[None]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(9)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


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


SECTION = "blocked loops"


def started(shell: Shell, keyboard: Keyboard, how: str, stop_timeout: str = "1") -> Running:
    """A program that is blocked in one way or another, once it is."""
    (shell.folder / "app.py").write_text(PROGRAM)
    shell.run("python", "app.py", "init", "--how", how)
    shell.environment["PEACEFUL_STOP_TIMEOUT"] = stop_timeout
    words = ("python", "app.py", "ensure", "--progress", "json", "--format", "json")
    running = shell.start(*words, terminal=keyboard.terminal)
    assert eventually((shell.folder / "blocks").exists)
    return running


@pytest.fixture(params=HOWS)
def blocked(shell: Shell, request: pytest.FixtureRequest, keyboard: Keyboard) -> Running:
    """A program that is blocked, in one way or another."""
    return started(shell, keyboard, request.param)


def check_ending(running: Running, shell: Shell) -> dict[str, Any]:
    """The document of the ending, held to what is true of it, on stdout and in the history.

    What signals do not ask for, deadlines see to.
    """
    ended = running.end()
    assert not running.processes()
    document = ended.document
    assert document["outcome"] == "block_interrupted"
    assert ended.statuses() == {"quick": "done", "blocker": "abandoned", "last": "not_started"}
    assert document["items"]["blocker"]["message"].startswith("it does not let go in ")
    assert "app.py:" in document["items"]["blocker"]["message"]
    told = [event["signal"]["level"] for event in ended.told("interrupt_requested")]
    assert told == ["stop", "cancel", "kill"]
    listed = shell.run("python", "app.py", "executions", "list", "--format", "json").document
    assert [each["state"] for each in listed["executions"]] == ["interrupted"]
    assert running.process.wait() == -signal.Signals[document["interrupt"]["source"]]
    assert listed["executions"][0]["id"] == document["execution_id"]
    return document


@pytest.mark.parametrize("how", HOWS)
def test_another_terminal(shell: Shell, keyboard: Keyboard, how: str) -> None:
    """Each level of the command `interrupt` is answered, and does what it says."""
    blocked = started(shell, keyboard, how, "60")
    for times, level in enumerate(("stop", "cancel", "kill"), 1):
        receipt = shell.run("python", "app.py", "interrupt", "--level", level, "--format", "json")
        assert receipt.code == 0
        assert receipt.document["changed"]
        assert receipt.document["level"] == level
        blocked.until("interrupt_requested", times)
    ended = blocked.end()
    assert ended.code == 130
    assert ended.document["interrupt"]["source"] == "command"
    assert ended.statuses() == {"quick": "done", "blocker": "abandoned", "last": "not_started"}


def test_a_service_manager(blocked: Running, shell: Shell) -> None:
    """Deadlines are kept, the ending is written down and printed, and the program dies of it."""
    blocked.send(signal.SIGTERM)
    blocked.until("interrupt_requested")
    said = blocked.until("warned")["text"]
    assert said.startswith("blocker blocks everything (in ")
    document = check_ending(blocked, shell)
    assert said in document["warnings"]
    assert document["interrupt"]["source"] == "SIGTERM"


def test_three_presses(blocked: Running, shell: Shell, keyboard: Keyboard) -> None:
    """Every press is heard, and the third one ends it."""
    for times in (1, 2, 3):
        keyboard.ctrl_c()
        blocked.until("interrupt_requested", times)
        assert times == 3 or blocked.runs_for(LATER_THAN_A_KEY_REPEATS)
    document = check_ending(blocked, shell)
    assert document["interrupt"]["source"] == "SIGINT"


def test_it_is_named_unasked(blocked: Running) -> None:
    """After a second the item is named, with the place in its source and what to do about it."""
    said = blocked.until("warned")["text"]
    assert said.startswith("blocker has blocked everything else for more than 1.0 s (in ")
    assert "let it await what it waits for, or make its function a plain one" in said


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(),
    reason="this kernel does not tell who waits for a processor",
)
def test_a_busy_machine(shell: Shell) -> None:
    """An item whose work is short is not blamed if the machine gives it no time."""
    (shell.folder / "app.py").write_text(PROGRAM)
    shell.run("python", "app.py", "init", "--how", "starved")
    ended = shell.run("python", "app.py", "ensure", "--format", "json")
    assert ended.document["outcome"] == "complete"
    assert ended.document["warnings"] == []


WAYS: dict[str, Sequence[str]] = {
    "told to end": ("SIGTERM",),
    "hung up on": ("SIGHUP",),
    "three presses": ("press", "press", "press"),
    "mixed signals": ("SIGTERM", "SIGHUP", "SIGINT"),
    "a press, then signals": ("press", "SIGTERM", "SIGHUP"),
}
"""What is sent, one after the other; where that is less than the whole ladder, deadlines follow."""


def answered(
    running: Running, keyboard: Keyboard, random: Random, sent: Sequence[str]
) -> Iterator[float]:
    """Sends signals, each at a random moment; tells how long each took to be answered."""
    assert running.runs_for(random.choice((0, random.uniform(0, 0.2), random.uniform(0.9, 1.3))))
    for times, each in enumerate(sent, 1):
        assert times == 1 or running.runs_for(LATER_THAN_A_KEY_REPEATS + random.uniform(0, 0.2))
        began = time.monotonic()
        if each == "press":
            keyboard.ctrl_c()
        else:
            running.send(signal.Signals[each])
        running.until("interrupt_requested", times)
        yield time.monotonic() - began


def interrupted_while_blocked(shell: Shell, keyboard: Keyboard, record: Record, seed: int) -> None:
    """Interrupts a program that is blocked, in one of many ways; counts it, and the answers."""
    random = Random(seed)
    how = HOWS[seed % len(HOWS)]
    way = random.choice([*WAYS])
    took: list[float] = []
    with (
        row(f"{how}, {way}", section=SECTION, record=record) as tally,
        tally.case(f"seed {seed}"),
    ):
        running = started(shell, keyboard, how, "1" if len(WAYS[way]) == 1 else "60")
        took += answered(running, keyboard, random, WAYS[way])
        check_ending(running, shell)
    measured(f"from a signal to its answer: {how}", took, section=SECTION, record=record)


@pytest.mark.parametrize("seed", range(3))
def test_interrupted(shell: Shell, keyboard: Keyboard, record_property: Record, seed: int) -> None:
    """Whatever signals come to a program that is blocked, each climbs, and it ends as told."""
    interrupted_while_blocked(shell, keyboard, record_property, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1102))
def test_interrupted_often(
    shell: Shell, keyboard: Keyboard, record_property: Record, seed: int
) -> None:
    """A hundred programs that are blocked hear every signal, and end as told."""
    interrupted_while_blocked(shell, keyboard, record_property, seed)
