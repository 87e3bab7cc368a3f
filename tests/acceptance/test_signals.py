"""The whole ladder, by process signals: safe points, CANCEL, KILL, and nothing left behind."""

from __future__ import annotations

import signal

import pytest
from keyboard import Keyboard
from processes import eventually
from shell import Running, Shell
from slow_files_shell import SlowFiles

LATER_THAN_A_KEY_REPEATS = 0.6
"""Seconds after which Ctrl-C counts as another press."""


def press_again(running: Running, keyboard: Keyboard, times: int = 1) -> None:
    """Presses Ctrl-C once more, so that it counts."""
    running.until("interrupt_requested", times)
    assert running.runs_for(LATER_THAN_A_KEY_REPEATS)
    keyboard.ctrl_c()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
def test_told_to_end(slow: SlowFiles, number: signal.Signals, code: int) -> None:
    """SIGTERM and SIGHUP are a safe stop as Ctrl-C is, with exit codes of their own."""
    slow.init(12, 0.3, layers=3)
    running = slow.start("ensure", "--max-concurrency", "4")
    running.until("change_started", 4)
    running.send(number)
    ended = running.end(expect=code)
    (request,) = ended.told("interrupt_requested")
    statuses = ended.statuses()
    assert len(request["in_progress"]) == 4
    assert {item for item, status in statuses.items() if status == "done"} == {
        *request["in_progress"]
    }
    assert ended.document["interrupt"]["source"] == number.name
    assert ended.items("item_started") == request["in_progress"]
    assert not running.processes()


def test_terminal_closed(slow: SlowFiles, keyboard: Keyboard) -> None:
    """Closing the terminal is a safe stop too, though nothing can be shown there any more."""
    slow.init(12, 0.5, layers=3)
    terminal = keyboard.terminal
    on_terminal = ("sh", "-c", 'exec 1>"$0" 2>&1; exec "$@"', terminal)
    running = slow.shell.start(*on_terminal, "slow_files", "ensure", terminal=terminal)
    assert eventually(lambda: len(slow.files()) >= 4)
    keyboard.hang_up()
    running.end(expect=129)
    assert 4 <= len(slow.files()) < 12
    (executed,) = slow.json("executions", "list")["executions"]
    assert (executed["state"], executed["interrupt"]["source"]) == ("interrupted", "SIGHUP")
    shown = slow.json("executions", "show", executed["id"])
    statuses = {item: each["status"] for item, each in shown["outcome"]["items"].items()}
    assert {item for item, status in statuses.items() if status == "done"} == slow.files().keys()
    assert set(statuses.values()) == {"done", "not_started"}


def test_safe_points(slow: SlowFiles) -> None:
    """An item with safe points stops at the next one, and carries on from there."""
    slow.init(4, 1, "--chunks", "10", layers=1)
    running = slow.start("ensure")
    running.until("item_progressed", 8)
    running.send(signal.SIGINT)
    ended = running.end(expect=130)
    assert set(ended.statuses().values()) == {"stopped"}
    assert ended.document["interrupt"]["level"] == "stop"
    done = slow.parts_done()
    assert len(done) == 4
    assert all(0 < parts < 10 for parts in done.values())
    stored = slow.json("status")
    assert {item: each["chunks"] for item, each in stored["states"].items()} == done
    assert stored["in_progress_since"].keys() == set(stored["stopped"]) == done.keys()
    assert f"stopped at: {done['file_1']} parts done" in slow.run("status").out

    resumed = slow.start("ensure").end(expect=0)
    assert set(resumed.statuses().values()) == {"done"}
    for event in resumed.told("item_progressed"):
        # At 0 before it knows what is done already.
        assert event["progress"]["done"] == 0 or event["progress"]["done"] >= done[event["item"]]
    assert len(slow.files()) == 4
    assert not slow.parts_done()


