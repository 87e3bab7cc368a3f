"""Help is there for every command; so is the version."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from shell import Loaded

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


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help(loaded: Loaded, command: str) -> None:
    """Every command has help that says what it does, and fits a terminal."""
    shown = loaded.run(*command.split(), "--help").out
    assert shown.startswith(f"Usage: slow_files {command}")
    assert "Commands:" in shown or all(name in shown for name in ("--workspace", "--format"))
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert loaded.run("--help", *command.split()).out == loaded.run("--help").out


def test_list_of_commands(loaded: Loaded) -> None:
    """The program's own help lists the commands, with a line for each; no word means it too."""
    shown = loaded.run("--help").out
    assert loaded.run("help").out == shown
    assert loaded.run("help", "ensure").out == loaded.run("ensure", "--help").out
    listed = re.findall(r"^  ([a-z]+)  +\S", shown, re.MULTILINE)
    assert {command.split()[0] for command in COMMANDS} <= set(listed)
    assert loaded.run("no_such_command", expect=2).err.startswith("Error USAGE: ")
    assert "--help" in loaded.run(expect=2).err


def test_version(loaded: Loaded) -> None:
    """The version is told, also as JSON."""
    assert loaded.run("--version").out.strip() == f"slow_files {version('peaceful-examples')}"
    assert loaded.run("--version", "--format", "json").document["app"] == "slow_files"
