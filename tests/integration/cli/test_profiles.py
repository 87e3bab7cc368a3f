"""Whole profiles on the command line: backed up, restored, deleted, renamed, copied."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from in_process import Run
from text_app import app

from peaceful._model.clock import SystemClock
from peaceful._storage import backup as backups
from peaceful._storage.backup import files_of
from peaceful._storage.lock import FileLock, LockHolder
from peaceful._storage.state_store import JOURNAL_FILE, YamlStateStore
from peaceful.commands import Contexts

QUIET = ("--progress", "none")
FOLDER = Path(".peace/texts")


@pytest.fixture
def done(ready: Run) -> Run:
    """The command line of the tests, after everything was made."""
    assert ready("write", *QUIET).code == 0
    return ready


def _files(profile: str = "default") -> dict[str, str]:
    return files_of(Contexts.of(app, Path.cwd()).workspace, profile)


# ---- backups


def test_there_and_back(done: Run) -> None:
    """Parameters and states of all flows come back; what was there in between is kept beside."""
    done("write", "--flow", "one", *QUIET)
    before = _files()
    assert {"some/states_current.yaml", "one/states_current.yaml"} <= before.keys()
    told = done("states", "backup", "it.json")
    assert told.out == f"Profile default is backed up in {Path.cwd()}/it.json.\n"
    assert Path("it.json").stat().st_mode & 0o777 == 0o600
    done("init", "--names", "a", "--names", "b", "--trouble", "fails")
    done("states", "forget", "a", *QUIET)
    between = _files()
    dry = done("states", "restore", "it.json", "--dry-run", "--format", "json").json
    assert dry["files"]["some/states_current.yaml"] == "changed"
    assert _files() == between
    done_now = done("states", "restore", "it.json", "--format", "json").json
    assert done_now["files"] == dry["files"]
    assert _files() == before
    assert done("diff", *QUIET).out.endswith("nothing differs\n")
    done("states", "restore", done_now["kept_as"], "--yes")
    assert _files() == between
    assert "already" in done("states", "restore", done_now["kept_as"]).out


def test_what_a_killed_process_has_left(done: Run) -> None:
    """Its journal is folded first: what was in progress is in doubt in the backup as well."""
    folder = FOLDER / "default/some"

    async def killed() -> None:
        writer = YamlStateStore(folder).open("an execution", ["a"], applies=True)
        await writer.started("a", SystemClock.now())
        writer.let_go()

    asyncio.run(killed())
    assert (folder / JOURNAL_FILE).exists()
    done("states", "backup", "it.json")
    assert not (folder / JOURNAL_FILE).exists()
    kept = json.loads(Path("it.json").read_text())["files"]["some/states_current.yaml"]
    assert "in_progress_since" in kept
    assert done("profile", "delete", "default", "--yes").code == 3


def test_what_the_backup_does_not_know(done: Run) -> None:
    """It would be lost sight of: that is refused, unless it is wanted."""
    done("states", "backup", "it.json")
    done("init", "--names", "a", "--names", "b", "--names", "c")
    done("write", *QUIET)
    before = _files()
    refused = done("states", "restore", "it.json")
    assert refused.code == 3
    assert "THINGS-LEFT" in refused.err
    assert "some: c" in refused.err
    assert _files() == before
    assert "some: c" in done("states", "restore", "it.json", "--dry-run").out
    assert _files() == before
    assert done("states", "restore", "it.json", "--yes").code == 0
    assert done("states", "list", "--format", "json").json["states"].keys() == {"a", "b"}


def test_into_an_empty_workspace(done: Run, tmp_path: Path) -> None:
    """The profile is made, and in use."""
    done("states", "backup", "it.json")
    before = _files()
    other = ("--workspace", str(tmp_path / "other"))
    assert "would be" in done("states", "restore", "it.json", "--dry-run", *other).out
    assert not (tmp_path / "other").exists()
    assert done("states", "restore", "it.json", *other).code == 0
    assert files_of(Contexts.of(app, tmp_path / "other").workspace, "default") == before
    assert done("profile", "list", *other).out == "* default\n"


def test_damaged_states_are_mended(done: Run) -> None:
    """No backup is made of them. With `--yes` they are set aside, and the backup's take over."""
    done("states", "backup", "it.json")
    before = _files()
    states = FOLDER / "default/some/states_current.yaml"
    states.write_text("{")
    assert done("states", "backup", "other.json").code == 1
    assert not Path("other.json").exists()
    assert done("states", "restore", "it.json").code == 1
    assert done("states", "restore", "it.json", "--yes").code == 0
    assert _files() == before
    assert len(list(states.parent.glob("*.damaged-*"))) == 1


