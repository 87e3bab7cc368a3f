"""One at a time: between objects, threads and processes, freed by the kernel."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import pytest

from peaceful._storage import lock as _lock
from peaceful._storage.lock import FileLock, LockHolder
from peaceful.errors import FileInaccessible

if TYPE_CHECKING:
    from tests.integration.storage.conftest import FailingSystem

ME = LockHolder(
    user="me",
    host="here",
    pid=os.getpid(),
    command="ensure",
    execution_id="0197",
    since=datetime(2026, 1, 31, 12, tzinfo=UTC),
)
OTHER = LockHolder(user="other", pid=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the lock is."""
    return tmp_path / ".lock"


HOLDS = """
import sys
from pathlib import Path
from peaceful._storage.lock import LockHolder, FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(LockHolder(user="child", pid=5)) is None, flush=True)
sys.stdin.readline()
"""


@contextmanager
def _child(path: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], bool]]:
    """Another process that tries to take the lock, and whether it did; ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline() == "True\n"
        process.kill()


def test_one_at_a_time(path: Path) -> None:
    """Of two objects, the first has the lock until it lets go, and the second hears who has it."""
    first, second = FileLock(path), FileLock(path)

    assert not first.is_locked()
    assert first.acquire(ME) is None
    assert first.is_locked()
    assert second.is_locked()
    assert second.acquire(OTHER) == ME
    assert second.holder() == ME
    first.release()
    assert not second.is_locked()
    assert second.holder() is None
    assert second.acquire(OTHER) is None
    assert first.acquire(ME) == OTHER
    second.release()
    second.release()


def test_files(path: Path) -> None:
    """The lock's file is for this user only, stays, and can be read by people."""
    lock = FileLock(path)
    lock.acquire(ME)
    assert path.stat().st_mode & 0o777 == 0o600
    assert '"execution_id": "0197"' in path.read_text()
    assert '"since": "2026-01-31T12:00:00Z"' in path.read_text()
    lock.release()

    assert path.read_text() == ""


def test_asking_makes_nothing(path: Path) -> None:
    """Who only asks leaves no file behind."""
    assert not FileLock(path).is_locked()
    assert FileLock(path).holder() is None
    assert not path.exists()


def test_where_no_folder_is(path: Path) -> None:
    """A lock makes no folder: where there is none, nothing is set up, or it is gone."""
    with pytest.raises(FileInaccessible, match="No such file"):
        FileLock(path / "none" / ".lock").acquire(ME)
    assert not path.exists()


def test_not_re_entrant(path: Path) -> None:
    """To take a lock that this very object has is a mistake of the program."""
    lock = FileLock(path)
    lock.acquire(ME)
    with pytest.raises(RuntimeError, match="held already"):
        lock.acquire(ME)
    lock.release()


def test_between_processes(path: Path, unmeasured_environment: dict[str, str]) -> None:
    """Two processes exclude each other, both ways round; the text of the holder stays whole."""
    lock = FileLock(path)
    with _child(path, unmeasured_environment) as (_, holds):
        assert holds
        assert lock.is_locked()
        assert lock.acquire(ME) == LockHolder(user="child", pid=5)
    assert lock.acquire(ME) is None
    with _child(path, unmeasured_environment) as (_, holds):
        assert not holds
        assert lock.holder() == ME
    lock.release()


def test_killed(path: Path, unmeasured_environment: dict[str, str]) -> None:
    """A lock ends with its process, however that ends; the text it leaves is not believed."""
    lock = FileLock(path)
    with _child(path, unmeasured_environment) as (process, holds):
        assert holds
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert lock.holder() == LockHolder(user="child", pid=5)
        assert not lock.is_locked()
        assert lock.acquire(ME) is None
        assert lock.holder() == ME
    lock.release()


