"""Help is there for every command, and costs little; so does the version."""

from __future__ import annotations

import re
import sys

import pytest
from preloaded import BIN
from shell import Loaded, Shell

COMMANDS = {
    "init",
    "profile",
    "profile list",
    "profile show",
    "switch",
    "discover",
    "status",
    "goal",
    "diff",
    "ensure",
    "clean",
    "executions",
    "executions list",
    "executions show",
    "interrupt",
    "web",
}
GLOBAL_OPTIONS = {
    "--workspace",
    "--profile",
    "--flow",
    "--format",
    "--progress",
    "--color",
    "--max-concurrency",
    "--debug",
    "--version",
}
HEAVY = {"asyncio", "httpx", "pydantic", "sqlite3", "starlette", "uvicorn", "yaml"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help(loaded: Loaded, command: str) -> None:
    """Every command has help that says what it does, and fits a terminal."""
    shown = loaded.run(*command.split(), "--help").out
    assert shown.startswith(f"Usage: slow_files {command}")
    assert all(option in shown for option in GLOBAL_OPTIONS)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert loaded.run("--help", *command.split()).out == loaded.run("--help").out


def test_list_of_commands(loaded: Loaded) -> None:
    """The program's own help lists the commands, with a line for each; no word means it too."""
    shown = loaded.run("--help").out
    listed = re.findall(r"^  ([a-z]+)  +\S", shown, re.MULTILINE)
    assert {command.split()[0] for command in COMMANDS} <= set(listed)
    assert loaded.run("no_such_command", expect=2).err.startswith("Error USAGE: ")
    assert "--help" in loaded.run(expect=2).err


@pytest.mark.parametrize("program", ["slow_files", "download"])
@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("ensure", "--help"), ("web", "--help")], ids=" ".join
)
def test_light(shell: Shell, program: str, words: tuple[str, ...]) -> None:
    """Help and version load nothing of what runs flows."""
    ended = shell.run(sys.executable, "-X", "importtime", BIN / program, *words)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ended.err.splitlines()}
    assert "peaceful" in loaded
    assert not loaded & HEAVY
    assert program in ended.out


def test_version(loaded: Loaded) -> None:
    """The version is told, also as JSON."""
    assert loaded.run("--version").out.strip()
    assert loaded.run("--version", "--format", "json").document["app"] == "slow_files"