def test_cancel(slow: SlowFiles, keyboard: Keyboard) -> None:
    """The second Ctrl-C asks what is in progress to end, at once; a key repeat does not count."""
    slow.init(3, 60, layers=1)
    running = slow.start("ensure", terminal=keyboard.terminal)
    running.until("change_started", 3)
    keyboard.ctrl_c()
    running.until("interrupt_requested")
    for _ in range(5):
        keyboard.ctrl_c()
    press_again(running, keyboard)
    ended = running.end(expect=130)
    levels = [event["signal"]["level"] for event in ended.told("interrupt_requested")]
    assert levels == ["stop", "cancel"]
    assert set(ended.statuses().values()) == {"stopped"}
    assert not slow.files()


def test_children(slow: SlowFiles, keyboard: Keyboard) -> None:
    """Ctrl-C does not reach the child processes of items; the second one ends them all."""
    slow.init(3, 60, "--child", layers=1)
    running = slow.start("ensure", terminal=keyboard.terminal)
    # Each item starts a shell, and each shell a sleep.
    assert eventually(lambda: len(running.processes()) == 1 + 3 * 2)
    keyboard.ctrl_c()
    running.until("interrupt_requested")
    assert len(running.processes()) == 1 + 3 * 2
    press_again(running, keyboard)
    ended = running.end(expect=130)
    assert not running.processes()
    assert set(ended.statuses().values()) == {"abandoned"}
    assert not slow.files()
    assert set(slow.json("status")["in_progress_since"]) == {"file_1", "file_2", "file_3"}


def test_quit(slow: SlowFiles) -> None:
    """SIGQUIT ends the program at once, and all child processes of items; the next run tells."""
    slow.init(2, 60, "--child", layers=1)
    limited = ("sh", "-c", 'ulimit -c 0; exec "$0" "$@"')
    running = slow.shell.start(*limited, "slow_files", "ensure")
    assert eventually(lambda: len(running.processes()) == 1 + 2 * 2)
    running.send(signal.SIGQUIT)
    running.end(expect=128 + signal.SIGQUIT)
    assert eventually(lambda: not running.processes()), running.processes()
    (executed,) = slow.json("executions", "list")["executions"]
    assert executed["state"] == "lost"


STUBBORN = """
import asyncio

from peaceful import App, Flow, Item, ItemCtx, State


class DoneState(State):
    done: bool | None


class Deaf(Item[DoneState]):
    async def state_current(self, ctx: ItemCtx) -> DoneState:
        return DoneState(done=None)

    async def state_goal(self, ctx: ItemCtx) -> DoneState:
        return DoneState(done=True)

    async def apply(self, ctx: ItemCtx, current: DoneState, goal: DoneState) -> DoneState:
        while True:
            try:
                await ctx.run("sh", "-c", "trap '' TERM; sleep 60 & wait", check=False)
            except asyncio.CancelledError:
                ctx.progress.message("I will not end")


app = App("stubborn")


@app.flow("stubborn")
def stubborn(flow: Flow) -> None:
    flow.add("deaf", Deaf())


app.main()
"""


def test_kill(shell: Shell, keyboard: Keyboard) -> None:
    """The third Ctrl-C abandons items that do not let go, and kills all that they start."""
    (shell.folder / "stubborn.py").write_text(STUBBORN)
    program = ("python", "stubborn.py")
    shell.run(*program, "init")
    running = shell.start(
        *program, "ensure", "--progress", "json", "--format", "json", terminal=keyboard.terminal
    )
    assert eventually(lambda: len(running.processes()) == 3)
    keyboard.ctrl_c()
    press_again(running, keyboard)
    press_again(running, keyboard, 2)
    ended = running.end(expect=130)
    assert not running.processes()
    assert ended.statuses() == {"deaf": "abandoned"}
    assert ended.document["interrupt"]["level"] == "kill"
    shown = shell.run(*program, "executions", "list", "--format", "json").document
    assert [each["state"] for each in shown["executions"]] == ["interrupted"]
