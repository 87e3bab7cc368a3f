"""The commands that crash: what is there before them, and what must hold afterwards.

Afterwards, nothing that was told to be done is lost or done again, and the same commands carry on
without anything being mended by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

import pytest
import secrets_app
from shell import Ended, Json
from slow_files_shell import files_in

from crashes.disks import disk_in
from crashes.ground import KILLED, TOLD, Ground
from crashes.log import CHANGES
from crashes.shim import Plan
from peaceful import Given
from peaceful.commands import Contexts, Workspace

_BEFORE: Final = "__before"

INIT: Final = ("init", "--items", "6", "--seconds", "0", "--layers", "2", "--dest", "dest")
"""Six files, three of which wait for the three others."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command that crashes.

    Attributes:
        name: what the command does.
        words: the command.
        prepare: brings about what is there before it, in an empty folder.
        carry_on: asserts what must hold after a crash, given what the command told.
        program: what it is a command of.
    """

    name: str
    words: tuple[str, ...]
    prepare: Callable[[Ground], None]
    carry_on: Callable[[Ground, Ended], None]
    program: Literal["slow_files", "large_files", "secrets"] = "slow_files"


# ---- what is there before


def _nothing(_ground: Ground) -> None:
    """A new folder."""


def _params(ground: Ground) -> None:
    ground.run(*INIT, expect=0)


def _large_params(ground: Ground) -> None:
    ground.run("init", "--dest", "dest", expect=0)


def _found(ground: Ground) -> None:
    _params(ground)
    dest = ground.folder / "dest"
    dest.mkdir()
    for name in ("file_1", "file_2"):
        (dest / f"{name}.txt").write_text(name)


def _ensured(ground: Ground) -> None:
    _params(ground)
    ground.run("ensure", expect=0)


def _changed(ground: Ground) -> None:
    _ensured(ground)
    ground.run("init", "--dest", "other", expect=0)


def _killed(ground: Ground) -> None:
    """A journal is left: three items are done, one is in progress, and two are not begun."""
    _params(ground)
    params = disk_in(ground.folder)
    words = ("ensure", "--max-concurrency", "1")
    changes = [each for each in ground.record(*words) if each.kind in CHANGES]
    fourth = [at for at, each in enumerate(changes, 1) if each.target.startswith("dest/")][3]
    ground.become(params)
    ground.run(*words, plan=Plan("kill", fourth, CHANGES), expect=KILLED)
    assert any(ground.folder.rglob(".states_journal"))
    assert len(files_in(ground.folder / "dest")) == 3


def _secrets(ground: Ground) -> None:
    ground.run("key", "new", "key", expect=0)
    workspace = Workspace(ground.folder, secrets_app.app.name)
    sealed = {name: Given(name, name, must_be_stored=True) for name in ("shared", "password")}
    variables = {**ground.variables, "PEACEFUL_KEY_FILE": str(ground.folder / "key")}
    folder = Given(ground.folder / "vaults", "folder")
    Contexts(secrets_app.app, workspace, variables).init({**sealed, "folder": folder})
    ground.run("ensure", expect=0)


def _second_key(ground: Ground) -> None:
    _secrets(ground)
    ground.run("key", "new", "key", expect=0)


# ---- what must hold afterwards


def _init_again(ground: Ground, told: Ended) -> None:
    if _succeeded(told):
        ground.run("status", expect=0)
    ground.run(*INIT, expect=0)
    _complete(ground, "dest", 6)


def _either_params(ground: Ground, told: Ended) -> None:
    """The old parameters are there or the new ones, and the new ones if that was told."""
    shown = ground.run("profile", "show", "--format", "json", expect=0).document
    items = json.dumps(shown).count('"items": 8')
    assert items or not _succeeded(told), "what was stored is lost"
    _complete(ground, "dest", 8 if items else 6)


def _switch_again(ground: Ground, told: Ended) -> None:
    ground.run("status", expect=0)
    if not _succeeded(told):
        again = ground.run(*SWITCH, *_JSON)
        if not _succeeded(again):
            assert "exists already" in again.error["message"]
            ground.run(*SWITCH[:2], expect=0)
    _complete(ground, "other", 3)


def _discover_again(ground: Ground, told: Ended) -> None:
    reported = reported_in(told, "Discover")
    _check_status(ground, reported)
    ground.run("discover", expect=0)
    _complete(ground, "dest", 6)
    _check_executions(ground, told)


def _ensure_again(ground: Ground, told: Ended, dest: str = "dest") -> None:
    ended = reported_in(told, "Ensure")
    removed = {item for item in ended if item.endswith(_BEFORE)}
    reported = ended - removed
    folder = ground.folder / dest
    before = files_in(folder)
    assert reported <= before.keys(), f"of {reported}, only {before.keys()} are there"
    former = {each.removesuffix(_BEFORE) for each in removed}
    left = files_in(ground.folder / "dest").keys() & former
    assert not left, f"{left} are still there"
    _check_status(ground, reported, dest)
    statuses = _complete(ground, dest, 6)
    assert {statuses[item] for item in reported} <= {"unchanged"}, "done again"
    assert not removed & statuses.keys(), f"of {removed}, something is known again"
    after = files_in(folder)
    assert {item: after[item] for item in reported} == {item: before[item] for item in reported}
    _check_executions(ground, told)


def _ensure_other_again(ground: Ground, told: Ended) -> None:
    _ensure_again(ground, told, "other")


def _clean_again(ground: Ground, told: Ended) -> None:
    reported = reported_in(told, "Clean")
    there = files_in(ground.folder / "dest").keys()
    assert not reported & there
    _check_status(ground, reported)
    ended = ground.run("clean", *TOLD, expect=0)
    statuses = ended.statuses()
    assert {statuses[item] for item in reported & statuses.keys()} <= {"unchanged"}, "done again"
    assert not files_in(ground.folder / "dest")
    _check_executions(ground, told)
    _complete(ground, "dest", 6)


def _keys_open(ground: Ground, told: Ended) -> None:
    """What is sealed can be opened, and the next keys are made as ever."""
    if _succeeded(told) and "keys" in told.document:
        assert len((ground.folder / "key").read_text().split()) == told.document["keys"]
    ground.run("status", expect=0)
    ground.run("key", "new", "key", expect=0)
    ground.run("key", "rotate", expect=0)
    ground.run("ensure", expect=0)


def document_in(told: Ended) -> Json | None:
    """Return the document that a command told before its end, or none if it told no whole one."""
    try:
        return told.document
    except json.JSONDecodeError:
        return None


def _succeeded(told: Ended) -> bool:
    """Return whether a command told that it did all it should."""
    document = document_in(told)
    return document is not None and not document.get("errors")


def reported_in(told: Ended, block: str) -> AbstractSet[str]:
    """Return the items that were told to be done in a block, or to need nothing."""
    ended = told.block(block)
    return {
        item for word in ("done", "unchanged") for item in ended.items("item_ended", status=word)
    }


def _complete(ground: Ground, dest: str, items: int) -> dict[str, str]:
    """Ensure everything; return how the items ended."""
    ended = ground.run("ensure", *TOLD, expect=0)
    assert ended.document["outcome"] == "complete"
    assert len(files_in(ground.folder / dest)) == items
    return ended.statuses()


def _check_status(ground: Ground, reported: AbstractSet[str], dest: str = "dest") -> None:
    """Assert that what is stored is what is there, or says that it may not be.

    What items have looked after before is in the folder `dest`, whatever theirs is now.
    """
    now, former = (files_in(ground.folder / folder).keys() for folder in (dest, "dest"))
    status = ground.run("status", "--format", "json", expect=0).document
    states, in_doubt = status["states"], status["in_progress_since"]
    for item in reported:
        assert states[item] is not None, f"the state of {item} is lost"
        assert item not in in_doubt, f"{item} ended, and says it did not"
    for item, state in states.items():
        if state is not None and item not in in_doubt:
            file = item.removesuffix(_BEFORE)
            there = file in (now if file == item else former)
            assert (state["content"] is not None) == there, f"{item}: {state} is wrong"


def _check_executions(ground: Ground, told: Ended) -> None:
    """Assert that executions are listed as they ended; what told no end was lost, or just ended."""
    listed = ground.run("executions", "list", "--format", "json", expect=0).document["executions"]
    states = {each["id"]: each["state"] for each in listed}
    started = {each["execution"]["id"] for each in told.told("execution_started")}
    ended = {each["execution_id"]: each["outcome"] for each in told.told("execution_ended")}
    for execution in started:
        told_end = ended.get(execution)
        assert states[execution] in ENDINGS[told_end], f"{told_end}: {states[execution]}"


ENDINGS: Final[dict[str | None, AbstractSet[str]]] = {
    None: {"lost", "complete"},
    # Where nothing can be written any more, the ending is not either, and that is said.
    "complete": {"complete", "lost"},
    "item_error": {"failed", "lost"},
    # Where the sync of the register itself failed, its last entry may be there all the same.
    "error": {"failed", "lost", "complete"},
}
"""By what was told of an execution's end, the states in which it may be listed."""

_JSON: Final = ("--format", "json")

SWITCH: Final = ("switch", "other", "--create", "--dest", "other", "--items", "3", "--seconds", "0")

SCENARIOS: Final = (
    Scenario("init", (*INIT, *_JSON), _nothing, _init_again),
    Scenario("init again", ("init", "--items", "8", *_JSON), _ensured, _either_params),
    Scenario("switch", (*SWITCH, *_JSON), _params, _switch_again),
    Scenario("discover", ("discover", *TOLD), _found, _discover_again),
    Scenario("ensure", ("ensure", *TOLD), _params, _ensure_again),
    Scenario("ensure changed", ("ensure", *TOLD), _changed, _ensure_other_again),
    Scenario("ensure resumed", ("ensure", *TOLD), _killed, _ensure_again),
    Scenario("ensure large", ("ensure", *TOLD), _large_params, _ensure_again, "large_files"),
    Scenario("clean", ("clean", *TOLD), _ensured, _clean_again),
    Scenario("key new", ("key", "new", "key", *_JSON), _secrets, _keys_open, "secrets"),
    Scenario("key rotate", ("key", "rotate", *_JSON), _second_key, _keys_open, "secrets"),
)


by_scenario: Final = pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS]
)
"""Parametrizes a test by scenario."""
