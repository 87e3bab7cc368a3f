"""A file is written whole, or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peaceful import write_atomically


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], None]]:
    """Sets the umask for a test."""
    before = os.umask(0o022)
    yield lambda mask: (os.umask(mask), None)[1]
    os.umask(before)


@given(st.text() | st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_what_is_there(tmp_path: Path, content: str | bytes) -> None:
    """Text as UTF-8, without changing its line breaks; bytes as they are."""
    path = tmp_path / "file"
    try:
        data = content.encode() if isinstance(content, str) else content
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            write_atomically(path, content)
    else:
        write_atomically(path, content)
        assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir() if each != path] == []


def test_folders_are_made(tmp_path: Path) -> None:
    """Where they are missing."""
    write_atomically(tmp_path / "a/b/c", "x")

    assert (tmp_path / "a/b/c").read_text() == "x"


def test_nothing_is_to_remove_the_file(tmp_path: Path) -> None:
    """Also where it is not there, or where its folder is not."""
    path = tmp_path / "file"
    write_atomically(path, "x")

    write_atomically(path, None)
    write_atomically(path, None)
    write_atomically(tmp_path / "no/such", None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mask", "rights"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_rights_that_the_umask_leaves(
    mask: int, rights: int, tmp_path: Path, umask: Callable[[int], None]
) -> None:
    """As any other program's file."""
    umask(mask)

    write_atomically(tmp_path / "file", "x")

    assert _rights(tmp_path / "file") == rights


def test_an_old_file_keeps_its_rights(tmp_path: Path, umask: Callable[[int], None]) -> None:
    """Whatever the umask; unless others are asked for."""
    path = tmp_path / "file"
    path.touch()
    for rights in (0o600, 0o755, 0o4711):
        path.chmod(rights)
        write_atomically(path, "x")
        assert _rights(path) == rights
    umask(0o077)

    write_atomically(path, "y", mode=0o666)

    assert _rights(path) == 0o666


def test_what_is_for_few_is_never_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while it is written."""
    seen: list[int] = []
    real = os.fsync

    def look(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor)

    def early(descriptor: int, rights: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        os.chmod(descriptor, rights)

    monkeypatch.setattr(os, "fsync", look)
    monkeypatch.setattr(os, "fchmod", early)

    write_atomically(tmp_path / "file", "a secret", mode=0o640)

    assert seen[:2] == [0o600, 0o640]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_an_old_file_keeps_its_owner(tmp_path: Path) -> None:
    """Where this process may give files away."""
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 12345, 23456)
    path.chmod(0o4755)

    write_atomically(path, "x")

    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
    assert _rights(path) == 0o4755


def test_where_files_cannot_be_given_away_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is this process's own from then on."""

    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "no")

    path = tmp_path / "file"
    path.touch()
    real = os.fstat
    monkeypatch.setattr(os, "fchown", refuse)
    monkeypatch.setattr(
        os,
        "fstat",
        lambda descriptor: os.stat_result([*real(descriptor)[:4], 7, 7, *real(descriptor)[6:10]]),
    )

    write_atomically(path, "x")

    assert path.read_text() == "x"


def test_new_folders_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of each folder that is made is on disk before the file is said to be written."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    write_atomically(tmp_path / "a/b/file", "x")
    above = (tmp_path, tmp_path / "a", tmp_path / "a/b")
    assert [folder.stat().st_ino for folder in above] == [synced[0], synced[1], synced[-1]]


def test_new_folders_last_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds a folder that another thread is about to sync returns when it is synced."""
    folder = tmp_path / "new"
    inode, synced, others = tmp_path.stat().st_ino, list[str](), list[threading.Thread]()
    fsync = os.fsync

    def meanwhile(descriptor: int) -> None:
        if not others and os.fstat(descriptor).st_ino == inode:
            other = threading.Thread(target=write_atomically, args=(folder / "b", ""), name="other")
            others.append(other)
            other.start()
            other.join()
        fsync(descriptor)
        if os.fstat(descriptor).st_ino == inode:
            synced.append(threading.current_thread().name)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_atomically(folder / "a", "")
    assert synced == ["other", threading.current_thread().name]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is written, be it there or not; removing removes the link."""
    target, link = tmp_path / "there/target", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to("there/target")

    for content in ("new", "newer"):
        write_atomically(link, content)
        assert link.is_symlink()
        assert target.read_text() == content
    assert list(target.parent.iterdir()) == [target]
    write_atomically(link, None)

    assert not link.is_symlink()
    assert target.read_text() == "newer"


