"""What the pages say works as they say it: each is followed from top to bottom, as by a reader."""

from __future__ import annotations

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from doc_pages import (
    LEFT_OPEN,
    SHOWN_FOLDER,
    SHOWN_HOST,
    SHOWN_PORT,
    Block,
    Press,
    Shown,
    Type,
    as_module,
    blocks_of,
    matches,
    page_name,
    pages,
    steps_of,
)
from doc_terminal import Terminal

PAGES = {page_name(page): blocks_of(page.read_text()) for page in pages()}
NOTEBOOK = "notebook"

pytestmark = pytest.mark.timeout(120)


def _with_code(language: str) -> list[str]:
    return [
        name
        for name, blocks in PAGES.items()
        if any(block.language == language for block in blocks)
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder to try things out in, whose path is as long as the one that pages show."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    assert len(str(path)) == len(SHOWN_FOLDER), "else, lines are wrapped at other places"
    yield path
    shutil.rmtree(path)


@pytest.fixture
def environment(unmeasured_environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment of a reader."""
    kept = {
        name: value
        for name, value in unmeasured_environment.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("PYTHON", "PYTEST"))
    }
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LOGNAME": "ada",
        "USER": "ada",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "TZ": "UTC",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


class Reader:
    """Does what a page says, and looks whether it is as the page says.

    Args:
        folder: where everything happens.
        environment: what commands are given.
        port: takes the place of the port that pages serve files on.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], port: int) -> None:
        self._folder = folder
        self._environment = environment
        self._port = str(port)
        self._terminals: dict[str, Terminal] = {}
        self._may_fail: set[str] = set()

    def follow(self, blocks: Sequence[Block]) -> None:
        """Follows a page from top to bottom."""
        try:
            for number, block in enumerate(blocks):
                if block.language == "console":
                    self._in_terminal(block, blocks[number + 1 :])
                elif block.title.startswith(".peace/"):
                    self._read_file(block)
                elif block.title and block.title != NOTEBOOK and block.language != "text":
                    self._write_file(block)
        finally:
            for terminal in self._terminals.values():
                terminal.close()

    def _in_terminal(self, block: Block, later: Sequence[Block]) -> None:
        terminal = self._terminals.get(block.title)
        if terminal is None:
            terminal = Terminal(self._folder, self._environment)
            self._terminals[block.title] = terminal
        shown: tuple[str, ...] = ()
        pressed = False
        pending = more = terminal.running
        for step in steps_of(block):
            match step:
                case Shown(lines):
                    # What was shown before is still there, or was drawn over.
                    shown = ("...", *lines) if more else lines
                case Type(command):
                    if pending:
                        self._finish(terminal, block, shown, command, pressed=pressed)
                    pending = True
                    terminal.type(command.replace(SHOWN_PORT, self._port))
                    shown, pressed, more = (), False, False
                case Press():
                    assert any(shown), f"line {block.line}: when is Ctrl-C to be pressed?"
                    self._wait(terminal, block, shown)
                    terminal.press_ctrl_c()
                    shown, pressed, more = (), True, True
        follows = _next_in(block.title, later)
        goes_on = LEFT_OPEN in block.title if follows is None else not follows.text.startswith("$ ")
        if goes_on:
            self._wait(terminal, block, shown)
        else:
            after = "" if follows is None else next(_commands(follows), "")
            self._finish(terminal, block, shown, after, pressed=pressed)

    def _wait(self, terminal: Terminal, block: Block, shown: Sequence[str]) -> None:
        if not terminal.wait_until(lambda lines: matches(shown, self._as_shown(lines))):
            self._differs(block, shown, terminal.screen.lines)

    def _finish(
        self,
        terminal: Terminal,
        block: Block,
        shown: Sequence[str],
        next_command: str,
        *,
        pressed: bool,
    ) -> None:
        """The command before has ended, and has shown what it should."""
        if not terminal.finish():
            pytest.fail(f"line {block.line}: still running\n{_text(terminal.screen.lines)}")
        if not matches(shown, self._as_shown(terminal.screen.lines)):
            self._differs(block, shown, terminal.screen.lines)
        if terminal.status != 0 and not pressed and not next_command.startswith("echo $?"):
            pytest.fail(
                f"line {block.line}: ended with {terminal.status}\n{_text(terminal.screen.lines)}"
            )

    def _read_file(self, block: Block) -> None:
        text = (self._folder / block.title).read_text()
        if not matches(block.text.split("\n"), self._as_shown(text.split("\n"))):
            self._differs(block, block.text.split("\n"), text.split("\n"))

    def _write_file(self, block: Block) -> None:
        path = self._folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text.replace(SHOWN_PORT, self._port) + "\n")

    def _as_shown(self, lines: Sequence[str]) -> list[str]:
        text = "\n".join(lines)
        text = text.replace(str(self._folder), SHOWN_FOLDER).replace(self._port, SHOWN_PORT)
        return re.sub(rf"\b{re.escape(socket.gethostname())}\b", SHOWN_HOST, text).split("\n")

    def _differs(self, block: Block, shown: Sequence[str], found: Sequence[str]) -> None:
        pytest.fail(
            f"line {block.line}: the page shows\n{_text(shown)}\nwhere there is\n"
            f"{_text(self._as_shown(found))}"
        )


def _text(lines: Sequence[str]) -> str:
    return "\n".join(f"  | {line}" for line in lines)


def _commands(block: Block) -> Iterator[str]:
    return (step.command for step in steps_of(block) if isinstance(step, Type))


def _next_in(terminal: str, blocks: Sequence[Block]) -> Block | None:
    """The next block of a terminal."""
    return next((b for b in blocks if b.language == "console" and b.title == terminal), None)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize("page", PAGES)
def test_pages_can_be_followed(page: str, folder: Path, environment: dict[str, str]) -> None:
    """Who writes, types and presses what a page says, sees what it shows; its Python code runs."""
    blocks = PAGES[page]

    Reader(folder, environment, _free_port()).follow(blocks)
    (folder / "page.py").write_text(as_module(blocks))
    _run(folder, environment, "-c", "import page")


@pytest.mark.parametrize(
    "page", [name for name, blocks in PAGES.items() if as_module(blocks, NOTEBOOK)]
)
def test_cells_of_notebooks_run(page: str, folder: Path, environment: dict[str, str]) -> None:
    """What a page shows as cells of a notebook runs in a loop that runs already."""
    Reader(folder, environment, _free_port()).follow(PAGES[page])
    (folder / "cells.txt").write_text(as_module(PAGES[page], NOTEBOOK))

    _run(folder, environment, "-c", _NOTEBOOK)


_NOTEBOOK = f"""
import asyncio
code = compile(open("cells.txt").read(), "notebook", "exec", flags={ast.PyCF_ALLOW_TOP_LEVEL_AWAIT})
names = {{"__name__": "__main__"}}

async def cells():
    running = eval(code, names)
    if running is not None:
        await running

asyncio.run(cells())
"""


def _run(folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
