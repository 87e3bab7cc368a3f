"""States in YAML files: what is on disk, at every instant, and what is made of it afterwards."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from file_versions import version_of
from waiting import PATIENCE

from peaceful._model.codec import JsonValue
from peaceful._storage import journal
from peaceful._storage.journal import (
    FILE_HEADER,
    VERSION,
    boot_id,
    file_header,
    frame,
    scan,
)
from peaceful._storage.records import Begun, Started, payload_of
from peaceful._storage.states_file import StatesFile
from peaceful._storage.yaml_file import read_yaml
from peaceful.commands import StateKind, StoredState, YamlStateStore
from peaceful.errors import FileDamaged, FileInaccessible, FormatTooNew, StorageError

if TYPE_CHECKING:
    from tests.integration.storage.conftest import FailingSystem

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BEGUN = AT + timedelta(minutes=30)
ITEMS = ("a", "b", "c")
WORD = b"12345678"
HEADER = file_header(WORD)
FRAME_HEADER = len(frame(WORD, 0, 0, b""))


def _first_frame(payload: bytes) -> bytes:
    return frame(WORD, 0, 0, payload)


def _state(value: JsonValue = None, since: datetime | None = None) -> StoredState:
    return StoredState("File", 1, {"value": value}, None, AT, since)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path


def _opened(folder: Path, boot: str | None = "this") -> YamlStateStore:
    """The store, as the next process finds it."""
    return YamlStateStore(folder, now=lambda: BEGUN, boot_id=boot, sync=False)


def _journal(folder: Path) -> Path:
    return folder / ".states_journal"


def _current(store: YamlStateStore) -> dict[str, StoredState]:
    return dict(store.load(StateKind.CURRENT))


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.iterdir())}


def _rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _value(stored: StoredState) -> int:
    assert isinstance(stored.state, dict)
    value = stored.state["value"]
    assert isinstance(value, int)
    return value


async def _stored(folder: Path, *items: str) -> None:
    writer = _opened(folder).open("earlier", items, applies=False)
    for item in items:
        await writer.record(item, current=_state("old"), goal=_state("goal"))
    await writer.close()


async def _killed(folder: Path, *, sync: bool = False) -> bytes:
    """Leaves what a process leaves that is killed within a block; returns the journal."""
    await _stored(folder, *ITEMS)
    store = YamlStateStore(folder, now=lambda: BEGUN, boot_id="this", sync=sync)
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.started("b", LATER)
    await writer.record("a", current=_state("new"))
    await writer.started("c", LATER)
    await writer.record("c", current=_state("new"), goal=_state("new goal"))
    writer.let_go()
    return _journal(folder).read_bytes()


def test_loading_makes_nothing(folder: Path) -> None:
    """Who only looks leaves no folder behind."""
    assert _current(_opened(folder / "none")) == {}
    assert not (folder / "none").exists()


async def test_loading_changes_nothing(folder: Path) -> None:
    """Who only looks does not touch what a killed process left: its profile may be in use."""
    await _killed(folder)
    before = _contents(folder)
    for boot in ("this", "other", None):
        assert _current(_opened(folder, boot))["a"] == _state("new")

    assert _contents(folder) == before


async def test_files_after_a_block(folder: Path) -> None:
    """After a block there are the files for people, and no journal; what was opened is closed."""
    await _stored(folder, *ITEMS)
    _opened(folder).save_params_specs({"a": {"path": "x"}})

    assert [path.name for path in _contents(folder)] == [
        "params_specs.yaml",
        "states_current.yaml",
        "states_goal.yaml",
    ]
    assert read_yaml(folder / "params_specs.yaml") == {"a": {"path": "x"}}
    assert {_rights(path) for path in _contents(folder)} == {0o600}


async def test_a_block_that_changes_nothing_writes_nothing(folder: Path) -> None:
    """Where nothing was recorded, the files for people stay as they are."""
    await _stored(folder, *ITEMS)
    before = version_of(folder / "states_current.yaml")
    store = _opened(folder)
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.settled("a")
    await writer.close()
    await store.open("execution", ITEMS, applies=False).close()

    assert version_of(folder / "states_current.yaml") == before
    assert not _journal(folder).exists()


async def test_journal_cut_anywhere(folder: Path) -> None:
    """Cut at any byte, what the whole records before tell is told, and no state passes for newer.

    Without its beginning, which is on disk before anything is started, it is damaged.
    """
    whole = await _killed(folder)
    frames = [len(payload) + FRAME_HEADER for payload in scan(whole).payloads]
    ends = [FILE_HEADER + sum(frames[:number]) for number in range(len(frames) + 1)]
    old, new = _state("old"), _state("new")
    doubted = _state("old", since=LATER)
    expected = [
        *[{"a": old, "b": old, "c": old}] * 2,
        {"a": doubted, "b": old, "c": old},
        *({"a": doubted, "b": doubted, "c": old}, {"a": new, "b": doubted, "c": old}),
        *({"a": new, "b": doubted, "c": doubted}, {"a": new, "b": doubted, "c": new}),
    ]
    for length in range(len(whole) + 1):
        _journal(folder).write_bytes(whole[:length])
        if length < ends[1]:
            with pytest.raises(FileDamaged) as caught:
                _current(_opened(folder))
            assert caught.value.path == _journal(folder)
            continue
        records = sum(end <= length for end in ends[2:])
        assert _current(_opened(folder)) == expected[records]
        # After a loss of power, in doubt is whatever is not known to have ended, once the journal
        # says that items are changed: before that is on disk, none is.
        lost = _current(_opened(folder, "other"))
        if not records:
            assert lost == expected[0]
            continue
        for item, each in expected[records].items():
            assert (
                lost[item] == each
                if each == new
                else lost[item].in_progress_since in (BEGUN, LATER)
            )


async def test_journal_flipped_anywhere(folder: Path) -> None:
    """With any bit flipped, the place is told.

    After a loss of power, where the end is torn for all one knows, no stale state passes for the
    truth.
    """
    whole = await _killed(folder, sync=True)
    truth = _current(_opened(folder))
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        _journal(folder).write_bytes(flipped)
        with pytest.raises(FileDamaged) as caught:
            _current(_opened(folder))
        assert caught.value.place.startswith("offset ")
        assert "`discover`" in caught.value.help
        try:
            lost = _current(_opened(folder, "other"))
        except FileDamaged:
            continue
        for item, each in truth.items():
            assert lost[item] == each or lost[item].in_progress_since is not None


@pytest.mark.parametrize("tail", [b"\0", bytes(100), bytes(5000)])
async def test_zeros_after_the_journal(folder: Path, tail: bytes) -> None:
    """Zeros at the end are what a loss of power leaves: what may be lost with them is in doubt."""
    await _stored(folder, *ITEMS)
    writer = _opened(folder).open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.record("a", current=_state("new"))
    writer.let_go()
    with _journal(folder).open("ab") as file:
        file.write(tail)
    since = None if len(tail) < FRAME_HEADER else BEGUN

    assert _current(_opened(folder)) == {
        "a": _state("new"),
        "b": _state("old", since=since),
        "c": _state("old", since=since),
    }


async def test_recovery_is_whole(folder: Path) -> None:
    """The next block folds what was left, then its own states; nothing is to be mended."""
    await _killed(folder)
    store = _opened(folder)
    writer = store.open("next", ITEMS, applies=True)
    await writer.started("b", LATER)
    await writer.record("b", current=_state("newer"))
    await writer.close()

    expected = {"a": _state("new"), "b": _state("newer"), "c": _state("new")}
    assert _current(store) == _current(_opened(folder)) == expected
    assert store.load(StateKind.GOAL)["c"] == _state("new goal")
    assert not _journal(folder).exists()


async def test_folding_fails_at_every_call(folder: Path, system: FailingSystem) -> None:
    """Whichever call is refused while a block is folded, nothing is lost, only done later."""
    for nth in count():
        here = folder / str(nth)
        here.mkdir()
        await _stored(here, *ITEMS)
        writer = YamlStateStore(here, now=lambda: BEGUN, boot_id="this").open(
            "execution", ITEMS, applies=True
        )
        await writer.started("a", LATER)
        await writer.record("a", current=_state("new"), goal=_state("new goal"))
        expected = {"a": _state("new"), "b": _state("old"), "c": _state("old")}
        system.fail(nth, errno.ENOSPC)
        try:
            await writer.close()
        except StorageError:
            assert system.failed
        finally:
            system.heal()
        assert _current(_opened(here)) == expected
        await writer.close()
        await _opened(here).open("next", (), applies=True).close()
        assert _current(_opened(here)) == expected
        assert _opened(here).load(StateKind.GOAL)["a"] == _state("new goal")
        if not system.failed:
            break
    assert nth > 20


async def test_opening_fails_at_every_call(folder: Path, system: FailingSystem) -> None:
    """Whichever call is refused while a block begins, nothing is lost, and the next try works."""
    for nth in count():
        here = folder / str(nth)
        here.mkdir()
        await _killed(here)
        store = YamlStateStore(here, now=lambda: BEGUN, boot_id="this")
        expected = _current(store)
        system.fail(nth)
        try:
            await store.open("next", (), applies=True).close()
        except StorageError:
            assert system.failed
        finally:
            system.heal()
        assert _current(_opened(here)) == expected
        await _opened(here).open("next", (), applies=True).close()
        assert _current(_opened(here)) == expected
        if not system.failed:
            break
    assert nth > 30


async def test_a_full_disk(full_disk: Callable[[int], Path]) -> None:
    """When the disk fills up, everyone is told; once there is room, what was durable is stored."""
    folder = full_disk(256 * 1024) / "flow"
    folder.mkdir()
    items = [f"item_{number}" for number in range(1000)]
    ballast = folder.parent / "ballast"
    ballast.write_bytes(bytes(150 * 1024))
    store = YamlStateStore(folder, now=lambda: BEGUN, boot_id="this")
    writer = store.open("execution", items, applies=True)
    durable: list[str] = []

    async def fill() -> None:
        for item in items:
            await writer.started(item, LATER)
            await writer.record(item, current=_state("new"))
            durable.append(item)

    with pytest.raises(FileInaccessible, match="No space left"):
        await fill()
    with pytest.raises(FileInaccessible, match="No space left"):
        await writer.close()
    ballast.unlink()

    assert len(durable) > 10
    found = _current(_opened(folder))
    assert [item for item, each in found.items() if each == _state("new")] == durable
    await _opened(folder).open("next", items, applies=True).close()
    assert _current(_opened(folder)) == found


async def test_a_read_only_folder(folder: Path, read_only: Callable[[Path], None]) -> None:
    """What is stored in a folder that is read-only can be read; a block cannot begin."""
    await _stored(folder, "a")
    read_only(folder)

    assert _current(_opened(folder)) == {"a": _state("old")}
    with pytest.raises(FileInaccessible):
        _opened(folder).open("execution", ITEMS, applies=True)


async def test_a_person_changes_the_file_meanwhile(folder: Path) -> None:
    """What a person writes into the file while a block runs stays, but in entries of its items."""
    await _stored(folder, *ITEMS)
    store = _opened(folder)
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.record("a", current=_state("new"))
    file = folder / "states_current.yaml"
    file.write_text(file.read_text().replace("\nb:\n", "\n# mine\nb:\n  note: 1\n"))
    await writer.close()

    assert "# mine\nb:\n  note: 1\n" in file.read_text()
    assert _current(store)["a"] == _state("new")


async def test_a_person_changed_the_file(folder: Path) -> None:
    """The next block says so before it begins; once it has ended, that was said.

    Also where a block that was killed before is folded in first, and until a block ends cleanly.
    """
    await _killed(folder)
    file = folder / "states_current.yaml"
    file.write_text(file.read_text().replace("old", "older"))
    for _ in range(2):
        killed = _opened(folder).open("killed", ITEMS, applies=True)
        killed.let_go()
        assert len(killed.warnings) == 1
    writer = _opened(folder).open("execution", ITEMS, applies=True)
    (said,) = writer.warnings
    assert said.startswith(f"{file} was changed by hand, or damaged, since 2026-01-31T12:30:00Z")
    await writer.close()
    writer = _opened(folder).open("next", ITEMS, applies=True)
    await writer.close()

    assert not writer.warnings
    assert "older" in file.read_text()


async def test_nobody_changed_the_files(folder: Path) -> None:
    """Nothing is said of what the program wrote itself, whatever became of the block before."""
    for boot in ("this", "other"):
        await _killed(folder)
        writer = _opened(folder, boot).open("execution", ITEMS, applies=True)
        assert not writer.warnings
        await writer.record("b", current=_state(boot))
        await writer.close()
        writer = _opened(folder).open("next", ITEMS, applies=True)
        assert not writer.warnings
        await writer.close()


async def test_a_person_breaks_the_file_meanwhile(folder: Path) -> None:
    """Where a person breaks the file meanwhile, the journal keeps what was done until then."""
    await _stored(folder, *ITEMS)
    writer = _opened(folder).open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.record("a", current=_state("new"))
    file = folder / "states_current.yaml"
    whole = file.read_text()
    file.write_text(whole.replace("b:", "b", 1))
    with pytest.raises(FileDamaged):
        await writer.close()
    with pytest.raises(FileDamaged):
        _current(_opened(folder))
    with pytest.raises(FileDamaged):
        _opened(folder).open("next", ITEMS, applies=True)
    file.write_text(whole)
    assert _current(_opened(folder))["a"] == _state("new")
    await _opened(folder).open("next", (), applies=True).close()

    assert _current(_opened(folder))["a"] == _state("new")
    assert not _journal(folder).exists()


async def test_broken_files_stop_a_block_before_it_begins(folder: Path) -> None:
    """A block does not begin where what it makes could not be stored in the end."""
    await _stored(folder, *ITEMS)
    (folder / "states_goal.yaml").write_text("nonsense")
    with pytest.raises(FileDamaged):
        _opened(folder).open("execution", ITEMS, applies=True)
    assert not _journal(folder).exists()


async def test_cancelled_while_closing(folder: Path) -> None:
    """Whoever is cancelled while a block closes does not keep it from closing."""
    store = _opened(folder)
    writer = store.open("execution", ITEMS, applies=True)
    await writer.record("a", current=_state("new"))
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await writer.close()

    assert _current(store) == {"a": _state("new")}
    assert not _journal(folder).exists()


async def test_a_writer_that_gave_up_stays_out_of_the_way(folder: Path) -> None:
    """A block whose end was refused is folded by the next one; to close it then does nothing."""
    await _stored(folder, *ITEMS)
    store = _opened(folder)
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.record("a", current=_state("new"))
    file = folder / "states_current.yaml"
    whole = file.read_text()
    file.write_text("broken")
    with pytest.raises(FileDamaged):
        await writer.close()
    file.write_text(whole)
    second = store.open("next", ITEMS, applies=True)
    await second.record("b", current=_state("newer"))
    await writer.close()
    assert _journal(folder).exists()
    await second.close()

    assert _current(store) == {"a": _state("new"), "b": _state("newer"), "c": _state("old")}


async def test_readers_while_blocks_come_and_go(folder: Path) -> None:
    """Who reads while blocks run and are folded never sees an older state than before."""
    writing, reading = _opened(folder), _opened(folder)
    stop = False

    def read() -> list[dict[str, StoredState]]:
        seen = []
        while not stop:
            seen.append(_current(reading))
        return seen

    reader = asyncio.get_running_loop().run_in_executor(None, read)
    number = 0
    try:
        for block in range(40):
            writer = writing.open(f"execution {block}", ITEMS, applies=True)
            for item in ITEMS:
                number += 1
                await writer.started(item, LATER)
                await writer.record(item, current=_state(number))
            await writer.close()
    finally:
        stop = True
    states = await reader
    for item in ITEMS:
        values = [_value(each[item]) for each in states if item in each and each[item].known]
        assert values == sorted(values)


async def test_a_block_is_folded_while_somebody_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who read a file before it was folded, and the journal of the next block, reads both anew."""
    await _stored(folder, *ITEMS)
    writing, reading = _opened(folder), _opened(folder)
    writer = writing.open("first", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.record("a", current=_state("new"))
    turns, has_read, may_go_on = count(), asyncio.Event(), threading.Event()
    loop, load = asyncio.get_running_loop(), StatesFile.load

    def slow_at_first(file: StatesFile) -> Mapping[str, StoredState]:
        stored = load(file)
        if next(turns) == 0:
            loop.call_soon_threadsafe(has_read.set)
            may_go_on.wait(PATIENCE)
        return stored

    monkeypatch.setattr(StatesFile, "load", slow_at_first)
    reader = asyncio.create_task(asyncio.to_thread(_current, reading))
    await has_read.wait()
    await writer.close()
    second = writing.open("second", ITEMS, applies=True)
    await second.started("b", LATER)
    may_go_on.set()
    seen = await reader
    await second.close()

    assert seen["a"] == _state("new")
    assert seen["b"].in_progress_since == LATER


# ---- damage


async def test_a_damaged_journal_is_set_aside(folder: Path) -> None:
    """A damaged journal is moved away; all that it may have told is in doubt until found anew."""
    whole = await _killed(folder)
    (folder / "other").mkdir()
    await _stored(folder / "other", *ITEMS)
    damaged = bytearray(whole)
    damaged[whole.index(b'["started","c"')] ^= 1
    _journal(folder).write_bytes(damaged)
    for use in (
        lambda: _current(_opened(folder)),
        lambda: _opened(folder).open("x", (), applies=True),
    ):
        with pytest.raises(FileDamaged):
            use()
    (aside,) = _opened(folder).set_damaged_aside()

    assert aside.read_bytes() == bytes(damaged)
    assert aside.name == ".states_journal.damaged-20260131T123000Z"
    assert {item: each.in_progress_since for item, each in _current(_opened(folder)).items()} == (
        dict.fromkeys(ITEMS, BEGUN)
    )
    assert _current(_opened(folder))["a"].state == _state("new").state
    await _stored(folder, *ITEMS)
    assert _current(_opened(folder)) == dict.fromkeys(ITEMS, _state("old"))


@pytest.mark.parametrize("spoil", ["bytes", "folder"])
async def test_a_journal_that_tells_nothing(folder: Path, spoil: str) -> None:
    """Of a journal that tells nothing at all, it may have told of every item."""
    await _killed(folder)
    _journal(folder).unlink()
    if spoil == "folder":
        _journal(folder).mkdir()
    else:
        _journal(folder).write_bytes(b"nonsense that is long enough")
    before = _current_of_file(folder)
    assert len(_opened(folder).set_damaged_aside()) == 1

    assert _current(_opened(folder)) == {item: _state("old", since=BEGUN) for item in before}
    assert _opened(folder).load(StateKind.GOAL)["a"] == _state("goal")


def _current_of_file(folder: Path) -> dict[str, JsonValue]:
    return read_yaml(folder / "states_current.yaml") or {}


async def test_damaged_files_are_set_aside(folder: Path) -> None:
    """Damaged YAML is moved away each time under a new name; what the journal told is stored."""
    await _killed(folder)
    for _ in range(2):
        (folder / "states_current.yaml").write_text("nonsense")
        (folder / "states_goal.yaml").write_text("nonsense")
        moved = _opened(folder).set_damaged_aside()
        assert [path.read_text() for path in moved] == ["nonsense", "nonsense"]
        assert len({*moved}) == 2
    assert sum(".damaged-" in path.name for path in _contents(folder)) == 4
    assert _current(_opened(folder)) == {
        "a": _state("new"),
        "b": StoredState.in_progress(LATER),
        "c": _state("new"),
    }


def test_what_cannot_be_moved(folder: Path, system: FailingSystem) -> None:
    """Where a damaged file cannot be moved away, it is said so."""
    (folder / "states_current.yaml").write_text("nonsense")
    system.fail(0, errno.EROFS, only=("rename",))
    with pytest.raises(FileInaccessible, match="could not be moved aside"):
        _opened(folder).set_damaged_aside()


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"", "offset 0", "it ends before its first record"),
        (b"x" * 100, "offset 0", "it does not begin as a journal of states does"),
        (HEADER, "offset 24", "it does not begin with the beginning of a block"),
        (HEADER + _first_frame(b"nonsense"), "offset 24", "record 0 cannot be understood"),
        (HEADER + _first_frame(b'["end"]'), "offset 24", "does not begin with the beginning"),
    ],
)
def test_what_is_no_journal(folder: Path, data: bytes, place: str, reason: str) -> None:
    """A file that is no journal is refused with the place and the reason."""
    _journal(folder).write_bytes(data)
    with pytest.raises(FileDamaged) as caught:
        _current(_opened(folder))

    assert caught.value.place == place
    assert reason in caught.value.message


