"""The `.peace` folder foreign, damaged, read-only, full: clear errors, nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from shell import Ended, Loaded, Shell
from slow_files_shell import SlowFiles

from peaceful._storage.journal import VERSION, file_header

FLOW = "default/slow_files"
PARAMS = ["workspace_params.yaml", f"{FLOW}/flow_params.yaml", f"{FLOW}/params_specs.yaml"]
STATES = [f"{FLOW}/states_current.yaml", f"{FLOW}/states_goal.yaml", f"{FLOW}/.states_journal"]
MACHINE = [".executions.sqlite3", "default/.lock", ".run"]
FOLDERS = [".", "default", FLOW]
NOBODY = 65534


def _replace(path: Path, content: bytes) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)


def _to_folder(path: Path) -> None:
    if not path.is_dir():
        path.unlink()
        path.mkdir()


def _to_link(path: Path, target: Path) -> None:
    _replace(path, b"")
    path.unlink()
    path.symlink_to(target)


def _cut(path: Path) -> None:
    if path.is_file():
        os.truncate(path, path.stat().st_size // 2)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: _replace(path, b"{[}: ]: not :yaml \n\t- "),
    "cut": _cut,
    "empty": lambda path: _replace(path, b""),
    "folder": _to_folder,
    "binary": lambda path: _replace(path, bytes(range(256)) * 20),
    "without end": lambda path: _to_link(path, Path("/dev/zero")),
}


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    before = folder.with_name(f"{folder.name}.before")
    shutil.copytree(folder, before, ignore=shutil.ignore_patterns("*.sock"))
    try:
        yield
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        before.rename(folder)


@dataclass(frozen=True, slots=True)
class Used:
    """A workspace that was used, and in which a command was killed.

    Attributes:
        program: slow files, started in it.
        root: the workspace.
        folder: what the program keeps in it.
        dest: the folder of the files.
    """

    program: Loaded
    root: Path
    folder: Path
    dest: Path

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Whatever is done within, it is as before afterwards."""
        with _kept(self.root / ".peace"), _kept(self.dest):
            yield


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    """A workspace that was used: three files are done, and the fourth was cut by `kill -9`."""
    folder = tmp_path_factory.mktemp("peace")
    with closing(Shell(folder / "work", os.environ)) as shell:
        program, dest = shell.loaded("slow_files"), folder / "dest"
        program.run("init", "--items", "3", "--seconds", "0", "--layers", "1", "--dest", dest)
        program.run("ensure")
        program.run("init", "--items", "4", "--seconds", "60")
        running = SlowFiles(shell, dest, program).start("ensure")
        running.until("item_ended", 3)
        running.until("item_progressed", item="file_4")
        running.kill()
        program.run("init", "--seconds", "0")
        yield Used(program, shell.folder, shell.folder / ".peace/slow_files", dest)


@pytest.fixture
def used(workspace: Used) -> Iterator[Used]:
    """The workspace, to be used in any way."""
    with workspace.restored():
        yield workspace


def error_of(ended: Ended) -> tuple[str, str]:
    """The code of its error, and what to do about it; the error is told in full sentences."""
    error = ended.error
    assert error["message"].endswith((".", ")"))
    assert error["help"]
    return error["code"], error["help"]


@pytest.mark.parametrize("name", [*PARAMS, *STATES, *MACHINE])
def test_damaged(workspace: Used, name: str) -> None:
    """Whichever file is damaged, however: it works, or says what is wrong, and mends the states."""
    for how, damage in DAMAGES.items():
        with workspace.restored():
            damage(workspace.folder / name)
            ended = workspace.program.run("ensure", "--format", "json", expect=None)
            if ended.code:
                assert ended.code in {1, 2}
                code, advice = error_of(ended)
                assert code in CODES
                assert ("discover" in advice) == (name in STATES), how
            if ended.code and name in STATES:
                check_mended(workspace.program)
            elif ended.code == 0:
                assert ended.document["outcome"] == "complete"


CODES = {"FILE-DAMAGED", "FILE-INACCESSIBLE", "PARAMS-MISSING", "PARAMS-INVALID"}


