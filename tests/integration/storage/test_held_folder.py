"""A held folder is known from another one at its path."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from peaceful._errors.running import WorkspaceGone
from peaceful._storage.files import HeldFolder
from peaceful.errors import FileInaccessible


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder in a folder."""
    path = tmp_path / "ws" / "flow"
    path.mkdir(parents=True)
    return path


def test_it_is_there(path: Path) -> None:
    """Whatever happens in it and beside it, it is the same folder."""
    with HeldFolder(path) as held:
        (path / "file").touch()
        path.rename(path.with_name("other"))
        path.with_name("other").rename(path)
        held.check()
        assert held.place() == path


def test_it_is_moved(path: Path) -> None:
    """When it or a folder above it is moved, it is said where it is now."""
    above = path.parent
    with HeldFolder(path) as held:
        above.rename(above.with_name("elsewhere"))
        with pytest.raises(WorkspaceGone) as caught:
            held.check()
    there = above.with_name("elsewhere") / "flow"
    assert caught.value.path == path
    assert caught.value.place == there
    assert f"moved to {there}" in caught.value.message


@pytest.mark.parametrize("replaced", [False, True])
def test_it_is_deleted(path: Path, replaced: bool) -> None:
    """When it is deleted it is nowhere, also where another folder got its name.

    File systems give the number of a deleted folder to the next one, unless it is held open.
    """
    with HeldFolder(path) as held:
        for _ in range(3):
            shutil.rmtree(path.parent)
            if replaced:
                path.mkdir(parents=True)
            with pytest.raises(WorkspaceGone, match="deleted or replaced") as caught:
                held.check()
            assert caught.value.place is None
            assert held.place() is None
            path.mkdir(parents=True, exist_ok=True)


def test_what_cannot_be_looked_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That nobody may look is not taken for gone."""
    with HeldFolder(path) as held:

        def refuse(*_: object, **__: object) -> os.stat_result:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", refuse)
            with pytest.raises(FileInaccessible, match="Permission denied"):
                held.check()
        held.check()


def test_nothing_to_hold(tmp_path: Path) -> None:
    """A folder that is not there cannot be held."""
    with pytest.raises(FileInaccessible, match="No such file"):
        HeldFolder(tmp_path / "none")
