"""Where a workspace's files are, and what is in it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from peaceful._storage.files import make_folder
from peaceful._storage.yaml_file import write_yaml
from peaceful.commands import Workspace
from peaceful.errors import FileInaccessible, NameInvalid

if TYPE_CHECKING:
    from tests.integration.storage.conftest import FailingSystem


def test_paths(tmp_path: Path) -> None:
    """Files for people have names that say what they are; the machine's own begin with a dot."""
    here = Workspace(tmp_path, "my-app")
    folder = tmp_path / ".peace" / "my-app"

    assert here.folder == folder
    assert here.workspace_params_file == folder / "workspace_params.yaml"
    assert here.profile_folder("dev") == folder / "dev"
    assert here.profile_params_file("dev") == folder / "dev" / "profile_params.yaml"
    assert here.flow_folder("dev", "deploy") == folder / "dev" / "deploy"
    assert here.flow_params_file("dev", "deploy") == folder / "dev/deploy/flow_params.yaml"
    assert here.params_specs_file("dev", "deploy") == folder / "dev/deploy/params_specs.yaml"
    assert here.run_folder == folder / ".run"
    assert here.executions_file == folder / ".executions.sqlite3"
    assert here.lock_file("dev") == folder / "dev" / ".lock"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "1a", "a b", ".run", "a\0", "a" * 101]
)
def test_names_that_break_the_rule(tmp_path: Path, name: str) -> None:
    """No name leads out of the workspace, or to the machine's own files."""
    here = Workspace(tmp_path, "app")
    for use in (
        lambda: here.profile_folder(name),
        lambda: here.lock_file(name),
        lambda: here.flow_folder("dev", name),
        lambda: Workspace(tmp_path, name),
    ):
        with pytest.raises(NameInvalid):
            use()


def test_the_nearest_workspace(tmp_path: Path) -> None:
    """A folder belongs to the nearest folder above it with `.peace`, itself included."""
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "x" / "inner"
    (inner / "deep" / "er").mkdir(parents=True)
    (outer / ".peace").mkdir()
    (inner / ".peace").mkdir()

    assert Workspace.find(inner / "deep" / "er", "app").root == inner
    assert Workspace.find(inner, "app").root == inner
    assert Workspace.find(outer / "x", "app").root == outer


def test_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none above, the folder is to be one; it does not move with the process."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    here = Workspace.find(Path(), "app")
    given = Workspace(Path("there"), "app")
    monkeypatch.chdir(tmp_path)

    assert here == Workspace(tmp_path / "here", "app")
    assert given.root == tmp_path / "here" / "there"
    assert here.profiles() == ()


def test_a_file_of_that_name(tmp_path: Path) -> None:
    """A file named `.peace` makes no workspace, and is said to be in the way where one is to be."""
    (tmp_path / ".peace").write_text("")
    (tmp_path / "below").mkdir()
    here = Workspace.find(tmp_path, "app")

    assert Workspace.find(tmp_path / "below", "app").root == tmp_path / "below"
    with pytest.raises(FileInaccessible, match="Not a directory"):
        here.profiles()
    with pytest.raises(FileInaccessible, match="Not a directory"):
        write_yaml(here.workspace_params_file, {}, comment="x")


def test_folders_that_may_not_be_read(tmp_path: Path, system: FailingSystem) -> None:
    """A folder that may not be looked into is said to be that, not taken for empty."""
    here = Workspace(tmp_path, "app")
    system.fail(0, errno.EACCES, only=("scandir",))
    with pytest.raises(FileInaccessible, match="Permission denied"):
        here.profiles()
    system.fail(0, errno.EACCES, only=("stat",))
    with pytest.raises(FileInaccessible, match="Permission denied"):
        Workspace.find(tmp_path, "app")


def test_profiles(tmp_path: Path) -> None:
    """Profiles are the folders with names that follow the rule, links included."""
    here = Workspace(tmp_path, "app")
    make_folder(here.profile_folder("prod"))
    make_folder(here.flow_folder("dev", "deploy"))
    write_yaml(here.profile_params_file("prod"), {}, comment="x")
    write_yaml(here.flow_params_file("dev", "deploy"), {}, comment="x")
    write_yaml(here.workspace_params_file, {}, comment="x")
    (here.folder / "linked").symlink_to(tmp_path)

    assert here.profiles() == ("dev", "linked", "prod")


def test_a_foreign_workspace(tmp_path: Path) -> None:
    """What others keep in a `.peace` folder is left alone and breaks nothing."""
    folder = tmp_path / ".peace" / "app"
    for name in ("dev", ".git", "with space", "1st", "a-b", "…"):
        (folder / name).mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(tmp_path / "none")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "file").write_bytes(b"\xff")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).mkdir()
    (tmp_path / ".peace" / "stray").write_text("")

    assert Workspace(tmp_path, "app").profiles() == ("dev",)
    assert Workspace(tmp_path, "other").profiles() == ()
