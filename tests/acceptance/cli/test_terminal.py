"""What a person sees on a real terminal, while it runs, when they press keys, and at the end."""

from __future__ import annotations

import signal
from collections.abc import Callable

import text_app
from processes import eventually
from shell import Shell
from slow_files_shell import SlowFiles
from terminal_program import OnTerminal

from peaceful._present.text import display_width

Start = Callable[..., OnTerminal]

TEXTS = text_app.__file__
CTRL_C = "\x03"
CTRL_Z = "\x1a"
LATER = 0.6
"""Seconds after which Ctrl-C counts as another press."""


def summary(program: OnTerminal) -> list[str]:
    """The lines below the picture."""
    lines = program.screen.everything
    last = max(number for number, line in enumerate(lines) if line.startswith("slow_files ensure"))
    return lines[last:]


def test_one_press(ensure: Start, slow: SlowFiles) -> None:
    """Ctrl-C: what happens now is said at once; the picture stays; then what was done, what not."""
    program = ensure(8, 1, "--max-concurrency", "3")
    program.shows("0 of 8 · Ctrl-C to interrupt safely")
    program.shows("changing", times=3)
    assert not program.echoes()
    program.press(CTRL_C)
    program.shows("Interrupting: file_1, file_2 and file_3 are finishing; nothing new will start.")
    program.shows("Ctrl-C again asks them to stop now")
    program.shows("5 will not start")
    assert program.end() == 130
    assert "^C" not in program.raw
    assert program.echoes()
    lines = program.screen.everything
    assert lines[0].startswith("slow_files ensure · default · ")
    assert [each.split()[:2] for each in lines[2:5]] == [["✓", f"file_{n}"] for n in (1, 2, 3)]
    assert len(lines) - len(summary(program)) == 6
    assert len(summary(program)) <= 12
    assert summary(program)[1:] == [
        "",
        "  done         3",
        "  not started  5   file_4, file_5, file_6, file_7, file_8",
        "",
        "  Carry on with: slow_files ensure        What is left: slow_files diff",
    ]
    assert len(slow.files()) == 3


def test_a_held_key(ensure: Start) -> None:
    """A key that is held down is one press; held at the end, it spoils nothing.

    A script around the program ends with it, though everything was done.
    """
    program = ensure(2, 0.7)
    program.shows("changing", times=2)
    while program.let(0.03):
        program.press(CTRL_C)
    assert program.end() == 130
    # When all is told, keys are echoed again.
    assert [line.replace("^C", "") for line in summary(program)[2:]][:3] == [
        "  done  2",
        "",
        "  The interrupt changed nothing: everything was done.",
    ]


def test_two_presses(ensure: Start, slow: SlowFiles) -> None:
    """The second press asks items to stop, which these heed; each press says what it does."""
    program = ensure(2, 60)
    program.shows("changing", times=2)
    program.press(CTRL_C)
    program.shows("Ctrl-C again asks them to stop now")
    assert program.let(LATER)
    program.press(CTRL_C)
    program.shows("stopped: asked to end")
    assert program.end() == 130
    assert "  stopped  2" in summary(program)
    assert program.echoes()
    assert not slow.files()


DEAF = """
import asyncio

from peaceful import App, Item, State


class Done(State):
    done: bool | None


class Deaf(Item[Done]):
    async def state_current(self, ctx):
        return Done(done=None)

    async def state_goal(self, ctx):
        return Done(done=True)

    async def apply(self, ctx, current, goal):
        ctx.progress.message("listening to nobody")
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ctx.progress.message("I will not end")


app = App("deaf")


@app.flow("deaf")
def deaf(flow):
    flow.add("deaf", Deaf())


app.main()
"""


def test_three_presses(shell: Shell, on_terminal: Start) -> None:
    """The third press abandons what does not let go, and the process ends."""
    (shell.folder / "deaf.py").write_text(DEAF)
    shell.run("python", "deaf.py", "init")
    program = on_terminal("python", "deaf.py", "ensure")
    program.shows("listening to nobody")
    program.press(CTRL_C)
    program.shows("Ctrl-C again asks it to stop now")
    assert program.let(LATER)
    program.press(CTRL_C)
    program.shows("Ctrl-C again abandons it")
    assert program.let(LATER)
    program.press(CTRL_C)
    assert program.end() == 130
    assert "  abandoned  1" in program.screen.everything
    assert program.screen.everything[-1].startswith("  Carry on with: python deaf.py ensure")
    assert program.echoes()


def test_sigterm(ensure: Start) -> None:
    """SIGTERM is a safe stop with a deadline, which the picture tells; exit code 143."""
    program = ensure(3, 0.8, "--max-concurrency", "2")
    program.shows("changing", times=2)
    program.process.send_signal(signal.SIGTERM)
    program.shows("Interrupting (by SIGTERM): file_1 and file_2 are finishing")
    program.shows("after the signal they are asked to stop")
    assert program.end() == 143
    assert "  Interrupted by SIGTERM" in summary(program)


