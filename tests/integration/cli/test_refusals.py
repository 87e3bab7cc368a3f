"""What is empty, or names nothing that there is, is refused at every option of every command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_lines import leaves, of_app
from in_process import Run
from text_app import app

COMMANDS = dict(leaves(of_app(app)))

GIVEN = {
    **dict.fromkeys(("items", "item", "old"), "a"),
    **dict.fromkeys(("new", "file"), "other"),
    "profile": "default",
    "execution_id": "00000000",
    "shell": "bash",
}
"""What is given for the other arguments of a command."""

TEXTS = {"--reason", "--comment", "--owner", "--names", "--text"}
"""Options that take any text, the empty one too."""

NEW = {
    *((f"profile {command}", "new") for command in ("copy", "rename")),
    *(("init", name) for name in ("--folder", "words", "--profile", "--workspace")),
    *(("plan", "--out"), ("states move", "new"), ("states backup", "file"), ("key new", "file")),
    *(("states restore", "--profile"), ("states restore", "--workspace"), ("web", "--host")),
    ("web", "--address"),
}
"""What may name something that is not there yet, or not in this folder."""

FILES = {("write", "--plan"), ("states restore", "file"), ("web", "--token-file")}
"""Files that have to be there: the error is that of the file, with its own exit code."""


def places() -> Iterator[tuple[str, str]]:
    """Each place of each command where a word is typed: an option, or an argument."""
    for name, command in COMMANDS.items():
        for param in command.params:
            if isinstance(param, click.Argument):
                if param.metavar:
                    yield name, param.name or ""
            elif isinstance(param, click.Option) and not param.is_flag and not param.hidden:
                yield name, param.opts[-1]


def line(name: str, place: str, word: str) -> list[str]:
    """A command with a word in a place, and all else that it needs."""
    words = name.split()
    for each in COMMANDS[name].params:
        if each.name == place:
            words += [word] * (2 if place == "profiles" else 1)
        elif isinstance(each, click.Argument) and each.required:
            words.append(GIVEN[each.name or ""])
    return [*words, place, word] if place.startswith("--") else words


def files(folder: Path) -> dict[Path, bytes]:
    """All files in a folder, but for what only reading the register leaves there."""
    found = (each for each in folder.rglob("*") if each.is_file())
    beside = ("executions", ".lock")  # Who held a lock last is only to be read.
    return {
        each: each.read_bytes() for each in found if not any(word in each.name for word in beside)
    }


@pytest.fixture
def deployed(ready: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the application after a first `write`."""
    monkeypatch.delenv("PEACEFUL_WEB_TOKENS", raising=False)
    assert ready("write", "--progress", "none").code == 0
    return ready


def refused(run: Run, words: list[str], folder: Path, *, code: int) -> None:
    """Check that a line is refused by one error with a code, and changes nothing."""
    before = files(folder)
    told = run(*words)
    assert (told.code, told.out) == (code, ""), words
    assert told.err.startswith("Error "), words
    assert told.err.count("Error ") == 1, told.err
    assert "Traceback" not in told.err
    assert files(folder) == before
    if "--format" not in words:
        [error] = run(*words, "--format", "json").json["errors"].values()
        assert error["code"].isupper()
        assert error["code"] != "INTERNAL"


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_empty_is_refused(deployed: Run, tmp_path: Path, name: str) -> None:
    """As when a script has an empty variable there: "all", or "here", is not what it means."""
    for command, place in places():
        if command == name and place not in TEXTS:
            refused(deployed, line(name, place, ""), tmp_path, code=2)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_there_is_refused(deployed: Run, tmp_path: Path, name: str) -> None:
    """A name of nothing, or no value of those that there are."""
    for command, place in places():
        if command == name and place not in TEXTS and (name, place) not in NEW:
            is_file = (name, place) in FILES
            refused(deployed, line(name, place, "nix"), tmp_path, code=1 if is_file else 2)


def test_new_names(deployed: Run, tmp_path: Path) -> None:
    """What may be new is known here for each command that has such a place."""
    assert {*places()} >= NEW | FILES
    assert deployed(*line("states backup", "file", "nix")).code == 0
    assert (tmp_path / "nix").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "--stored", "--max-concurrency", "3"),
        ("diff", "--stored", "--stop-timeout", "3"),
        ("diff", "--stored", "--wait"),
        ("diff", "default", "default", "--max-concurrency", "3"),
        ("diff", "default", "default", "--profile", "default"),
    ],
)
def test_a_form_of_a_command_refuses_what_only_others_heed(
    deployed: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """It executes nothing, or names profiles itself: what is given besides would be believed."""
    refused(deployed, [*words], tmp_path, code=2)
