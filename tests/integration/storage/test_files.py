"""Files are read whole, and written so that there is always the old one or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from peaceful import write_atomically
from peaceful._atomic import remove_left_behind
from peaceful._storage import files as _files
from peaceful._storage.files import make_folder, read_file, write_file_atomically
from peaceful._storage.lock import FileLock, LockHolder
from peaceful.errors import FileDamaged, FileInaccessible

if TYPE_CHECKING:
    from tests.integration.storage.conftest import FailingSystem

REFUSALS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EMFILE)


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _error_of(use: Callable[[], None]) -> FileInaccessible | None:
    try:
        use()
    except FileInaccessible as error:
        return error
    return None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A file has the bytes that were written last."""
    path = tmp_path / "file"
    for data in (b"one", b"", b"\0\xff" * 100_000):
        write_file_atomically(path, data)
        assert read_file(path) == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_rights(tmp_path: Path, umask: int) -> None:
    """Files and folders are for this user only, whatever the umask."""
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b")
        write_file_atomically(tmp_path / "a" / "b" / "file", b"x")
    finally:
        os.umask(before)

    assert _rights(tmp_path / "a") == _rights(tmp_path / "a" / "b") == 0o700
    assert _rights(tmp_path / "a" / "b" / "file") == 0o600


@pytest.mark.parametrize("refusal", REFUSALS, ids=errno.errorcode.get)
@pytest.mark.parametrize("sync", [True, False])
def test_every_call_fails_in_turn(
    tmp_path: Path, system: FailingSystem, refusal: int, sync: bool
) -> None:
    """Whichever call is refused, the file is the old one or the new one, and it is said why."""
    made = 0
    for nth in count():
        path = tmp_path / str(nth) / "file"
        path.parent.mkdir()
        path.write_bytes(b"old")
        system.fail(nth, refusal)
        error = _error_of(partial(write_file_atomically, path, b"new", sync=sync))
        system.heal()
        if error is not None:
            assert error.path == path
            assert "could not be written" in error.message
            assert os.strerror(refusal) in error.message
        assert path.read_bytes() in (b"old", b"new")
        if not system.failed:
            assert path.read_bytes() == b"new"
            made = nth
            break
    assert made >= 7


def test_folders_are_made_by_nobody_who_writes(tmp_path: Path) -> None:
    """Where the folder is missing, it is said so, and not made: a workspace may have gone."""
    with pytest.raises(FileInaccessible, match="No such file"):
        write_file_atomically(tmp_path / "gone" / "file", b"new")
    assert list(tmp_path.iterdir()) == []


def test_every_call_fails_in_turn_while_folders_are_made(
    tmp_path: Path, system: FailingSystem
) -> None:
    """Whichever call is refused while folders are made, the next attempt makes what is missing."""
    for nth in count():
        folder = tmp_path / str(nth) / "a" / "b"
        system.fail(nth)
        with suppress(OSError):
            make_folder(folder)
        system.heal()
        make_folder(folder)
        assert folder.is_dir()
        if not system.failed:
            break


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, system: FailingSystem) -> None:
    """After a failure, the temporary file is gone, or goes with the next write."""
    path = tmp_path / "file"
    system.fail(0, errno.ENOSPC, only=("write",))
    with pytest.raises(FileInaccessible, match="No space left") as caught:
        write_file_atomically(path, b"new")

    assert "free some disk space" in caught.value.help
    assert list(tmp_path.iterdir()) == []


def test_a_little_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little the system takes at a time, everything is written."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    write_file_atomically(tmp_path / "file", b"0123456789")

    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_full_disk(full_disk: Callable[[int], Path]) -> None:
    """On a disk that is full, the old file is whole, the error says what to do, then it works."""
    folder = full_disk(256 * 1024)
    path = folder / "file"
    write_file_atomically(path, b"old" * 1000)
    with pytest.raises(FileInaccessible, match="No space left"):
        write_file_atomically(path, b"new" * 200_000)

    assert path.read_bytes() == b"old" * 1000
    assert list(folder.iterdir()) == [path]


def test_a_read_only_folder(tmp_path: Path, read_only: Callable[[Path], None]) -> None:
    """In a folder that may not be written to, files can be read; to write is refused by name."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"old")
    read_only(folder)

    assert read_file(folder / "file") == b"old"
    for path in (folder / "file", folder / "new" / "file"):
        with pytest.raises(FileInaccessible, match=f"{path} could not be written"):
            write_file_atomically(path, b"new")
    assert read_file(folder / "file") == b"old"


KILLED = """
import os, signal, sys
from pathlib import Path
from peaceful._storage.files import write_file_atomically
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_file_atomically(Path(sys.argv[1]), b"new")
"""


@pytest.fixture
def left_behind(tmp_path: Path, unmeasured_environment: dict[str, str]) -> Path:
    """What a process that was killed left of writing the file in a folder."""
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"old")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path], check=False, env=unmeasured_environment
    )
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    (temporary,) = (each for each in path.parent.iterdir() if each != path)
    return temporary


def _write_by_storage(folder: Path) -> None:
    write_file_atomically(folder / "another", b"new")


def _write_by_item(folder: Path) -> None:
    write_atomically(folder / "another", b"new")


def _lock(folder: Path) -> None:
    make_folder(folder)
    lock = FileLock(folder / ".lock")
    assert lock.acquire(LockHolder()) is None
    lock.release()


def _lock_below(folder: Path) -> None:
    _lock(folder / "profile")


@pytest.mark.parametrize("use", [_write_by_storage, _write_by_item, _lock, _lock_below])
def test_what_a_killed_process_leaves(left_behind: Path, use: Callable[[Path], None]) -> None:
    """It goes when somebody writes into the folder, or begins an execution of a profile there."""
    use(left_behind.parent)

    assert not left_behind.exists()


def test_whose_temporary_files_stay(left_behind: Path) -> None:
    """What is locked is being written, in whatever container; other names are somebody else's."""
    others = [
        left_behind.with_name(name)
        for name in (".x.1-0.tmp", ".tmp", left_behind.name[1:], left_behind.name + "2")
    ]
    for other in others:
        other.write_bytes(b"other")
    left_behind.with_name("." + left_behind.name).symlink_to(others[0])
    left_behind.with_name(".." + left_behind.name).mkdir()
    before = set(left_behind.parent.iterdir())
    with left_behind.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_left_behind(left_behind.parent)
        assert set(left_behind.parent.iterdir()) == before
    remove_left_behind(left_behind.parent)

    assert set(left_behind.parent.iterdir()) == before - {left_behind}