def check_mended(program: Loaded) -> None:
    """`discover` keeps the damaged file aside, and finds the states anew."""
    assert ".damaged-" in program.run("discover").err
    assert program.run("ensure", "--format", "json").statuses() == {
        "file_1": "unchanged",
        "file_2": "unchanged",
        "file_3": "unchanged",
        "file_4": "done",
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_file_instead_of_folder(used: Used, name: str) -> None:
    """A file where a folder belongs is named in the error."""
    shutil.rmtree(used.folder / name)
    (used.folder / name).write_text("What is this?")
    for command in ("ensure", "status", "init", "executions list", "profile list"):
        ended = used.program.run(*command.split(), "--format", "json", expect=None)
        if ended.code:
            assert ended.code in {1, 2}
            assert error_of(ended)[0] in {"FILE-INACCESSIBLE", "FILE-DAMAGED", "NOT-INITIALISED"}


@pytest.mark.parametrize("name", [*PARAMS, *STATES, ".executions.sqlite3"])
def test_newer_format(used: Used, name: str) -> None:
    """A file that a later version wrote is left as it is, and the error says who can read it."""
    path = used.folder / name
    match path.suffix:
        case ".yaml":
            text = path.read_text()
            assert "(peaceful format 1)" in text
            path.write_text(text.replace("(peaceful format 1)", "(peaceful format 2)"))
        case ".sqlite3":
            with closing(sqlite3.connect(path)) as register:
                register.execute("PRAGMA user_version = 2")
        case _:
            header = file_header(b"", VERSION + 1)
            path.write_bytes(header + path.read_bytes()[len(header) :])
    before = path.read_bytes()
    code, advice = error_of(used.program.run("ensure", "--format", "json", expect=1))
    assert code == "FORMAT-TOO-NEW"
    assert "the version of peaceful that wrote it" in advice
    assert path.read_bytes() == before


def test_foreign(used: Used, shell: Shell) -> None:
    """What belongs to others in a `.peace` folder is neither touched nor in the way."""
    others = {
        "other_app/default/flow/states_current.yaml": "not: ours",
        "README": "A folder of ours.",
        "slow_files/NOTES.txt": "Ask Ada.",
        "slow_files/no-profile/x": "",
        "slow_files/default/slow_files/.hidden": "",
    }
    for name, text in others.items():
        path = used.folder.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    flow_params = used.folder / FLOW / "flow_params.yaml"
    flow_params.write_text(f"{flow_params.read_text()}written_by_hand: kept\n")
    for command in ("ensure", "init --items 5", "discover", "clean"):
        used.program.run(*command.split())
    profiles = used.program.run("profile", "list", "--format", "json").document["profiles"]
    assert profiles == ["default"]
    assert {name: (used.folder.parent / name).read_text() for name in others} == others
    assert "written_by_hand: kept" in flow_params.read_text()
    words = ("ensure", "--workspace", used.root, "--format", "json")
    error = shell.run("download", *words, expect=2).error
    assert (error["code"], "download init" in error["help"]) == ("NOT-INITIALISED", True)


# ---- disks


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mounts file systems for the length of a test."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount file systems")
    mounted: list[Path] = []

    def mount(*words: str | Path, at: Path) -> None:
        at.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *words, at], check=True)
        mounted.append(at)

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "--lazy", path], check=True)


def everything_in(folder: Path) -> dict[str, bytes]:
    """By path, what the files below a folder hold; but for what only the moment is about."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


CHANGE = ["init --items 5", "ensure", "ensure --dry-run", "clean", "discover", "switch x --create"]
LOOK = ["diff --stored", "status", "goal", "executions list", "profile list", "profile show"]


def test_read_only(used: Used, mount: Callable[..., None]) -> None:
    """On a read-only disk one may look; what would change something is refused, naming the file."""
    before = everything_in(used.folder)
    mount("--bind", used.root, at=used.root)
    subprocess.run(["mount", "-o", "remount,bind,ro", used.root], check=True)
    for command in CHANGE:
        at = ("--workspace", str(used.root))
        ended = used.program.run(*command.split(), *at, "--format", "json", expect=1)
        assert error_of(ended)[0] == "FILE-INACCESSIBLE"
        assert "Read-only file system" in ended.error["message"]
        assert str(used.folder) in ended.error["message"]
    for command in LOOK:
        used.program.run(*command.split(), "--workspace", used.root)
    assert everything_in(used.folder) == before


def test_no_rights(slow: SlowFiles) -> None:
    """Whoever may not read a workspace is told which file, and what to do; nothing is changed."""
    if os.geteuid() != 0:
        pytest.skip("only root may become somebody else")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with closing(Shell(Path(folder, "work"), slow.shell.environment)) as shell:
            slow.shell = shell
            slow.init(1, 0)
            slow.run("ensure")
            before = everything_in(shell.folder)
            theirs = shell.loaded("slow_files", user=NOBODY)
            for command in ("init", "ensure", "clean", "status", "executions list", "interrupt"):
                code, advice = error_of(theirs.run(*command.split(), "--format", "json", expect=1))
                assert (code, advice.startswith("give this user the right")) == (
                    "FILE-INACCESSIBLE",
                    True,
                )
            assert everything_in(shell.folder) == before


def fill(disk: Path) -> None:
    """Leaves no space on a disk."""
    with (disk / "filling").open("ab", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(bytes(4096))


def test_full(slow: SlowFiles, mount: Callable[..., None]) -> None:
    """When the disk gets full, it says so, every file is whole, and it carries on from there."""
    disk = slow.shell.folder
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", at=disk)
    with closing(Shell(disk / "work", slow.shell.environment)) as shell:
        slow.shell = shell
        slow.init(20, 0.05, layers=20)
        running = slow.start("ensure")
        running.until("item_ended", 2)
        fill(disk)
        ended = running.end(expect=1)
        assert error_of(ended)[0] == "FILE-INACCESSIBLE"
        assert "No space left on device" in ended.error["message"]
        fill(disk)
        before = everything_in(shell.folder)
        program = shell.loaded("slow_files")
        for command in CHANGE:
            refused = program.run(*command.split(), "--format", "json", expect=1)
            assert error_of(refused)[0] == "FILE-INACCESSIBLE"
        stored = program.run("status", "--format", "json").document
        known = {item for item, state in stored["states"].items() if state is not None}
        done = {*ended.items("item_ended", status="done")}
        assert known - stored["in_progress_since"].keys() == done
        assert everything_in(shell.folder) == before

        files = slow.files()
        (disk / "filling").unlink()
        assert set(slow.statuses("ensure").values()) == {"done", "unchanged"}
        assert {item: slow.files()[item] for item in files} == files
