"""What is to be run: which requests there are, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from peaceful._commands.run_request import COMMANDS
from peaceful.commands import CleanCmd, EnsureCmd, RunRequest, SyncCheck


def _request(command: Any, **more: Any) -> RunRequest:
    return RunRequest(command=command, profile="dev", flow="make", **more)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "limit", [{"dry_run": True}, {"only": ("a",)}, {"sync": SyncCheck.BOTH}, {}]
)
def test_what_a_command_takes(command: str, limit: dict[str, Any]) -> None:
    """Commands that change things can be tried before; these, and a plan, limited to some items."""
    request = _request(command, **limit)
    changes = command in {"ensure", "clean"}
    allowed = changes or (command == "plan" and "only" in limit)
    assert [name for name, _ in request.problems] == ([] if allowed else [*limit])
    assert request.changes_things == changes


def test_a_command_that_there_is_not() -> None:
    """It is refused, and it is said which there are."""
    [(field, reason)] = _request("destroy").problems
    assert field == "command"
    assert "discover, plan, ensure, clean, diff" in reason


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_main_block(dry_run: bool) -> None:
    """It is the last block of the command."""
    for command in (EnsureCmd, CleanCmd):
        name = "ensure" if command is EnsureCmd else "clean"
        request = _request(name, dry_run=dry_run)
        assert request.main_block == command.blocks(dry_run=dry_run)[-1].name


def test_what_is_asked_before() -> None:
    """Only what really changes things."""
    assert [each for each in COMMANDS if _request(each).asks_first] == ["ensure", "clean"]
    assert not any(_request(each, dry_run=True).asks_first for each in ("ensure", "clean"))


def test_params_are_not_shown() -> None:
    """They may be secrets."""
    assert "hunter2" not in repr(_request("ensure", params={"token": "hunter2"}))