def test_a_linked_folder_is_written_to(tmp_path: Path) -> None:
    """As any other."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")

    write_atomically(tmp_path / "linked/file", "x")

    assert (tmp_path / "real/file").read_text() == "x"


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    """And stays as it is."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(OSError, match="symbolic links"):
        write_atomically(tmp_path / "a", "x", mode=0o600)
    assert (tmp_path / "a").is_symlink()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a device: it would be replaced by a file."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", "x")
    with pytest.raises(OSError, match="It is not a file"):
        write_atomically(tmp_path / "pipe", "x")
    with pytest.raises(OSError, match="It is not a file"):
        write_atomically(Path("/dev/null"), "x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "pipe"]


def test_long_names_can_be_written(tmp_path: Path) -> None:
    """The name of the temporary file is not longer than names may be, in any script."""
    for name in ("x" * 255, "数" * 85, "\N{MATHEMATICAL FRAKTUR CAPITAL U}" * 63):
        write_atomically(tmp_path / name, name)
        assert (tmp_path / name).read_text() == name
    with pytest.raises(OSError, match="too long"):
        write_atomically(tmp_path / ("x" * 256), "x")


FAILURES = {
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "read-only": OSError(errno.EROFS, "Read-only file system"),
    "broken": OSError(errno.EIO, "Input/output error"),
    "interrupted": KeyboardInterrupt(),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("where", ["fsync", "open", "fchmod"])
def test_a_failure_leaves_the_old_file_whole(
    failure: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails, and when; and no other file is left."""
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise FAILURES[failure]

    monkeypatch.setattr(os, where, fail)

    with pytest.raises(type(FAILURES[failure])):
        write_atomically(path, "new" * 100_000)

    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_becomes_too_large_leaves_the_old_one(
    tmp_path: Path, unmeasured_environment: dict[str, str]
) -> None:
    """As on a disk that is full: the system refuses in the middle of it."""
    program = (
        "import pathlib, resource, signal, sys\n"
        "from peaceful import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: write_atomically(pathlib.Path('file'), 'x' * 1_000_000)\n"
        "except OSError as error: sys.exit(error.errno)\n"
    )
    (tmp_path / "file").write_text("old")

    ended = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=tmp_path,
        env=unmeasured_environment,
        check=False,
        timeout=50,
    )

    assert ended.returncode == errno.EFBIG
    assert (tmp_path / "file").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".tmp"] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100_000


def test_a_file_system_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    """One in which nobody can make a file."""
    with pytest.raises(OSError, match="/proc"):
        write_atomically(Path("/proc/peaceful"), "x")
    with pytest.raises(NotADirectoryError):
        write_atomically(Path("/proc/version/x"), "x")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.ENOTSUP])
def test_folders_that_cannot_be_synced_are_no_error(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there all the same; a disk that fails is an error."""
    path = tmp_path / "file"
    real = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "no")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    write_atomically(path, "x")
    assert path.read_text() == "x"

    number = errno.EIO
    with pytest.raises(OSError, match="no"):
        write_atomically(path, "y")


def test_readers_see_the_old_or_the_new(tmp_path: Path) -> None:
    """While somebody writes again and again, nobody reads half a file."""
    path, ended = tmp_path / "file", threading.Event()
    contents = ["a" * 50_000, "b" * 70_000]
    write_atomically(path, contents[0])

    def write() -> None:
        for number in range(60):
            write_atomically(path, contents[number % 2])
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        assert path.read_text() in contents
    writer.join()


def test_a_killed_writer_leaves_the_old_or_the_new(
    tmp_path: Path, unmeasured_environment: dict[str, str]
) -> None:
    """A temporary file may be left then, which is not in the way."""
    program = (
        "import itertools, pathlib\n"
        "from peaceful import write_atomically\n"
        "for number in itertools.count():\n"
        "    write_atomically(pathlib.Path('file'), str(number % 10) * 300_000)\n"
        "    number or print('begun', flush=True)\n"
    )
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-B", "-c", program],
            cwd=tmp_path,
            env=unmeasured_environment,
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        with writer.stdout:
            assert writer.stdout.readline() == b"begun\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()

        text = (tmp_path / "file").read_text()
        assert len(text) == 300_000
        assert len(set(text)) == 1
