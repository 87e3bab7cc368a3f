"""States of extracted archives: of earlier versions, and what differs between two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from peaceful._item.upgrades import read_state
from peaceful.items import TarExtract, TarExtractState
from peaceful.items._tar import _item
from peaceful.items._tar._names import FileEntry, Listing

ITEM = TarExtract(tar_path=Path("a.tar"), dest=Path("out"))
ONE, TWO = "1" * 64, "2" * 64


def earlier(files: Mapping[str, str], **more: bool) -> TarExtractState:
    """A state as version 1 stored it: with a line for each file."""
    stored = {"path": "out", "present": True, "files": {**files}, "unfinished": False, **more}
    reading = read_state(TarExtractState, 1, stored)  # type: ignore[arg-type]  # it is plain data
    assert isinstance(reading.state, TarExtractState), reading.note
    return reading.state


def test_states_of_the_first_version_are_read_and_compared_file_by_file() -> None:
    """Nothing is lost by the upgrade: which files differ, and how, is still told."""
    lines = dict.fromkeys("abcd", f"0644 1 {ONE}")
    before = earlier({**lines, "l": "-> a"})
    after = {
        "a": lines["a"],
        "b": f"0755 1 {ONE}",
        "c": f"0644 1 {TWO}",
        "d": "folder",
        "l": "-> b",
        "n": f"0644 4500000 {TWO}",
    }

    diff = ITEM.diff(before, earlier(after))

    assert str(before) == "5 files, 4 B"
    assert diff is not None
    assert [str(change) for change in diff.changes] == [
        "b: 1 B, rights 0644 → 1 B, rights 0755",
        "c: 1 B, SHA-256 111111111111 → 1 B, SHA-256 222222222222",
        "d: 1 B → folder",
        "l: link to a → link to b",
        "+ n: 4.5 MB",
    ]
    assert str(earlier({}, present=False)) == "absent"
    assert str(earlier(lines, unfinished=True)) == "4 files, 4 B, not finished"


@pytest.mark.parametrize("line", ["nonsense", f"0644 {ONE}", f"99 1 {ONE}", "0644 1 11"])
def test_a_state_that_makes_no_sense_is_not_read(line: str) -> None:
    """It is discovered anew."""
    stored = {"path": "out", "present": True, "files": {"a": line}}
    reading = read_state(TarExtractState, 1, stored)  # type: ignore[arg-type]  # it is plain data

    assert reading.state is None
    assert reading.note


def test_very_many_files_that_differ_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are named."""
    monkeypatch.setattr(_item, "_NAMED", 2)
    files = {name: FileEntry(0o644, 1, ONE) for name in "abcde"}
    none, all_ = TarExtractState.of(Path("out"), Listing()), Listing({**files})

    diff = ITEM.diff(none, TarExtractState.of(Path("out"), all_))

    assert diff is not None
    assert [str(change) for change in diff.changes] == ["+ a: 1 B", "+ b: 1 B", "+ others: 3 files"]
