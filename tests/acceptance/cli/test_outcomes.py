"""What stands on a terminal, or comes out of a pipe, when a command has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import text_app
from shell import Shell
from slow_files_shell import SlowFiles
from terminal_program import OnTerminal

from peaceful._present.text import display_width

Start = Callable[..., OnTerminal]

TEXTS = text_app.__file__


def headings(lines: list[str], program: str = "slow_files") -> list[int]:
    """The places of the lines that say what was executed."""
    return [place for place, line in enumerate(lines) if line.startswith(f"{program} ")]


@pytest.mark.parametrize("height", [24, 8, 5])
def test_apart_from_the_picture(ensure: Start, height: int) -> None:
    """One empty line is between the picture and what was done, however small the terminal."""
    program = ensure(4, 0.3, height=height)
    assert program.end() == 0
    lines = program.screen.everything
    last = headings(lines)[-1]
    assert lines[last - 1] == ""
    assert lines[last - 2] != ""
    names = "   file_1, file_2, file_3, file_4"
    # Where each has its line in the picture, it is not named again.
    pictured = all(any(f"✓ file_{n} " in each for each in lines) for n in range(1, 5))
    assert pictured == (height > 5)
    assert lines[last + 1 :] == ["", f"  done  4{'' if pictured else names}"]


@pytest.mark.parametrize("environment", ["TERM=dumb", "TERM=xterm"])
def test_apart_from_the_log(slow: SlowFiles, on_terminal: Start, environment: str) -> None:
    """One empty line is between the log and what was done; a dumb terminal has a log."""
    slow.init(2, 0)
    progress = () if environment == "TERM=dumb" else ("--progress", "log")
    program = on_terminal("env", environment, "slow_files", "ensure", *progress)
    assert program.end() == 0
    lines = program.screen.everything
    [heading] = headings(lines)
    assert lines[heading - 1] == ""
    assert " slow_files ensure · default · " in lines[heading - 2]
    assert "\x1b" not in program.raw or environment != "TERM=dumb"


def test_in_files(slow: SlowFiles, shell: Shell) -> None:
    """In a file of its own, the outcome begins with its heading; in one with the log, apart."""
    slow.init(1, 0)
    shell.run("sh", "-c", "slow_files ensure > out 2> err")
    assert (shell.folder / "out").read_text().startswith("slow_files ensure · default · ")
    assert (shell.folder / "err").read_text().splitlines()[-1].endswith("s")
    shell.run("sh", "-c", "slow_files ensure > both 2>&1")
    lines = (shell.folder / "both").read_text().splitlines()
    [heading] = headings(lines)
    assert lines[heading - 1] == ""


def test_failure(shell: Shell, on_terminal: Start) -> None:
    """The picture, the error, and what was done: one empty line between each."""
    names = ("--names", "a", "--names", "b", "--names", "c")
    shell.run("python", TEXTS, "init", "f", *names, "--trouble", "fails", "--flow", "some")
    program = on_terminal("python", TEXTS, "write")
    assert program.end() == 1
    lines = program.screen.everything
    assert [line for line in lines if line.startswith(("texts write", "Error"))] == [
        lines[0],
        "Error ITEM-FAILED: a will not be written.",
        lines[headings(lines, "texts")[-1]],
    ]
    empty = [place for place, line in enumerate(lines) if not line]
    assert not any(place + 1 in empty for place in empty)
    assert lines[lines.index("Error ITEM-FAILED: a will not be written.") - 1] == ""


def test_dry_run(slow: SlowFiles, on_terminal: Start) -> None:
    """A dry run shows each item once."""
    slow.init(3, 0)
    program = on_terminal("slow_files", "ensure", "--dry-run")
    assert program.end() == 0
    lines = program.screen.everything
    assert lines[0].startswith("slow_files ensure --dry-run · default · ")
    assert lines[1:] == [
        "",
        *(f"  + file_{n}  would create: + content: file_{n}" for n in (1, 2, 3)),
        "",
        "  would create  3   file_1, file_2, file_3",
    ]


def test_diff(slow: SlowFiles, on_terminal: Start) -> None:
    """What differs is all that is left of a look at what is there."""
    slow.init(1, 0)
    program = on_terminal("slow_files", "diff")
    assert program.end() == 0
    lines = program.screen.everything
    assert lines[0].endswith(" · 1 item of 1 differs")
    assert lines[1:] == ["", "  file_1", "    + content: file_1"]


@pytest.mark.parametrize(("environment", "coloured"), [("NO_COLOR=1", False), ("A=1", True)])
def test_no_color(slow: SlowFiles, on_terminal: Start, environment: str, coloured: bool) -> None:
    """With NO_COLOR there is a picture all the same, and nothing in it is coloured."""
    slow.init(2, 0.3)
    program = on_terminal("env", environment, "slow_files", "ensure")
    assert program.end() == 0
    assert program.screen.everything[2].startswith("  ✓ file_1  ")
    assert any(f"\x1b[{code}m" in program.raw for code in (1, 2, 31, 32, 33)) == coloured


WIDE = """
import asyncio

from peaceful import App, Item, State


class Done(State):
    text: str | None


class Wide(Item[Done]):
    async def state_current(self, ctx):
        return Done(text=None)

    async def state_goal(self, ctx):
        return Done(text="コンテンツ" * 30)

    async def apply(self, ctx, current, goal):
        ctx.progress.bytes(2_000_000)
        for _ in range(10):
            ctx.progress.advance(200_000)
            ctx.progress.message("設定を書いています " * 9)
            await asyncio.sleep(0.03)
        return goal


app = App("wide")


@app.flow("wide")
def wide(flow):
    for number in range(200):
        flow.add(f"設定_é_ж_{number:03}", Wide())


app.main()
"""


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_wide_characters(shell: Shell, on_terminal: Start, columns: int) -> None:
    """200 items with wide characters fit a terminal of any width, while they run and afterwards."""
    (shell.folder / "wide.py").write_text(WIDE)
    shell.run("python", "wide.py", "init")
    many = ("--max-concurrency", "50")
    program = on_terminal("python", "wide.py", "ensure", *many, columns=columns)
    program.shows("more running")
    assert program.end() == 0
    lines = program.screen.everything
    assert all(display_width(each) <= columns for each in lines)
    assert [line.startswith("wide ensure") for line in lines].count(True) == 1 + (columns > 40)
    assert len(lines) <= 24 + 4
    assert [line.split()[:2] for line in lines[-1:]] == [["done", "200"]]


COMMANDS = (
    "status",
    "goal",
    "diff",
    "diff --format json",
    "ensure",
    "ensure --dry-run",
    "executions list",
    "profile show",
    "completion bash",
    "--help",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves(slow: SlowFiles, shell: Shell, command: str) -> None:
    """Where a pipe is closed before all is read, nothing is said of it, and nothing fails."""
    slow.init(3, 0)
    slow.run("discover")
    line = f"(slow_files {command} --progress none; echo $? > code) | head -n 1"
    told = shell.run("bash", "-c", line)
    assert len(told.out.splitlines()) == 1
    assert told.err == ""
    assert (shell.folder / "code").read_text() == "0\n"
    shell.run("bash", "-c", f"(slow_files {command} >&- 2>&-; echo $? > code)")
    assert (shell.folder / "code").read_text() == "0\n"