def test_a_journal_of_an_earlier_version(folder: Path) -> None:
    """It does not say from where on items were changed: they may have been from its beginning."""
    begun = Begun("execution", BEGUN, "this", applies=True, items=ITEMS)
    begin = file_header(WORD, VERSION - 1) + _first_frame(payload_of(begun))
    _journal(folder).write_bytes(begin)

    in_doubt = StoredState.in_progress(BEGUN)
    assert _current(_opened(folder)) == {}
    assert _current(_opened(folder, "other")) == dict.fromkeys(ITEMS, in_doubt)


def test_a_journal_of_a_later_version(folder: Path) -> None:
    """A journal of a later version is no damage: it is left where it is."""
    _journal(folder).write_bytes(file_header(WORD, VERSION + 1) + b"something new")
    for use in (lambda: _current(_opened(folder)), lambda: _opened(folder).set_damaged_aside()):
        with pytest.raises(FormatTooNew, match=f"version {VERSION + 1}"):
            use()
    assert _journal(folder).exists()


# ---- what the machine is called


def test_this_run_of_the_machine() -> None:
    """On Linux, each run of the machine has a name of its own."""
    assert boot_id() == boot_id()
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_machines_that_do_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that cannot be told, every unclean ending is taken for a loss of power."""
    monkeypatch.setattr(journal, "_BOOT_ID", tmp_path / "none")

    assert boot_id() is None


async def test_no_name_is_like_no_other(folder: Path) -> None:
    """Two runs of a machine that cannot tell its name are not the same run."""
    await _stored(folder, *ITEMS)
    writer = _opened(folder, None).open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    writer.let_go()

    in_doubt = [each.in_progress_since for each in _current(_opened(folder, None)).values()]
    assert in_doubt == [LATER, BEGUN, BEGUN]


def test_payloads_are_small() -> None:
    """What is written for an item whose state is small is small."""
    assert len(_first_frame(payload_of(Started("item", AT)))) < 90
