"""The register as a file: who may read it, what can be wrong with it, many processes at once."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from ending_documents import ending_document

from peaceful import ItemStatus
from peaceful._executions.database import Database
from peaceful._executions.records import ExecutionFilter, ExecutionRecord
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.codec import JsonValue, to_json
from peaceful.commands import ExecutionState
from peaceful.errors import ExecutionUnknown, FileDamaged, FileInaccessible, FormatTooNew
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NewRecord = Callable[..., ExecutionRecord]
END = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
STOP = InterruptSignal(InterruptLevel.STOP, InterruptSource.API, END)


@pytest.fixture
def sqlite_store(register_file: Path) -> SqliteExecutionStore:
    """A register in a file that is not there yet, and that does not wait long."""
    return SqliteExecutionStore(register_file, patience=0.05)


@pytest.fixture
def full_store(sqlite_store: SqliteExecutionStore, new_record: NewRecord) -> SqliteExecutionStore:
    """A register with one execution that has ended."""
    record = new_record(id="e1")
    sqlite_store.insert(record)
    sqlite_store.finish("e1", ending_document())
    return sqlite_store


def change(path: Path, statement: str) -> None:
    """Does something to the file behind the register's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def test_loaded_late(unmeasured_environment: dict[str, str]) -> None:
    """Neither importing the module nor making a store loads sqlite3, pydantic or PyYAML."""
    code = (
        "import sys, pathlib;"
        "from peaceful._executions.sqlite_store import SqliteExecutionStore as S;"
        "S(pathlib.Path('/nowhere'));"
        "print([name for name in ('sqlite3', 'pydantic', 'yaml') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], env=unmeasured_environment, capture_output=True, check=True
    )
    assert answer.stdout.strip() == b"[]"


def test_reading_makes_nothing(sqlite_store: SqliteExecutionStore, register_file: Path) -> None:
    """To look is not to touch: without an execution there is no file, and no folder."""
    assert sqlite_store.unended() == ()
    assert list(register_file.parent.iterdir()) == []


