"""What a command does not use is not loaded, so that nobody waits for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shell import Shell

import peaceful

RUN = """
import atexit, sys
sys.argv = sys.argv[1:]
atexit.register(lambda: open(sys.argv[0], "w").write("\\n".join(sys.modules)))
import {program}
{program}.main()
"""
"""Runs a program's command line, and writes the names of all that it loaded into a file.

`python -X importtime` would not do: it leaves out what `import_module` loads.
"""

WEB = {"aiohttp", "starlette", "uvicorn", "jinja2", "pygraphviz"}
RUNNING = {
    "pydantic",
    "yaml",
    "filelock",
    "peaceful._item.item",
    "peaceful._runtime.flow",
    "peaceful._commands.ensure",
}
REGISTER = {"msgspec", "sqlite3", "asyncio", "peaceful._executions.registry"}

HELP = 55
"""The most modules that help may load, Python's own left out."""
LOOKING = 105
"""Likewise what only looks at executions."""
STATES = 230
"""Likewise what shows stored states."""
EXECUTING = 265
"""Likewise what is executed."""


def _loaded(shell: Shell, program: str, *words: str, expect: int = 0) -> set[str]:
    names = shell.folder / "loaded.txt"
    run = RUN.format(program=program)
    shell.run(sys.executable, "-c", run, str(names), *words, expect=expect)
    loaded = set(names.read_text().split("\n"))
    assert "peaceful._cli" in loaded
    return loaded


def _check(loaded: set[str], most: int, unused: set[str]) -> None:
    others = {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names}
    assert not loaded & unused
    assert len(others) <= most, sorted(others)


@pytest.mark.parametrize("program", ["slow_files", "download"])
@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("ensure", "--help"), ("web", "--help")], ids=" ".join
)
def test_help(shell: Shell, program: str, words: tuple[str, ...]) -> None:
    """Help and version load nothing of what runs flows, and nothing of the register."""
    _check(_loaded(shell, program, *words), HELP, WEB | RUNNING | REGISTER)


@pytest.mark.parametrize(
    ("words", "expect"), [(("executions", "list"), 0), (("interrupt",), 1)], ids=str
)
def test_executions(shell: Shell, words: tuple[str, ...], expect: int) -> None:
    """Who looks at executions, or interrupts one, loads neither flows nor files with YAML."""
    _check(_loaded(shell, "slow_files", *words, expect=expect), LOOKING, WEB | RUNNING)


def test_signals(shell: Shell) -> None:
    """What heeds signals loads hardly anything before: until then a Ctrl-C shows a traceback."""
    run = (
        "import os, sys; before = {*sys.modules}; from peaceful import heed_signals;"
        "heed_signals(); print(*{*sys.modules} - before)"
    )
    # Without the site, which may load some of it, and always loads `os`.
    shell.environment["PYTHONPATH"] = str(Path(peaceful.__file__).parents[1])
    loaded = {*shell.run(sys.executable, "-S", "-c", run).out.split()}
    own = {"peaceful", "peaceful._process_signals"}
    assert own <= loaded <= own | {"__future__", "_json"}


def test_states(shell: Shell, tmp_path: Path) -> None:
    """Showing stored states does without the register's database, locks and doors to the web."""
    _init(shell, tmp_path)
    _check(_loaded(shell, "slow_files", "status"), STATES, WEB | {"sqlite3", "filelock"})


@pytest.mark.parametrize("command", ["diff", "ensure"])
def test_execution(shell: Shell, tmp_path: Path, command: str) -> None:
    """What is executed needs nothing of the web, and of ready-made items only those of the flow."""
    _init(shell, tmp_path)
    _check(_loaded(shell, "slow_files", command), EXECUTING, WEB | {"peaceful.items"})


def _init(shell: Shell, folder: Path) -> None:
    size = ("--items", "2", "--seconds", "0")
    shell.run("slow_files", "init", *size, "--dest", str(folder / "dest"))