@pytest.mark.parametrize("refusal", [errno.ENOLCK, errno.ENOTSUP, errno.EINVAL])
def test_file_systems_without_locks(
    left_behind: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """Where files cannot be locked, they are written all the same, and what is old is removed."""

    def refuse(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = left_behind.with_name("another")
    write_file_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert left_behind.exists()

    yesterday = left_behind.stat().st_mtime - 25 * 3600
    os.utime(left_behind, (yesterday, yesterday))
    write_file_atomically(path, b"newer")
    assert not left_behind.exists()


@pytest.mark.parametrize("tidies", ["before it is locked", "while it is being locked"])
def test_who_tidies_up_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tidies: str) -> None:
    """A new temporary file that another process takes for left behind is made once more."""
    flock, others = fcntl.flock, [tidies]

    def late(descriptor: int, flags: int) -> None:
        if others:
            others.clear()
            (temporary,) = tmp_path.iterdir()
            temporary.unlink()
            if tidies == "while it is being locked":
                raise BlockingIOError(errno.EWOULDBLOCK, "locked")
        flock(descriptor, flags)

    monkeypatch.setattr(fcntl, "flock", late)
    write_file_atomically(tmp_path / "file", b"new")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


@pytest.mark.parametrize("has_locks", [True, False])
def test_own_files_are_not_taken_for_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_locks: bool
) -> None:
    """While one file is written, writing another in the same folder does not remove it.

    Nor where the process could lock its own files once more.
    """
    replace = os.replace

    def replace_after_another(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "replace", replace)
        write_file_atomically(tmp_path / "second", b"2")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_after_another)
    if not has_locks:
        monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    write_file_atomically(tmp_path / "first", b"1")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_a_link_stays(tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere stays one; what it points to is replaced."""
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_file_atomically(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_no_file(tmp_path: Path) -> None:
    """Where there is no file, nothing is read; that is no error."""
    assert read_file(tmp_path / "none") is None
    assert read_file(tmp_path / "none" / "none") is None


def test_things_that_are_no_files(tmp_path: Path) -> None:
    """A folder, a pipe or a device where a file belongs is said to be one, without waiting."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, what in (("folder", "a folder"), ("pipe", "a named pipe")):
        with pytest.raises(FileDamaged, match=f"it is {what}, where a file belongs"):
            read_file(tmp_path / name)
    with pytest.raises(FileDamaged, match="it is a device or a socket"):
        read_file(Path(os.devnull))
    with pytest.raises(FileInaccessible):
        write_file_atomically(tmp_path / "folder", b"x")


def test_a_file_on_the_way(tmp_path: Path) -> None:
    """A file where a folder belongs is said to be in the way, when reading and when writing."""
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(FileInaccessible, match="Not a directory"):
        read_file(tmp_path / "file" / "below")
    with pytest.raises(FileInaccessible, match="Not a directory"):
        write_file_atomically(tmp_path / "file" / "below", b"x")
    with pytest.raises(FileInaccessible, match="Not a directory"):
        write_file_atomically(tmp_path / "file" / "below" / "it", b"x")


def test_unreadable(tmp_path: Path, system: FailingSystem) -> None:
    """What the system does not let one read is said so, not taken for missing."""
    (tmp_path / "file").write_bytes(b"x")
    system.fail(0, errno.EACCES, only=("open",))
    with pytest.raises(FileInaccessible, match="could not be read: Permission denied") as caught:
        read_file(tmp_path / "file")

    assert "give this user the right" in caught.value.help


def test_folders_made_by_two_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that another process makes at the same moment is as good as one's own."""
    mkdir = os.mkdir

    def late(path: Path, mode: int) -> None:
        mkdir(path, mode)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", late)
    make_folder(tmp_path / "folder")

    assert (tmp_path / "folder").is_dir()


def test_file_systems_without_sync_of_folders(tmp_path: Path, system: FailingSystem) -> None:
    """Where the file system knows no sync of folders, writing works all the same."""
    for refusal in (errno.EINVAL, errno.ENOTSUP):
        system.fail(1, refusal, only=("fsync",))
        write_file_atomically(tmp_path / "file", b"x")
        assert system.failed


def test_other_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rights and folders are not as in POSIX, files are written all the same."""
    monkeypatch.setattr(os, "name", "nt")
    _files.sync_folder(tmp_path / "none")
    descriptor = _files.open_new(tmp_path / "file", os.O_WRONLY)
    os.write(descriptor, b"x")
    os.close(descriptor)

    assert (tmp_path / "file").stat().st_size == 1


def test_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an open file can be neither renamed nor removed, it is closed before."""
    replace = os.replace

    def replace_closed(source: str, target: Path) -> None:
        open_files = {os.path.realpath(each.path) for each in os.scandir("/proc/self/fd")}
        assert source not in open_files
        replace(source, target)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "replace", replace_closed)
    write_atomically(tmp_path / "file", "x")

    assert (tmp_path / "file").read_text() == "x"