def test_private(
    sqlite_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """Only the user may read the register and what lies beside it."""
    sqlite_store.insert(new_record())
    with closing(sqlite3.connect(register_file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        files = list(register_file.parent.iterdir())
        assert len(files) == 3
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert [path.name for path in register_file.parent.iterdir()] == [register_file.name]


def test_deleted_meanwhile(
    full_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """When the workspace is deleted, the register is empty, and nobody makes the folder anew."""
    shutil.rmtree(register_file.parent)
    assert full_store.page(ExecutionFilter(), limit=9).records == ()
    with pytest.raises(ExecutionUnknown):
        full_store.get("e1")
    with pytest.raises(ExecutionUnknown):
        full_store.finish("e1", ending_document())
    with pytest.raises(FileInaccessible, match="No such file"):
        full_store.insert(new_record())
    assert not register_file.parent.exists()


def test_empty_file(
    sqlite_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """An empty file, as a crash may leave it, is a register without executions."""
    register_file.touch()
    assert sqlite_store.unended() == ()
    record = new_record()
    assert sqlite_store.insert(record) == record


def test_forked(full_store: SqliteExecutionStore) -> None:
    """A forked process may go on with the store of its parent."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if full_store.get("e1").id == "e1" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert full_store.get("e1").id == "e1"


def _beyond_repair(file: Path, how: str) -> None:
    whole = file.read_bytes()
    match how:
        case "text":
            file.write_bytes(b"no database at all, but long enough" * 100)
        case "short":
            file.write_bytes(b"short")
        case "pages":
            file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
        case "schema":  # Python cannot read what SQLite says of it.
            file.write_bytes(whole.replace(b"UNIQUE INDEX", b"UNIQUE \xffNDEX"))
        case statement:
            change(file, statement)


@pytest.mark.parametrize(
    "how",
    [
        *("text", "short", "pages", "schema"),
        "UPDATE executions SET pid = 'many'",
        "UPDATE executions SET process = '{}'",
        "DROP TABLE executions",
    ],
)
def test_beyond_repair(
    full_store: SqliteExecutionStore,
    register_file: Path,
    new_record: NewRecord,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """A damaged register is set aside, which is said, and what comes then has a new one."""
    _beyond_repair(register_file, how)
    damaged = register_file.read_bytes()
    assert full_store.page(ExecutionFilter(), limit=9).records == ()
    record = new_record(id="e2")
    assert full_store.insert(record) == record
    assert full_store.get("e2") == record
    (aside,) = register_file.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damaged
    assert f"is set aside as {aside.name}" in caplog.text


def test_set_aside_once(
    full_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """Of many who find the damage at a time, one sets the file aside; what each then enters stays.

    Else the second would take the new register of the first for the damaged one.
    """
    _beyond_repair(register_file, "text")
    together = threading.Barrier(8)

    def enter(number: int) -> None:
        store = SqliteExecutionStore(register_file)
        together.wait()
        store.insert(new_record(id=f"n{number}", profile=f"p{number}"))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.id for record in full_store.unended()} == {f"n{number}" for number in range(8)}
    assert len(list(register_file.parent.glob("*.damaged-*"))) == 1


def test_a_file_that_is_moved_away_under_it(
    full_store: SqliteExecutionStore, new_record: NewRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says then that the disk has failed: whoever is in it tries again with the new file."""
    prepared, moved = Database._prepared, [True]

    def just_moved(self: Database, connection: sqlite3.Connection) -> bool:
        if moved.pop():
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            moved.append(False)
            raise error
        moved.append(False)
        return prepared(self, connection)

    monkeypatch.setattr(Database, "_prepared", just_moved)
    record = new_record(id="e2")
    assert full_store.insert(record) == record


def test_cannot_be_set_aside(
    full_store: SqliteExecutionStore, register_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a damaged register cannot be set aside, it is named, with what to do."""
    _beyond_repair(register_file, "text")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(FileDamaged, match="move it away") as caught:
        full_store.unended()
    assert caught.value.path == register_file


def test_damaged_outcome(full_store: SqliteExecutionStore, register_file: Path) -> None:
    """An outcome that makes no sense is named, and keeps nobody from the others."""
    change(register_file, "UPDATE outcomes SET document = x'00'")
    with pytest.raises(FileDamaged) as caught:
        full_store.get("e1")
    assert caught.value.place == "outcome e1"
    assert [record.id for record in full_store.page(ExecutionFilter(), limit=9).records] == ["e1"]


def test_words_of_a_later_version(
    sqlite_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """A row with words of a later version is read and changed; what they say is not lost."""
    sqlite_store.insert(new_record(id="e1"))
    later = {"level": "nudge", "source": "web", "requested_at": "2026-03-01T12:00:02Z"}
    change(register_file, f"UPDATE executions SET interrupt = '{json.dumps(later)}'")
    (record,) = sqlite_store.unended()
    assert record.info.interrupt is None
    assert sqlite_store.mark_lost("e1", END).state is ExecutionState.LOST
    with closing(sqlite3.connect(register_file)) as connection:
        (cell,) = connection.execute("SELECT interrupt FROM executions").fetchone()
    assert json.loads(cell) == later


def test_too_new(full_store: SqliteExecutionStore, register_file: Path) -> None:
    """A register of a later version is neither read nor written."""
    change(register_file, "PRAGMA user_version = 9")
    with pytest.raises(FormatTooNew, match=r"version 9.*up to 1"):
        full_store.unended()
    with pytest.raises(FormatTooNew):
        full_store.mark_lost("e1", END)


def test_of_another_program(
    sqlite_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """Another program's database is neither read nor written."""
    change(register_file, "CREATE TABLE executions (id)")
    before = register_file.read_bytes()
    with pytest.raises(FileDamaged, match="another program"):
        sqlite_store.unended()
    with pytest.raises(FileDamaged, match="another program"):
        sqlite_store.insert(new_record())
    assert register_file.read_bytes() == before


def test_others_at_it(
    full_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """While another process does not let go of it, one can read, and writing says so."""
    with closing(sqlite3.connect(register_file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert full_store.get("e1").id == "e1"
        with pytest.raises(FileInaccessible, match="other processes"):
            full_store.insert(new_record())


def test_waits_for_others(
    full_store: SqliteExecutionStore, register_file: Path, new_record: NewRecord
) -> None:
    """A writer waits until another process lets go."""
    patient = SqliteExecutionStore(register_file)
    record = new_record()
    inserted = threading.Thread(target=patient.insert, args=(record,))
    with closing(sqlite3.connect(register_file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        inserted.start()
        inserted.join(0.1)
        assert inserted.is_alive()
        connection.execute("COMMIT")
    inserted.join()
    assert full_store.get(record.id) == record


def test_tries_again(
    full_store: SqliteExecutionStore, register_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When SQLite gives up without waiting, as it does at times, the step is tried again."""
    connect = Database._connect
    refusals = 3

    def refuse(database: Database, how: str) -> sqlite3.Connection:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            error = sqlite3.OperationalError("locking protocol")
            error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
            raise error
        return connect(database, how)

    monkeypatch.setattr(Database, "_connect", refuse)
    assert SqliteExecutionStore(register_file).get("e1").id == "e1"
    assert refusals == -1


def test_no_space(
    full_store: SqliteExecutionStore,
    register_file: Path,
    new_record: NewRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without space, the error says so, and what was there is whole."""
    connect = Database._connect

    def small(database: Database, how: str) -> sqlite3.Connection:
        connection = connect(database, how)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    record = new_record()
    full_store.insert(record)
    document = ending_document(command=os.urandom(20_000).hex())
    with monkeypatch.context() as patch:
        patch.setattr(Database, "_connect", small)
        with pytest.raises(FileInaccessible, match="free some disk space"):
            full_store.finish(record.id, document)
    assert full_store.get(record.id) == record
    full_store.finish(record.id, document)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (sqlite3.SQLITE_IOERR, "disk I/O error"),
        (sqlite3.SQLITE_CANTOPEN, "SQLite could not open it"),
        (None, "a surprise"),
    ],
)
def test_other_errors(
    full_store: SqliteExecutionStore,
    monkeypatch: pytest.MonkeyPatch,
    code: int | None,
    message: str,
) -> None:
    """Whatever else SQLite reports names the file and the reason."""

    def refuse(database: Database, how: str) -> sqlite3.Connection:
        error = sqlite3.OperationalError(message)
        if code is not None:
            error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(Database, "_connect", refuse)
    with pytest.raises((FileInaccessible, FileDamaged), match=message):
        full_store.mark_lost("e1", END)


@pytest.mark.parametrize("writes", [False, True])
def test_no_folder_can_be_made(tmp_path: Path, writes: bool, new_record: NewRecord) -> None:
    """Where a file stands in the folder's place, writing says so, and there is nothing to read."""
    (tmp_path / "file").touch()
    store = SqliteExecutionStore(tmp_path / "file/x/register")
    if writes:
        with pytest.raises(FileInaccessible):
            store.insert(new_record())
    else:
        assert store.unended() == ()


MOUNTED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from peaceful.errors import FileInaccessible
from peaceful._executions.sqlite_store import SqliteExecutionStore
from peaceful._model.document import KeptDocument; from peaceful._model.outcome import OutcomeKind

now = datetime.now(UTC)
document = KeptDocument(
    execution_id="e1", app="", profile="", flow="", command=sys.argv[2] * 1000,
    outcome=OutcomeKind.COMPLETE, interrupt=None, items={}, errors={}, started_at=now, ended_at=now,
)
store = SqliteExecutionStore(Path(sys.argv[1]))
print(len(store.unended()), flush=True)
try:
    store.finish("e1", document)
except FileInaccessible as error:
    print(error.message, flush=True)
"""


def in_a_mount(options: str, folder: Path, register_file: Path, script: str) -> list[str]:
    """What the program above prints, where the folder is a mount with a copy of the register."""
    steps = (
        f"mount -t tmpfs -o size=120k none {folder} && cp {register_file}* {folder} && {script} "
        f"mount -o remount,{options} {folder} && exec {sys.executable} -c '{MOUNTED}' "
        f"{folder}/{register_file.name} {os.urandom(40).hex()}"
    )
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def may_mount(folder: Path) -> bool:
    """Whether this user may mount something in a namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    steps = f"mount -t tmpfs none {folder}"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def mount_point(tmp_path: Path) -> Path:
    """A folder to mount something at."""
    folder = tmp_path / "mount"
    folder.mkdir()
    if not may_mount(folder):
        pytest.skip("this user may not mount anything")
    return folder


def test_read_only(
    sqlite_store: SqliteExecutionStore,
    register_file: Path,
    new_record: NewRecord,
    mount_point: Path,
) -> None:
    """In a file system that may only be read, the history is read, and writing says why not."""
    sqlite_store.insert(new_record(id="e1"))
    unended, refusal = in_a_mount("ro", mount_point, register_file, "")
    assert unended == "1"
    assert "could not be written: Read-only file system" in refusal


def test_full(
    sqlite_store: SqliteExecutionStore,
    register_file: Path,
    new_record: NewRecord,
    mount_point: Path,
) -> None:
    """In a full file system, the history is read, and writing says why not."""
    sqlite_store.insert(new_record(id="e1"))
    filling = f"cat /dev/zero > {mount_point}/zero 2>/dev/null;"
    unended, refusal = in_a_mount("rw", mount_point, register_file, filling)
    assert unended == "1"
    assert "could not be written: No space left on device" in refusal


def test_unmerged_and_read_only(
    full_store: SqliteExecutionStore, register_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process wrote last cannot be read where nothing may be written."""
    Path(f"{register_file}-wal").write_bytes(b"x")
    connect = Database._connect

    def refuse(database: Database, how: str) -> sqlite3.Connection:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        if "immutable" not in how:
            raise error
        return connect(database, how)

    monkeypatch.setattr(Database, "_connect", refuse)
    monkeypatch.setattr(os, "access", lambda path, _: path != register_file)
    with pytest.raises(FileInaccessible, match="Permission denied"):
        full_store.get("e1")
    Path(f"{register_file}-wal").unlink()
    assert full_store.get("e1").id == "e1"


RACE = """
from peaceful._executions.records import ExecutionRecord, Machine, ProcessIdentity
record = ExecutionRecord(info(sys.argv[2]), ProcessIdentity(os.getpid(), None, Machine("here")))
sys.stdin.readline()
tell(winner=store.insert(record).id)
"""


class OtherProcess(Protocol):
    """What the fixture `other` makes."""

    def go(self) -> None:
        """Lets it go on."""
        ...

    def hear(self) -> dict[str, JsonValue]:
        """What it tells next."""
        ...


@pytest.mark.parametrize("attempt", range(2))
def test_processes(
    other: Callable[..., OtherProcess], sqlite_store: SqliteExecutionStore, attempt: int
) -> None:
    """Of eight processes that insert for one profile at once, into a new file, one wins."""
    processes = [other(RACE, f"e{number}") for number in range(8)]
    for process in processes:
        process.go()
    winners = {json.dumps(process.hear()) for process in processes}
    (running,) = sqlite_store.unended()
    assert winners == {json.dumps({"winner": running.id})}


EARLIER = {
    "id": "e0",
    "app": "shop",
    "profile": "test",
    "flow": "deploy",
    "command": "ensure",
    "state": "failed",
    "started_at": "2026-03-01T12:00:00.123456+00:00",
    "ended_at": "2026-03-01T12:00:05+00:00",
    "user": "ann",
    "host": "here",
    "pid": 4711,
    "door": "terminal",
    "can_interrupt": 1,
    "why_not_interruptible": "",
    "dry_run": 1,
    "only_items": '["a", "b"]',
    "interrupt": '{"level": "cancel", "source": "web", '
    '"requested_at": "2026-03-01T12:00:02+00:00", "reason": "\\udc80"}',
    "process": '{"pid": 4711, "started": 5, "machine": {"host": "here", "machine_id": null, '
    '"boot_id": null, "pid_namespace": null}}',
    "address": "unix:e0.sock",
    "summary": '{"outcome": "item_error", "counts": {"done": 1, "failed": 1}}',
}
EARLIER_DOCUMENT = {
    "execution_id": "e0",
    "app": "shop",
    "profile": "test",
    "flow": "deploy",
    "command": "ensure",
    "outcome": "item_error",
    "interrupt": None,
    "items": {
        "a": {"status": "done", "state": {"x": 2**70}, "message": "\udc80"},
        "b": {"status": "failed", "state": None, "message": "no"},
    },
    "errors": {"b": {"code": "B", "message": "no", "help": ""}},
    "started_at": "2026-03-01T12:00:00.123456+00:00",
    "ended_at": "2026-03-01T12:00:05+00:00",
    "told": {"a": {"shown": "there", "seconds": 1.25}},
}


def test_registers_of_earlier_versions(full_store: SqliteExecutionStore, tmp_path: Path) -> None:
    """What they wrote by hand is read by the declarations, whatever texts are in it."""
    register = tmp_path / ".peace/shop/.executions.sqlite3"
    document = zlib.compress(json.dumps(EARLIER_DOCUMENT).encode())
    with closing(sqlite3.connect(register, isolation_level=None)) as connection:
        names, places = ", ".join(EARLIER), ", ".join("?" * len(EARLIER))
        statement = f"INSERT INTO executions ({names}) VALUES ({places})"
        connection.execute(statement, tuple(EARLIER.values()))
        connection.execute("INSERT INTO outcomes VALUES ('e0', ?)", (document,))
    record = full_store.get("e0")
    assert record.info.started_at == datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert (record.info.dry_run, record.only, record.info.can_interrupt) == (True, ("a", "b"), True)
    assert record.info.interrupt is not None
    assert (record.info.interrupt.level, record.info.interrupt.reason) == (
        InterruptLevel.CANCEL,
        "\udc80",
    )
    assert record.summary is not None
    assert record.summary.counts == {ItemStatus.DONE: 1, ItemStatus.FAILED: 1}
    assert record.outcome is not None
    assert to_json(record.outcome) == {
        **EARLIER_DOCUMENT,
        "dry_run": False,
        "started_at": "2026-03-01T12:00:00.123456Z",
        "ended_at": "2026-03-01T12:00:05Z",
        "warnings": [],
        "approvals": [],
    }


class Untrue(sqlite3.Connection):
    """Of the next commit, it says that it has failed."""

    commits = 0

    def execute(self, statement: str, parameters: object = (), /) -> sqlite3.Cursor:
        """Do as told."""
        cursor = super().execute(statement, parameters)  # type: ignore[arg-type]  # as it came
        if statement == "COMMIT":
            Untrue.commits += 1
            if Untrue.commits == 1:
                failed = sqlite3.OperationalError("disk I/O error")
                failed.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise failed
        return cursor


def test_what_is_said_to_have_failed_was_done(
    sqlite_store: SqliteExecutionStore, new_record: NewRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk refused, and has all the same, is not refused for that reason."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Untrue))
    record, document = new_record(), ending_document()
    steps: tuple[Callable[[], ExecutionRecord], ...] = (
        lambda: sqlite_store.insert(record),
        lambda: sqlite_store.interrupting(record.id, STOP),
        lambda: sqlite_store.finish(record.id, document),
        lambda: sqlite_store.mark_lost(record.id, END),
    )
    for do in steps:
        Untrue.commits = 0
        do()
        assert Untrue.commits > 1
    [there] = sqlite_store.page(ExecutionFilter(), limit=9).records
    assert (there.id, there.state) == (record.id, ExecutionState.COMPLETE)
    assert sqlite_store.get(record.id).outcome == document