def test_child_processes_do_not_keep_it(path: Path) -> None:
    """A child process that outlives the holder does not keep the lock."""
    lock = FileLock(path)
    lock.acquire(ME)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False):
        lock.release()
        assert not lock.is_locked()
        assert FileLock(path).acquire(OTHER) is None


FORKS = """
import os, sys
from pathlib import Path
from peaceful._storage.lock import LockHolder, FileLock
path = Path(sys.argv[1])
lock = FileLock(path)
assert lock.acquire(LockHolder(user="parent")) is None
ready, go = os.pipe(), os.pipe()
if os.fork() == 0:
    assert FileLock(path).is_locked()
    assert FileLock(path).acquire(LockHolder()) == LockHolder(user="parent")
    lock.release()
    assert FileLock(path).is_locked()
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    assert lock.acquire(LockHolder(user="child")) is None
    os._exit(0)
os.read(ready[0], 1)
assert lock.is_locked()
lock.release()
assert not lock.is_locked()
os.write(go[1], b"x")
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_forked_processes_do_not_keep_it(
    path: Path, unmeasured_environment: dict[str, str]
) -> None:
    """A forked copy of the holder neither has the lock nor keeps it, and can take it later."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS, path],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env=unmeasured_environment,
    )

    assert (done.stdout, done.stderr) == ("0\n", "")


def test_in_a_forked_process(path: Path) -> None:
    """In a forked copy, the descriptor is closed, and what it believes to hold is nothing."""
    lock = FileLock(path)
    lock.acquire(ME)
    descriptor = lock._descriptor
    assert descriptor is not None
    copy = os.dup(descriptor)
    _lock._after_fork()
    try:
        assert not _lock._held
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        lock.drop_after_fork()
        assert lock.acquire(ME) == ME
    finally:
        os.close(copy)
    assert lock.acquire(ME) is None
    lock.release()


