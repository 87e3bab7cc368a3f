"""Backups hold what they were made of, or are refused."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st

from peaceful._storage.backup import FORMAT, Backup, read_backup
from peaceful.errors import FileDamaged, FileInaccessible, FormatTooNew

NAMES = ["profile_params.yaml", *(f"f/{n}.yaml" for n in ("flow_params", "states_current"))]


def _backup(**files: str) -> Backup:
    at = datetime(2026, 1, 31, 12, 0, 0, 123, UTC)
    return Backup(app="app", app_version="1", profile="dev", at=at, files=files)


@examples(50)
@given(files=st.dictionaries(st.sampled_from(NAMES), st.binary()))
def test_it_comes_back_as_it_was(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the files hold, text or not."""
    path = tmp_path_factory.mktemp("backup") / "it"
    texts = {name: data.decode("utf-8", "surrogateescape") for name, data in files.items()}
    path.write_bytes(_backup(**texts).encoded())
    assert read_backup(path) == _backup(**texts)


@examples(100)
@given(data=st.data())
def test_what_was_damaged_is_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever a byte is another one, or the end is cut: never does it pass for another backup."""
    path = tmp_path_factory.mktemp("backup") / "it"
    whole = _backup(**{"f/states_current.yaml": "a:\n  kind: x\n", NAMES[0]: "one: 1\n"})
    content = bytearray(whole.encoded())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(FileDamaged, FormatTooNew):
        assert read_backup(path) == whole


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "f/../../x.yaml", "f/states_current.yaml/x", "f\\flow_params.yaml",
     ".restoring", "f/.states_journal", "../profile_params.yaml", "f.g/flow_params.yaml", ""],
)  # fmt: skip
def test_files_that_no_profile_has_are_refused(name: str, tmp_path: Path) -> None:
    """A backup that somebody has made up leads nowhere else."""
    path = tmp_path / "it"
    path.write_bytes(_backup(**{name: "x"}).encoded())
    with pytest.raises(FileDamaged, match="which no profile has"):
        read_backup(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "x", '{"peaceful": "backup"}'])
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    """They are no backups."""
    path = tmp_path / "it"
    path.write_text(content)
    with pytest.raises(FileDamaged):
        read_backup(path)
    with pytest.raises(FileInaccessible):
        read_backup(tmp_path / "nothing")


def test_a_later_format(tmp_path: Path) -> None:
    """It is said that it is later, not that it is damaged."""
    path = tmp_path / "it"
    facts: dict[str, Any] = json.loads(_backup().encoded())
    path.write_text(json.dumps({**facts, "form": FORMAT + 1}))
    with pytest.raises(FormatTooNew):
        read_backup(path)
