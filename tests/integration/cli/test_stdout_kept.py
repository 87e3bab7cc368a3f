"""Stdout has the answer alone, whatever items write to its descriptor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from shell import Shell
from terminal_program import OnTerminal
from waiting import PATIENCE

from peaceful._cli.terminal.writer import Writer, stdout_kept

STDERR = Writer(os.fdopen(2, "w", closefd=False), "standard error")

Captured = pytest.CaptureFixture[str]


def to_stderr(line: str) -> None:
    """Shows a line on stderr."""
    STDERR.write(f"{line}\n")


@pytest.fixture
def stdout(capfd: Captured) -> Iterator[Writer]:
    """A writer to descriptor 1."""
    with os.fdopen(1, "w", closefd=False) as stream:
        yield Writer(stream, "standard output")


def test_what_others_write_goes_to_stderr(stdout: Writer, capfd: Captured) -> None:
    """Whether this process or a child writes it; afterwards all is as before."""
    with stdout_kept(stdout, to_stderr):
        os.write(1, b"others\n")
        subprocess.run(["echo", "child"], check=True)
        stdout.write("answer\n")
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("answer\nafter\n", "others\nchild\n")


def test_what_others_write_is_shown_by_lines(stdout: Writer, capfd: Captured) -> None:
    """Also half a line at the end, and what is no text."""
    said: list[str] = []
    with stdout_kept(stdout, said.append):
        os.write(1, b"one\ntwo \xe2")
        os.write(1, b"\x9c\x93\n\xff\n")
        stdout.write("answer\n")
        subprocess.run(["printf", "half"], check=True)
    assert capfd.readouterr() == ("answer\n", "")
    assert said == ["one", "two ✓", "�", "half"]


def test_a_flood(stdout: Writer, capfd: Captured) -> None:
    """Whoever floods waits for what is shown; without line breaks it is shown in parts."""
    said: list[str] = []
    with stdout_kept(stdout, said.append):
        for line_break in ("\\n", ""):
            flood = f"import sys; sys.stdout.write(('x' * 999 + '{line_break}') * 3000)"
            subprocess.run([sys.executable, "-c", flood], check=True)
    assert capfd.readouterr() == ("", "")
    assert said[:3000] == ["x" * 999] * 3000
    assert "".join(said[3000:]) == "x" * 999 * 3000
    assert max(map(len, said)) < 2**18


def test_without_stderr(stdout: Writer, capfd: Captured) -> None:
    """Then what others write goes nowhere."""
    with stdout_kept(stdout, Writer(None, "standard error").write):
        os.write(1, b"others\n")
    assert capfd.readouterr() == ("", "")


def test_a_process_that_goes_on(stdout: Writer, capfd: Captured) -> None:
    """What it writes after the end goes to stderr: its next line must not end it."""
    said: list[str] = []
    with stdout_kept(stdout, said.append):
        process = subprocess.Popen(["sh", "-c", "read _; echo late; echo later"], stdin=-1)
    process.communicate(b"\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert capfd.readouterr().out == ""


def test_another_place_than_the_descriptor(capfd: Captured) -> None:
    """Where stdout is replaced, as in a notebook, nothing is done."""
    with stdout_kept(Writer(None, "standard output"), to_stderr):
        os.write(1, b"x")
    assert capfd.readouterr() == ("x", "")


# ---- the command line


APP = '''
"""An item that writes to descriptor 1 in every way."""

import ctypes, os, subprocess, sys, time

from peaceful import App, Flow, Item, ItemCtx, State


class S(State):
    there: bool | None = None


class Writes(Item[S]):
    """Nothing but noise."""

    def state_current(self, ctx: ItemCtx) -> S:
        return S()

    def state_goal(self, ctx: ItemCtx) -> S:
        return S(there=True)

    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        time.sleep(0.2)  # The picture is there by now.
        os.write(1, b"straight\\n")
        subprocess.run(["echo", "inherited"])
        ctypes.CDLL(None).printf(b"buffered\\n")
        (sys.__stdout__ or sys.stdout).write("kept\\n")
        print("printed")
        return goal


app = App("noisy")


@app.flow("f")
def f(flow: Flow) -> None:
    flow.add("noise", Writes())


app.main()
'''

NOISE = ("straight", "inherited", "buffered", "kept", "printed")


@pytest.fixture
def noisy(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder with the application."""
    (tmp_path / "noisy.py").write_text(APP)
    with closing(Shell(tmp_path, os.environ)) as shell:
        shell.run("python", "noisy.py", "init")
        yield shell


@pytest.mark.parametrize("progress", ["log", "none", "json"])
def test_the_document_is_alone(noisy: Shell, progress: str) -> None:
    """Everything that an item writes is on stderr, and the events there stay whole."""
    words = ("python", "noisy.py", "ensure", "--format", "json", "--progress", progress)
    ended = noisy.run(*words)
    assert ended.document["outcome"] == "complete"
    told = ended.err.splitlines()
    if progress == "json":
        assert not told
        told = [each["text"] for each in ended.told("output")]
    assert {line for line in told if line in NOISE} == set(NOISE)


def test_on_a_terminal(noisy: Shell) -> None:
    """Each is a line above the picture, and in no line of it."""
    words = ("python", "noisy.py", "ensure")
    terminal = OnTerminal(*words, folder=noisy.folder, environment=noisy.environment)
    with closing(terminal):
        assert terminal.end() == 0
        shown = [line.rstrip() for line in terminal.screen.everything]
    assert [line for line in shown if line in NOISE[:2]] == [*NOISE[:2]]
    assert {line for line in shown if any(each in line for each in NOISE)} == set(NOISE)
    assert sum(line.startswith("noisy ensure") for line in shown) == 2  # The picture, the outcome.


def test_nobody_reads(noisy: Shell) -> None:
    """What an item writes is dropped then, in whichever way: it does not fail for it."""
    line = "python noisy.py ensure --progress log 2>&1 | head -n 1; echo ${PIPESTATUS[0]}"
    ended = noisy.run("bash", "-c", line)
    assert ended.out.splitlines()[-1] == "0"
    shown = noisy.run("python", "noisy.py", "executions", "list", "--format", "json").document
    assert shown["executions"][0]["state"] == "complete"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full"])
def test_without_a_stream(noisy: Shell, closed: str) -> None:
    """Neither is anything in its place, nor does the command fail for it."""
    line = f"python noisy.py ensure --format json --progress log {closed}"
    ended = noisy.run("sh", "-c", line, expect=None)
    assert "Traceback" not in ended.err
    if ">&-" in closed.split():
        assert (ended.code, ended.out) == (0, "")
    elif closed == "2>&-":
        assert ended.document["outcome"] == "complete"
    else:
        assert ended.code == 1