def test_what_is_refused(done: Run, tmp_path: Path) -> None:
    """A backup of something else, a file that is none, one that is damaged; nothing is changed."""
    done("states", "backup", "it.json")
    before = _files()
    facts = json.loads(Path("it.json").read_text())
    Path("cut.json").write_text(json.dumps({**facts, "at": "2026-01-01T00:00:00Z"}))
    Path("notes.txt").write_text("mine")
    done("switch", "prod", "--create", "--names", "a")
    for words, code, told in (
        (("restore", "it.json"), 2, "backup of the profile default, not of prod"),
        (("restore", "cut.json", "--profile", "default"), 1, "FILE-DAMAGED"),
        (("restore", "nothing.json"), 1, "FILE-INACCESSIBLE"),
        (("backup", "notes.txt"), 2, "is not a backup"),
        (("backup", str(tmp_path)), 2, "is not a backup"),
        (("backup", "no/folder.json"), 1, "FILE-INACCESSIBLE"),
    ):
        refused = done("states", *words)
        assert (refused.code, told in " ".join(refused.err.split())) == (code, True), refused.err
    assert Path("notes.txt").read_text() == "mine"
    assert _files() == before


def test_a_busy_profile(done: Run) -> None:
    """Nothing is done to it as a whole while an execution runs."""
    done("states", "backup", "it.json")
    lock = FileLock(FOLDER / "default/.lock")
    lock.acquire(LockHolder("ada", "laptop", 1, "some", "ensure", "", SystemClock.now()))
    try:
        for words in (
            ("states", "backup", "it.json"),
            ("states", "restore", "it.json"),
            ("profile", "rename", "default", "other"),
        ):
            refused = done(*words)
            assert refused.code == 3
            assert "BUSY" in refused.err
    finally:
        lock.release()


class Killed(BaseException):
    """The process ends, at whatever it was doing."""