def test_threads(path: Path) -> None:
    """Of many threads that try at once, one has the lock, again and again."""
    for _ in range(20):
        barrier = threading.Barrier(8)
        won: list[FileLock] = []

        def attempt(barrier: threading.Barrier = barrier, won: list[FileLock] = won) -> None:
            lock = FileLock(path)
            barrier.wait(10)
            if lock.acquire(ME) is None:
                won.append(lock)

        threads = [threading.Thread(target=attempt) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(won) == 1
        won[0].release()


def test_asking_disturbs_nobody(path: Path, unmeasured_environment: dict[str, str]) -> None:
    """However often others ask whether it is held, the lock can be taken."""
    asks = (
        "import sys\nfrom pathlib import Path\nfrom peaceful._storage.lock import FileLock\n"
        "lock, n = FileLock(Path(sys.argv[1])), 0\nprint(flush=True)\n"
        "while True: n += lock.is_locked()\n"
    )
    lock = FileLock(path)
    lock.acquire(ME)
    lock.release()
    with subprocess.Popen(
        [sys.executable, "-c", asks, path], stdout=subprocess.PIPE, env=unmeasured_environment
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            for _ in range(300):
                assert not lock.is_locked()
                assert lock.acquire(ME) is None
                lock.release()
        finally:
            process.kill()


def test_others_with_the_same_lock(path: Path) -> None:
    """It is the lock that filelock takes: its users on a file exclude ours, and ours them."""
    lock = FileLock(path)
    lock.acquire(ME)
    other = filelock.FileLock(path)
    with pytest.raises(filelock.Timeout):
        other.acquire(blocking=False)
    assert lock.holder() == ME
    lock.release()
    with other:
        assert lock.is_locked()
        assert lock.acquire(ME) == LockHolder()


def test_a_file_that_was_removed(path: Path) -> None:
    """When somebody removes the file, who takes the lock next takes it on the new file."""
    first, second = FileLock(path), FileLock(path)
    first.acquire(ME)
    path.unlink()
    assert not second.is_locked()
    assert second.acquire(OTHER) is None
    first.release()
    assert second.is_locked()
    assert first.holder() == OTHER
    second.release()


def test_a_file_that_is_removed_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is removed while it is being locked, the next try takes the new one."""

    def replaced() -> None:
        path.rename(path.with_name("x"))
        path.touch()

    removals: list[Callable[[], None]] = [path.unlink, replaced]
    lock_exclusively = _lock._lock_exclusively

    def locked(descriptor: int) -> bool:
        if removals:
            removals.pop()()
        return lock_exclusively(descriptor)

    monkeypatch.setattr(_lock, "_lock_exclusively", locked)
    lock = FileLock(path)
    assert lock.acquire(ME) is None
    assert lock.holder() == ME
    lock.release()


@pytest.mark.parametrize(
    "text", [b"", b"x", b" {", b" nonsense", b" []", b' {"user": "x"}', b" \xff", b"\0" * 50]
)
def test_odd_texts(path: Path, text: bytes) -> None:
    """A text that says nothing is no holder, and keeps nobody from taking the lock."""
    path.write_bytes(text)
    lock = FileLock(path)

    assert lock.holder() is None
    assert lock.acquire(ME) is None
    assert lock.holder() == ME
    lock.release()


def test_holders_without_a_time(path: Path) -> None:
    """What is not known of a holder is left open."""
    lock = FileLock(path)
    assert lock.acquire(LockHolder()) is None
    assert FileLock(path).holder() == LockHolder()
    lock.release()


def test_refusals(path: Path, system: FailingSystem) -> None:
    """Whatever the system refuses while the lock is taken is said, and the lock is free."""
    lock = FileLock(path)
    for nth in range(100):
        system.fail(nth, errno.EACCES)
        error = None
        try:
            assert lock.acquire(ME) is None
        except FileInaccessible as caught:
            error = caught
        system.heal()
        lock.release()
        assert error is None or "could not be locked" in error.message
        assert not lock.is_locked()
        if not system.failed:
            break
    assert not system.failed
    uses: list[tuple[Callable[[], object], str]] = [
        (lock.holder, "open"),
        (lock.is_locked, "open"),
        (lock.is_locked, "stat"),
    ]
    for use, call in uses:
        system.fail(0, errno.EACCES, only=(call,))
        with pytest.raises(FileInaccessible, match="could not be read"):
            use()


def test_file_systems_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system knows no locks, that is said; nothing pretends to be locked."""

    def refuse(descriptor: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_lock, "_lock_exclusively", refuse)
    with pytest.raises(FileInaccessible, match="No locks available"):
        FileLock(path).acquire(ME)


def test_waiting(path: Path) -> None:
    """Whoever waits gets the lock when it is let go, also of another process that is killed."""
    with _child(path, dict(os.environ)) as (process, has_it):
        assert has_it
        lock, acquired = FileLock(path), threading.Event()

        def wait() -> None:
            assert lock.acquire(ME, patience=math.inf) is None
            acquired.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not acquired.wait(0.05)
        process.kill()
        assert acquired.wait(10)
        waiting.join()
        assert lock.holder() == ME
        lock.release()


def test_waiting_too_long(path: Path) -> None:
    """Says who holds it; whoever gave up does not take the lock later on."""
    first, second = FileLock(path), FileLock(path)
    first.acquire(ME)
    assert second.acquire(OTHER, patience=0.05) == ME
    first.release()
    for thread in threading.enumerate():
        if thread.name == "peaceful-lock":
            thread.join()
    third = FileLock(path)
    assert third.acquire(OTHER) is None
    third.release()


def test_waiting_for_a_file_that_is_replaced(path: Path) -> None:
    """It is the lock of the file that is there by then."""
    first, second = FileLock(path), FileLock(path)
    first.acquire(ME)
    waiting = threading.Thread(target=second.acquire, args=(OTHER,), kwargs={"patience": 10})
    waiting.start()
    path.unlink()
    first.release()
    waiting.join()
    assert second.is_locked()
    assert second.holder() == OTHER
    second.release()
