"""A file is written whole, or not at all; and so are many at once."""

from __future__ import annotations

import asyncio
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
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from item_contexts import Bench, made_bench

from peaceful import write_atomically


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _contents_of(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir()}


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


async def test_files_written_at_once_share_their_syncs(bench: Bench, tmp_path: Path) -> None:
    """All are on disk before any is in place, and their folder is synced once, after all are."""
    folder, steps, (fsync, rename) = tmp_path / "new", list[str](), (os.fsync, Path.replace)
    folder.mkdir()

    def sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else "sync")
        fsync(descriptor)

    def put(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    with mock.patch("os.fsync", sync), mock.patch.object(Path, "replace", put):
        await asyncio.gather(*(bench.ctx.write_file(folder / str(n), f"{n}") for n in range(20)))

    assert steps == ["sync"] * 20 + ["rename"] * 20 + ["folder"]
    assert _contents_of(folder) == {str(n): str(n) for n in range(20)}


_OUTCOMES = st.sampled_from(["written", "removed", "open", "write", "fsync", "rename"])


@given(st.lists(_OUTCOMES, min_size=1, max_size=80))
def test_what_fails_for_one_file_fails_for_it_alone(outcomes: list[str]) -> None:
    """Its error names it, its old content is intact, and nothing else is left in the folder."""
    asyncio.run(_check_group(outcomes))


async def _check_group(outcomes: list[str]) -> None:
    names = [f"{number}_{outcome}" for number, outcome in enumerate(outcomes)]
    open_, write, fsync, rename = os.open, os.write, os.fsync, Path.replace
    with TemporaryDirectory() as name:
        folder = Path(name)
        for each in names:
            (folder / each).write_text("old")

        def refuse(step: str, path: Path) -> Path:
            if path.name.startswith(".") and f"_{step}." in path.name:
                raise OSError(errno.ENOSPC, "No space left on device")
            return path

        def refused(step: str, descriptor: int) -> int:
            refuse(step, Path(f"/proc/self/fd/{descriptor}").readlink())
            return descriptor

        with (
            mock.patch("os.open", lambda path, *a: open_(refuse("open", Path(path)), *a)),
            mock.patch("os.write", lambda file, data: write(refused("write", file), data)),
            mock.patch("os.fsync", lambda file: fsync(refused("fsync", file))),
            mock.patch.object(Path, "replace", lambda path, to: rename(refuse("rename", path), to)),
        ):
            ctx = made_bench(folder).ctx
            ended = await asyncio.gather(
                *(
                    ctx.write_file(folder / each, None if each.endswith("removed") else "new")
                    for each in names
                ),
                return_exceptions=True,
            )

        contents, expected = _contents_of(folder), {"written": "new", "removed": None}
        for each, outcome, error in zip(names, outcomes, ended, strict=True):
            assert contents.get(each) == expected.get(outcome, "old")
            if outcome in expected:
                assert error is None
            else:
                assert isinstance(error, OSError)
                assert (error.errno, error.filename) == (errno.ENOSPC, str(folder / each))
        assert set(contents) == {n for n in names if not n.endswith("removed")}


async def test_the_last_of_several_contents_stays(bench: Bench, tmp_path: Path) -> None:
    """Where one path is written several times at once; removing counts, too."""
    path = tmp_path / "file"
    contents = ["a", None, "b", "c", None, "d"]

    await asyncio.gather(*(bench.ctx.write_file(path, content) for content in contents))

    assert path.read_text() == "d"


async def test_a_folder_that_cannot_be_synced_fails_its_files(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, and those of no other folder."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        folder.mkdir()
    inode, fsync = bad.stat().st_ino, os.fsync

    def refuse(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == inode:
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    paths = [folder / name for folder in (good, bad) for name in "ab"]
    ended = await asyncio.gather(
        *(bench.ctx.write_file(path, "x") for path in paths), return_exceptions=True
    )

    assert ended[:2] == [None, None]
    assert [getattr(error, "filename", None) for error in ended[2:]] == [str(bad)] * 2


async def test_the_loop_goes_on_while_a_file_is_written(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked for meanwhile is the next group; and who is cancelled waits for the file."""
    begun, goes_on, fsync = asyncio.Event(), threading.Event(), os.fsync
    loop = asyncio.get_running_loop()

    def slow(descriptor: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert goes_on.wait(30)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    first = asyncio.create_task(bench.ctx.write_file(tmp_path / "first", "x"))
    await begun.wait()
    second = asyncio.create_task(bench.ctx.write_file(tmp_path / "second", "y"))
    first.cancel()
    await asyncio.sleep(0)
    assert not first.done()
    goes_on.set()

    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert [(tmp_path / name).read_text() for name in ("first", "second")] == ["x", "y"]


async def test_plain_functions_write_files(bench: Bench, tmp_path: Path) -> None:
    """With the mode that is asked for; and text that is no UTF-8 is refused at once."""

    def apply() -> None:
        bench.ctx.blocking(bench.ctx.write_file(tmp_path / "a/file", "x", mode=0o640))
        with pytest.raises(UnicodeEncodeError):
            bench.ctx.blocking(bench.ctx.write_file(tmp_path / "a/file", "\udc80"))

    await asyncio.to_thread(apply)

    assert (tmp_path / "a/file").read_text() == "x"
    assert _rights(tmp_path / "a/file") == 0o640