def test_killed_while_restoring(done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After whatever step: all is old, or the next command makes all new."""
    done("write", "--flow", "one", *QUIET)
    contexts = Contexts.of(app, Path.cwd())
    contexts.back_up("default", Path("with.json"))
    states = [(Path.cwd() / "with.json", _files())]
    shutil.rmtree(FOLDER / "default/one")
    done("states", "forget", "a", *QUIET)
    contexts.back_up("default", Path("without.json"))
    states.append((Path.cwd() / "without.json", _files()))
    for steps in count():
        killed = [
            _restored_until(monkeypatch, contexts, file, after, before, steps)
            for (file, after), (_, before) in (states, states[::-1])
        ]
        if not any(killed):
            break
    assert steps > 5


def _restored_until(
    monkeypatch: pytest.MonkeyPatch,
    contexts: Contexts,
    file: Path,
    after: Mapping[str, str],
    before: Mapping[str, str],
    steps: int,
) -> bool:
    """Restores a backup, is killed after some steps, and has the next command look."""
    assert _files() == before
    left = [None] * steps

    def step(do: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            if not left:
                raise Killed
            left.pop()
            return do(*args, **kwargs)

        return counted

    killed = True
    with monkeypatch.context() as patched, suppress(Killed):
        for name in ("write_file_atomically", "make_folder", "sync_folder", "read_file"):
            patched.setattr(backups, name, step(getattr(backups, name)))
        contexts.restore(file, "default", sure=True)
        killed = False
    begun = backups.is_restoring(contexts.workspace, "default")
    assert begun or _files() in (before, after)
    assert contexts.profile("default") == "default"
    assert _files() == after if begun else _files() in (before, after)
    contexts.restore(file, "default", sure=True)
    assert _files() == after
    return killed


# ---- delete, rename, copy


def test_delete(done: Run) -> None:
    """Only what nothing is left of, and what is not in use."""
    done("switch", "prod", "--create", "--names", "a", "--owner", "me")
    refused = done("profile", "delete", "default", "--yes")
    assert refused.code == 3
    assert "some: a, some: b" in refused.err
    assert done("profile", "delete", "prod", "--yes").code == 2
    done("clean", "--profile", "default", "--only", "a", *QUIET)
    done("states", "forget", "b", "--profile", "default", *QUIET)
    assert done("profile", "delete", "default").code == 2
    assert done("profile", "delete", "default", "--yes").out == "Profile default is deleted.\n"
    assert done("profile", "list", "--format", "json").json["profiles"] == ["prod"]
    assert sorted(each.name for each in FOLDER.iterdir() if each.is_dir()) == [".run", "prod"]
    assert done("profile", "delete", "default", "--yes").code == 2
    assert done("profile", "delete", "prod", "--yes").code == 0
    assert "There is no profile yet" in done("profile", "list").out


def test_rename(done: Run) -> None:
    """What was made is known under the new name, and the profile stays in use."""
    done("switch", "other", "--create")
    done("switch", "default")
    assert done("profile", "rename", "default", "other").code == 2
    assert done("profile", "rename", "default", "../x").code == 2
    assert done("profile", "rename", "nothing", "x").code == 2
    assert done("profile", "rename", "default", "prod").out == "Profile default is called prod.\n"
    assert done("profile", "list").out == "  other\n* prod\n"
    assert done("status", "--format", "json").json["states"]["a"] == {"content": "a"}
    assert not any("profile default" in text for text in _files("prod").values())
    assert "default" in done("executions", "list").out
    done("profile", "rename", "other", "others")
    assert done("profile", "list").out == "  others\n* prod\n"


def test_flows_that_the_application_has_lost(done: Run, tmp_path: Path) -> None:
    """What is stored of them is in the backup, and keeps the profile from being deleted."""
    done("write", "--flow", "one", *QUIET)
    before = _files()
    (FOLDER / "default/one").rename(FOLDER / "default/gone")
    done("clean", "--flow", "some", *QUIET)
    assert "gone: only" in done("profile", "delete", "default", "--yes").err
    done("states", "backup", "it.json")
    done("states", "forget", "only", "--flow", "gone", *QUIET)
    assert done("states", "restore", "it.json").code == 0
    lost = _files()
    assert lost["gone/states_current.yaml"] == before["one/states_current.yaml"]
    shutil.rmtree(FOLDER / "default/gone")
    done("states", "restore", "it.json")
    assert _files() == lost


def test_copy(done: Run) -> None:
    """The parameters alone: two profiles never look after one thing."""
    done("init", "--owner", "ada")
    assert done("profile", "copy", "default", "prod").code == 0
    assert done("profile", "list").out == "* default\n  prod\n"
    files = _files("prod")
    assert files.keys() == {
        "profile_params.yaml",
        "some/flow_params.yaml",
        "one/flow_params.yaml",
    }
    before = done("profile", "show", "default", "--format", "json").json
    after = done("profile", "show", "prod", "--format", "json").json
    assert after == {**before, "profile": "prod"}
    assert "profile prod" in files["profile_params.yaml"]
    assert (FOLDER / "prod/profile_params.yaml").stat().st_mode & 0o777 == 0o600
    assert done("profile", "copy", "default", "prod").code == 2
    done("status", "--profile", "prod")
    assert not [each for each in FOLDER.iterdir() if each.name.startswith(".prod")]
