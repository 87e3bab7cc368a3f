"""What a loss of power may leave of a journal: all that was synced, and of the rest anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._aio import DaemonThreadPool
from peaceful._storage.journal import FILE_HEADER, Journal, scan
from peaceful._storage.records import Begun, BlockLog, payload_of
from peaceful._storage.state_store import YamlStateWriter
from peaceful.commands import StateKind, StoredState, YamlStateStore
from peaceful.errors import FileDamaged

AT: Final = datetime(2026, 1, 31, tzinfo=UTC)
BLOCK_SIZES: Final = (512, 4096)
"""Bytes that a disk writes at a time: a sector, a page."""

_States: TypeAlias = dict[str, StoredState]

UNKNOWN: Final = StoredState("k.K", 1, "half of something", None, AT)
"""The state of an item that is being changed."""


class _Disk(DaemonThreadPool):
    """The thread that syncs a journal, where each sync lasts until the test ends it.

    Attributes:
        synced: up to where all is durable, whatever happens.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(1, "disk")
        self._journal = journal
        self._syncs: deque[tuple[int, Callable[[], None]]] = deque()
        self.synced = 0

    def start(self, work: Callable[[], None]) -> None:
        """Begin a sync, of what was written until now."""
        self._syncs.append((self._journal.stat().st_size, work))

    def end_sync(self) -> None:
        """End the oldest sync, if there is one."""
        if self._syncs:
            self.synced, work = self._syncs.popleft()
            work()


class _Run:
    """A block that runs until the power is lost.

    Attributes:
        made: the states that items have by then.
        told: the items that were said to have ended: made, or found to need nothing.
        journal: the bytes that were written.
        synced: how many of them are durable, whatever happens.
    """

    def __init__(self, folder: Path, steps: list[int | str]) -> None:
        self.path = folder / ".states_journal"
        self.items = [f"item_{number}" for number in range(len(steps))]
        self.made: _States = {}
        with mock.patch("os.fdatasync"), mock.patch("os.urandom", bytes):
            self.told, self.synced = asyncio.run(self._until_power_is_lost(steps))
        self.journal = self.path.read_bytes()

    async def _until_power_is_lost(self, steps: list[int | str]) -> tuple[set[str], int]:
        begun = Begun("execution", AT, "this boot", True, tuple(self.items))
        disk = _Disk(self.path)
        journal = Journal(self.path, disk, payload_of(begun))
        disk.synced = self.path.stat().st_size
        writer = YamlStateWriter(journal, disk, BlockLog(begun), lambda _: None, lambda: None)
        told: set[str] = set()

        async def made(item: str, size: int) -> None:
            await writer.started(item, AT)
            self.made[item] = StoredState("k.K", 1, {"is": "x" * size}, None, AT)
            await writer.record(item, current=self.made[item])
            told.add(item)

        async def begun_only(item: str) -> None:
            await writer.started(item, AT)
            self.made[item] = UNKNOWN

        async def unchanged(item: str) -> None:
            await writer.settled(item)
            told.add(item)

        tasks: list[asyncio.Task[None]] = []
        for item, step in zip(self.items, steps, strict=True):
            match step:
                case int():
                    tasks.append(asyncio.create_task(made(item, step)))
                case "starts":
                    tasks.append(asyncio.create_task(begun_only(item)))
                case "unchanged":
                    tasks.append(asyncio.create_task(unchanged(item)))
                case _:
                    disk.end_sync()
            for _ in range(5):
                await asyncio.sleep(0)
        journal.let_go()
        journal.close()
        for task in tasks:
            task.cancel()
        return set(told), disk.synced


STEPS: Final = st.lists(
    st.integers(0, 9000) | st.sampled_from(["starts", "unchanged", "disk"]), max_size=12
)
"""An item is made, with a state of that size; one is only begun, or unchanged; a sync ends."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the journal is."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def _rebuilt(run: _Run, data: st.DataObject) -> bytes:
    """The journal as a disk may have it: what was not synced may be lost, torn or zeroed.

    Each block fares on its own, so that later ones may be there where earlier ones are not.
    """
    block = data.draw(st.sampled_from(BLOCK_SIZES))
    found = bytearray(run.journal[: data.draw(st.integers(run.synced, len(run.journal)))])
    for start in range(run.synced // block * block, len(found), block):
        end = min(start + block, len(found))
        lost = data.draw(
            st.just(end) | st.just(start) | st.integers(max(start, run.synced), end), label="lost"
        )
        lost = max(lost, run.synced)
        found[lost:end] = bytes(max(0, end - lost))
    return bytes(found)


def _read(folder: Path) -> _States:
    return dict(YamlStateStore(folder, boot_id="next boot").load(StateKind.CURRENT))


@given(st.data())
def test_nothing_told_is_lost(folder: Path, data: st.DataObject) -> None:
    """After another boot, whatever was said to be durable is read, and no stale state is.

    Nor does an item that was said to have ended say that it may not have. Nobody mends anything for
    that.
    """
    run = _Run(folder, data.draw(STEPS))
    run.path.write_bytes(_rebuilt(run, data))
    found = _read(folder)

    for item in run.items:
        # Before the block, nothing was there.
        state = found.get(item)
        if state is None or state.in_progress_since is None:
            assert state == run.made.get(item)
        else:
            assert item not in run.told


@given(st.data())
def test_damage_is_no_power_loss(folder: Path, data: st.DataObject) -> None:
    """What is damaged although a later record tells that it was synced is refused, with its place.

    Whatever else is lost behind the last sync.
    """
    run = _Run(folder, data.draw(STEPS))
    disk = bytearray(_rebuilt(run, data))
    synced = scan(bytes(disk)).synced
    place = data.draw(st.integers(FILE_HEADER, max(FILE_HEADER, synced - 1)))
    disk[place] ^= data.draw(st.integers(1, 255))
    run.path.write_bytes(disk)

    if synced:
        with pytest.raises(FileDamaged) as caught:
            _read(folder)
        assert int(caught.value.place.removeprefix("offset ")) <= place


def test_a_page_that_is_lost_before_one_that_is_not(folder: Path) -> None:
    """A hole behind the last sync is cut with what follows; what was reported is read."""
    run = _Run(folder, [6000, "disk", "disk", 6000, 6000])
    assert run.told == {"item_0"}
    hole = (run.synced // 4096 + 1) * 4096
    assert hole + 4096 < len(run.journal)
    run.path.write_bytes(run.journal[:hole] + bytes(4096) + run.journal[hole + 4096 :])
    found = _read(folder)

    assert found["item_0"] == run.made["item_0"]
    assert {found[item].in_progress_since for item in run.items[1:]} == {AT}
