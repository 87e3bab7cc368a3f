"""The journal while it is written: durable when it says so, one sync for many, refusals for all."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from peaceful._aio import DaemonThreadPool
from peaceful._storage import journal as _journal
from peaceful._storage.journal import Journal, scan
from peaceful.errors import FileInaccessible

if TYPE_CHECKING:
    from tests.integration.storage.conftest import FailingSystem


@pytest.fixture
def thread() -> Iterator[DaemonThreadPool]:
    """A thread that waits for the disk."""
    thread = DaemonThreadPool(1, "test")
    yield thread
    thread.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / ".states_journal"


def _payloads(path: Path) -> tuple[bytes, ...]:
    found = scan(path.read_bytes())
    assert found.torn == b""
    return found.payloads


async def test_what_is_appended_is_there(path: Path, thread: DaemonThreadPool) -> None:
    """A record outlives the process when it is flushed, and the machine when it is synced."""
    journal = Journal(path, thread, b"first")
    journal.append(b"second")
    journal.flush()
    assert _payloads(path) == (b"first", b"second")
    await journal.synced()
    journal.append(b"third")
    await asyncio.gather(journal.synced(), journal.synced())
    journal.close()

    assert _payloads(path) == (b"first", b"second", b"third")
    assert journal.count == 3
    assert _rights(path) == 0o600


async def test_one_write_for_one_turn(path: Path, thread: DaemonThreadPool) -> None:
    """What is appended in one turn of the loop goes to the kernel in one write, before the next."""
    journal = Journal(path, thread, b"first")
    journal.append(b"second")
    journal.append(b"third")
    assert _payloads(path) == (b"first",)
    assert journal.count == 3
    next_turn: asyncio.Future[tuple[bytes, ...]] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: next_turn.set_result(_payloads(path)))

    assert await next_turn == (b"first", b"second", b"third")
    journal.close()


async def test_what_is_let_go(path: Path, thread: DaemonThreadPool) -> None:
    """Let go of, it writes nothing more, whatever was appended."""
    journal = Journal(path, thread, b"first")
    journal.append(b"second")
    journal.let_go()
    journal.flush()
    journal.close()

    assert _payloads(path) == (b"first",)


def _write(journal: Journal, payload: bytes) -> None:
    journal.append(payload)
    journal.flush()


def _rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _exists(path: Path) -> bool:
    return path.exists()


def _size(path: Path) -> int:
    return path.stat().st_size


class _Syncs:
    """Syncs that wait until they are let go."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._go = threading.Semaphore(0)

    def sync(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        self._loop.call_soon_threadsafe(self.begun.put_nowait, size)
        assert self._go.acquire(timeout=10)

    def let_go(self) -> None:
        self._go.release()


async def test_one_sync_for_all_who_wait(
    path: Path, thread: DaemonThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one sync runs, all that arrives waits for the next one, and for no more than that."""
    syncs = _Syncs()
    journal = Journal(path, thread, b"first")
    monkeypatch.setattr(_journal, "_sync", syncs.sync)
    journal.append(b"1")
    first = journal.synced()
    seen = await syncs.begun.get()
    later: list[asyncio.Future[None]] = []
    for number in range(100):
        journal.append(b"%d" % number)
        later.append(journal.synced())
    syncs.let_go()
    await first
    assert not any(future.done() for future in later)
    assert seen < await syncs.begun.get() == _size(path)
    syncs.let_go()
    await asyncio.gather(*later)

    assert syncs.begun.empty()
    journal.close()


async def test_who_waits_may_be_cancelled(
    path: Path, thread: DaemonThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops waiting stops nobody else."""
    syncs = _Syncs()
    journal = Journal(path, thread, b"first")
    monkeypatch.setattr(_journal, "_sync", syncs.sync)
    journal.append(b"1")
    gone, stays = journal.synced(), journal.synced()
    await syncs.begun.get()
    gone.cancel()
    syncs.let_go()
    await stays

    assert gone.cancelled()
    journal.close()


async def test_a_sync_that_fails(
    path: Path, thread: DaemonThreadPool, system: FailingSystem
) -> None:
    """Of a sync that fails, all hear who wait, and all who come later: no second is believed."""
    journal = Journal(path, thread, b"first")
    journal.append(b"1")
    system.fail(0, errno.EIO, only=("fdatasync",))
    waiting = [journal.synced() for _ in range(3)]
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, FileInaccessible)
        assert "Input/output error" in result.message
    with pytest.raises(FileInaccessible):
        journal.append(b"2")
    with pytest.raises(FileInaccessible):
        await journal.synced()
    journal.close()

    assert _payloads(path) == (b"first", b"1")


async def test_a_write_that_fails(
    path: Path, thread: DaemonThreadPool, system: FailingSystem
) -> None:
    """After a write that fails, nothing more is appended; the file ends with what came before."""
    journal = Journal(path, thread, b"first")
    _write(journal, b"1")
    waiting = journal.synced()
    for refusal in (errno.ENOSPC, errno.EDQUOT):
        system.fail(0, refusal, only=("write",))
        with pytest.raises(FileInaccessible, match="could not be written: No space left"):
            _write(journal, b"2")
    system.heal()
    with pytest.raises(FileInaccessible):
        journal.append(b"3")
    with pytest.raises(FileInaccessible):
        await waiting
    journal.close()

    assert _payloads(path) == (b"first", b"1")


@pytest.mark.parametrize("can_cut", [True, False])
async def test_half_a_record(
    path: Path, thread: DaemonThreadPool, monkeypatch: pytest.MonkeyPatch, can_cut: bool
) -> None:
    """Half a record, written before the disk was full, is cut off where that is possible."""
    journal = Journal(path, thread, b"first")
    write, left = os.write, [7]

    def limited(descriptor: int, data: bytes) -> int:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[: left.pop()])

    def refused(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", limited)
        if not can_cut:
            patched.setattr(os, "ftruncate", refused)
        with pytest.raises(FileInaccessible, match="No space left"):
            _write(journal, b"second")
    journal.close()
    found = scan(_content(path))

    assert found.payloads == (b"first",)
    assert len(found.torn) == (0 if can_cut else 7)


async def test_a_full_disk(full_disk: Callable[[int], Path], thread: DaemonThreadPool) -> None:
    """On a disk that fills up, all records before are whole, and the error says what to do."""
    folder = full_disk(64 * 1024)
    path = folder / "journal"
    journal = Journal(path, thread, b"first")

    async def fill() -> None:
        for _ in range(1000):
            journal.append(b"x" * 1000)
            await journal.synced()

    with pytest.raises(FileInaccessible, match="No space left") as caught:
        await fill()
    journal.close()

    assert "free some disk space" in caught.value.help
    assert len(_payloads(path)) == journal.count > 10


async def test_every_call_fails_in_turn(
    tmp_path: Path, thread: DaemonThreadPool, system: FailingSystem
) -> None:
    """Whichever call is refused while a journal is made, there is none, or a whole one."""
    for nth in range(100):
        path = tmp_path / str(nth) / "journal"
        path.parent.mkdir()
        system.fail(nth)
        try:
            Journal(path, thread, b"first").close()
        except FileInaccessible:
            assert system.failed
        finally:
            system.heal()
        assert not _exists(path) or _payloads(path) == (b"first",)
        if not system.failed:
            break
    assert not system.failed


async def test_without_sync(path: Path, thread: DaemonThreadPool, system: FailingSystem) -> None:
    """Where it is not wanted, nothing is synced, and nobody waits."""
    system.fail(0, only=("fsync", "fdatasync"))
    journal = Journal(path, thread, b"first", sync=False)
    journal.append(b"second")
    assert journal.synced().done()
    system.fail(0, only=("write",))
    with pytest.raises(FileInaccessible):
        _write(journal, b"third")
    with pytest.raises(FileInaccessible):
        await journal.synced()
    journal.close()


async def test_systems_without_fdatasync(
    path: Path, thread: DaemonThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no way to sync only what was written, all of the file is synced."""
    synced: list[int] = []
    journal = Journal(path, thread, b"first")
    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(os, "fsync", synced.append)
    await journal.synced()
    journal.close()

    assert len(synced) == 1