def test_closed_window(ensure: Start, slow: SlowFiles) -> None:
    """When the terminal goes away, what is in progress finishes, is remembered; exit code 129."""
    program = ensure(4, 0.8, "--max-concurrency", "2")
    program.shows("changing", times=2)
    program.hang_up()
    assert program.end() == 129
    assert len(slow.files()) == 2
    [newest] = slow.json("executions", "list", "--limit", "1")["executions"]
    assert (newest["state"], newest["interrupt"]["source"]) == ("interrupted", "SIGHUP")


def test_nohup(slow: SlowFiles, on_terminal: Start) -> None:
    """Started by nohup, it goes on when the terminal goes away."""
    slow.init(2, 0.8, layers=1)
    program = on_terminal("nohup", "slow_files", "ensure", "--progress", "log")
    program.shows("nohup: ignoring input")
    told = slow.shell.folder / "nohup.out"
    assert eventually(lambda: told.exists() and "file_1: started changing" in told.read_text())
    program.hang_up()
    assert program.end() == 0
    assert len(slow.files()) == 2


def test_small_terminals(ensure: Start) -> None:
    """In a terminal of any size, and when it is made another, the picture is whole."""
    program = ensure(60, 1.2, "--max-concurrency", "50", columns=20, height=5)
    program.shows("more running")
    program.shows("0 of 60 · Ctrl-C")
    for columns, height in ((70, 20), (30, 8), (100, 30)):
        program.resize(columns, height)
        program.shows("of 60 · Ctrl-C to interrupt safely"[: columns - 8])
        assert len(program.screen.lines) <= height
        assert all(display_width(each) <= columns for each in program.screen.lines)
    program.press(CTRL_C)
    assert program.end() == 130
    assert [line for line in program.screen.lines if line.startswith("slow_files ensure")]
    assert "  not started  10   " in "\n".join(summary(program))


def test_keys_that_are_pressed(ensure: Start) -> None:
    """Whatever is typed while it runs does not get into the picture."""
    program = ensure(2, 0.7)
    program.shows("0 of 2")
    program.press("hello\n\n\x1b[A")
    assert program.end() == 0
    assert "hello" not in program.raw
    assert sum(line.startswith("slow_files ensure") for line in program.screen.everything) == 2


def test_suspended(slow: SlowFiles, on_terminal: Start) -> None:
    """Ctrl-Z gives the terminal back as it was; fg goes on below what was written meanwhile."""
    slow.init(2, 1.5, layers=1)
    shell = on_terminal("bash", "--norc", "--noprofile", "--noediting", "-i")
    shell.press("PS1='[ready]'\n")
    shell.shows("[ready]")
    shell.press("slow_files ensure\n")
    shell.shows("0 of 2")
    shell.press(CTRL_Z)
    shell.shows("Stopped")
    shell.press("stty -a | grep -o ' echo '; echo between\n")
    shell.shows(" echo")
    shell.shows("between")
    shell.press("fg\n")
    shell.shows("complete in")
    shell.press("exit\n")
    assert shell.end() == 0
    lines = shell.screen.everything
    place = lines.index("between")
    assert sum("Ctrl-C to interrupt safely" in line for line in lines[:place]) == 1
    assert not any("Ctrl-C to interrupt safely" in line for line in lines[place:])


def test_prints_and_logs(shell: Shell, on_terminal: Start) -> None:
    """What items print stays above the picture."""
    shell.run("python", TEXTS, "init", "f", "a", "--flow", "some", "--trouble", "prints")
    program = on_terminal("python", TEXTS, "write")
    assert program.end() == 0
    lines = program.screen.everything
    for text in ("printed to stdout", "logged", "printed to stderr"):
        assert text in lines
        assert lines.index(text) < lines.index(
            next(line for line in lines if line.startswith("texts write"))
        )


def test_stdout_elsewhere(slow: SlowFiles, on_terminal: Start, shell: Shell) -> None:
    """Where stdout is no terminal, the picture tells the ending."""
    slow.init(1, 0)
    program = on_terminal("sh", "-c", "slow_files ensure --format json > out.json")
    assert program.end() == 0
    assert program.screen.everything[-1].startswith("  complete in ")
    assert (shell.folder / "out.json").read_text().startswith('{\n  "execution_id"')


def test_interrupted_from_another_terminal(ensure: Start, slow: SlowFiles) -> None:
    """An interrupt from elsewhere is seen here, with its reason; exit code 130."""
    program = ensure(4, 1, "--max-concurrency", "2")
    program.shows("changing", times=2)
    told = slow.run("interrupt", "--reason", "wrong version")
    assert "is interrupted: what is in progress finishes" in " ".join(told.out.split())
    program.shows("Interrupting (by the interrupt command: “wrong version”)")
    assert program.end() == 130
    assert "  Interrupted by the interrupt command: “wrong version”" in summary(program)
