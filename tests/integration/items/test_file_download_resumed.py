"""Downloads that are cut and resumed: no byte is fetched again, no versions are mixed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from file_server import Asked, FileServer, Served, head
from interrupt_countdown import Countdown
from waiting import until

from peaceful import ItemStatus
from peaceful.commands import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionSettings,
    LadderTimes,
    StateKind,
    States,
)
from peaceful.errors import PeacefulError
from peaceful.interrupt import InterruptLevel
from peaceful.items import FileDownload, FileDownloadState
from peaceful.items._disk import PathBusy
from peaceful.items._download import _plan as _part
from peaceful.items._download import _transfer
from peaceful.items._download._errors import LengthWrong, SourceUnavailable, SourceUnreachable
from peaceful.items._download._transfer import wait_asked_for
from peaceful.testing import ItemHarness

CONTENT = random.Random(7).randbytes(20_000)
LAST_MODIFIED = "Sun, 31 Dec 2023 12:00:00 GMT"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for a long one, of which parts are written."""
    monkeypatch.setattr(_transfer, "SHORT", 0)


def download(
    server: FileServer, folder: Path, *, sha256: str | None = None, **settings: ExecutionSettings
) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    item = FileDownload(src=server.url("/f"), dest=folder / "f.bin", sha256=sha256)
    return ItemHarness(item, folder, settings=settings.get("settings"))


def files(folder: Path) -> set[str]:
    """What the item has left in the folder."""
    return {path.name for path in folder.iterdir() if path.name != ".peace"}


async def stopped_at(
    place: int,
    server: FileServer,
    harness: ItemHarness[FileDownloadState],
    level: InterruptLevel = InterruptLevel.STOP,
) -> CmdOutcome[States]:
    """Runs a download that is interrupted when the given number of bytes were written."""

    async def interrupt() -> None:
        await written(place, harness)
        harness.sender.request(level)

    served = server.files["/f"]
    served.stall_at, served.on_stall = place, interrupt
    outcome = await harness.ensure()
    served.stall_at = served.on_stall = None
    assert isinstance(outcome, BlockInterrupted)
    ends = ItemStatus.STOPPED if level is InterruptLevel.STOP else ItemStatus.ABANDONED
    assert outcome.items["item"].status is ends
    return outcome


async def written(place: int, harness: ItemHarness[FileDownloadState]) -> None:
    """Returns when so many bytes are in the unfinished file."""
    assert isinstance(harness.item, FileDownload)
    part = harness.item.dest.with_name("f.bin.part")
    await until(lambda: part.exists() and part.stat().st_size >= place)


def unfinished(folder: Path) -> int:
    """How many bytes of the download are kept."""
    return (folder / "f.bin.part").stat().st_size


# ---- interrupted


@pytest.mark.parametrize("place", range(2_000, 20_000, 2_000))
async def test_interrupted_anywhere_it_carries_on_by_a_range_request(
    place: int, server: FileServer, tmp_path: Path
) -> None:
    """What came before the interrupt is kept, and only the rest of that version is asked for."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)

    await stopped_at(place, server, harness)
    kept = unfinished(tmp_path)
    assert CONTENT.startswith((tmp_path / "f.bin.part").read_bytes())
    server.sent = 0
    result = await harness.result_of("ensure")

    assert kept == place
    assert server.sent == len(CONTENT) - kept
    assert server.gets()[-1].headers["range"] == f"bytes={kept}-"
    assert server.gets()[-1].headers["if-range"] == '"v1"'
    assert result.status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert files(tmp_path) == {"f.bin", ".f.bin.source.json"}


async def test_the_place_where_it_stopped_is_told_and_stored(
    server: FileServer, tmp_path: Path
) -> None:
    """People see how far it came; what is stored says that it is not finished."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)

    outcome = await stopped_at(5_000, server, harness)

    assert outcome.items["item"].message == "at 5.0 of 20.0 kB"
    stored = harness.store.load(StateKind.CURRENT)["item"]
    assert stored.in_progress_since is not None
    current, _ = await harness.states()
    assert str(current) == "absent, 5.0 kB of it downloaded"


@pytest.mark.parametrize("sha256", [None, DIGEST])
async def test_interrupted_at_every_question_it_ends_as_if_never_interrupted(
    sha256: str | None, server: FileServer, tmp_path: Path, countdown: Countdown
) -> None:
    """Whenever the interrupt comes, the same command carries on, and the end is the same."""
    server.files["/f"] = Served(CONTENT)
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        harness = download(server, folder, sha256=sha256)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        countdown.disarm()
        kept = unfinished(folder) if "f.bin.part" in files(folder) else None
        server.sent = 0

        outcome = await harness.ensure()

        assert isinstance(outcome, Complete)
        assert (folder / "f.bin").read_bytes() == CONTENT
        assert files(folder) <= {"f.bin", ".f.bin.source.json"}
        if kept is not None:
            assert server.sent == len(CONTENT) - kept
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_a_large_file_interrupted_at_every_question_is_resumed(
    server: FileServer, tmp_path: Path, countdown: Countdown
) -> None:
    """What was received and not yet written is written when the interrupt comes."""
    content = random.Random(3).randbytes(600_000)
    server.files["/f"] = Served(content, piece=200_000)
    kept: set[int] = set()
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        harness = download(server, folder)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        countdown.disarm()
        kept.add(unfinished(folder) if "f.bin.part" in files(folder) else 0)
        server.sent = 0

        await harness.result_of("ensure")

        assert (folder / "f.bin").read_bytes() == content
    assert any(each % 262_144 for each in kept)


async def test_an_interrupt_is_heard_while_waiting_for_the_first_answer(
    server: FileServer, tmp_path: Path
) -> None:
    """Waiting for a slow server is no reason to be deaf."""
    harness = download(server, tmp_path)

    async def never(asked: Asked, writer: asyncio.StreamWriter) -> None:
        harness.sender.request()
        await asyncio.get_running_loop().create_future()

    server.handlers["/f"] = never

    outcome = await harness.ensure()

    # It was only being looked at.
    assert outcome.items["item"].status is ItemStatus.NOT_STARTED


async def test_an_interrupt_is_heard_between_two_attempts(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait before the next attempt ends at once."""
    monkeypatch.undo()  # Real waits, which would be too long for this test.
    server.files["/f"] = Served(CONTENT, statuses=deque([(503, {"Retry-After": "100"})]))
    harness = download(server, tmp_path)

    async def interrupt_soon() -> None:
        await until(lambda: bool(server.asked))
        harness.sender.request()

    interrupting = asyncio.create_task(interrupt_soon())
    outcome = await harness.ensure()
    await interrupting

    assert outcome.items["item"].status is ItemStatus.NOT_STARTED
    assert len(server.asked) <= 2


async def test_cancelled_what_came_is_kept_too(server: FileServer, tmp_path: Path) -> None:
    """At CANCEL the task is cancelled; the unfinished file is whole as far as it goes."""
    server.files["/f"] = Served(CONTENT)
    ladder = LadderTimes(cancel_grace=0.0)
    harness = download(server, tmp_path, settings=ExecutionSettings(ladder=ladder))

    await stopped_at(7_000, server, harness, InterruptLevel.CANCEL)
    assert unfinished(tmp_path) == 7_000
    await harness.result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert server.gets()[-1].headers["range"] == "bytes=7000-"


# ---- killed


async def killed_at(place: int, server: FileServer, folder: Path, sha256: str = "") -> None:
    """Runs a download in a process that is killed when the given number of bytes were sent."""
    script = (
        "import sys; from pathlib import Path\n"
        "from peaceful.items import FileDownload; from peaceful.testing import run_item\n"
        "run_item(FileDownload(src=sys.argv[1], dest=Path(sys.argv[2]) / 'f.bin',\n"
        "                      sha256=sys.argv[3] or None), Path(sys.argv[2]))\n"
    )
    served = server.files["/f"]
    served.stall_at = place
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, server.url("/f"), str(folder), sha256
    )
    part = folder / "f.bin.part"
    await until(lambda: part.exists() and part.stat().st_size >= place)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    served.stall_at = None


async def test_killed_it_carries_on_from_what_was_written(
    server: FileServer, tmp_path: Path
) -> None:
    """`kill -9` loses nothing that was written, as long as the machine runs."""
    server.files["/f"] = Served(CONTENT)

    await killed_at(9_000, server, tmp_path)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")

    assert server.gets()[-1].headers["range"] == "bytes=9000-"
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_after_a_loss_of_power_only_what_was_synced_counts(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may then be longer than what was written of it."""
    server.files["/f"] = Served(CONTENT)
    await killed_at(9_000, server, tmp_path)
    (tmp_path / "f.bin.part").write_bytes(bytes(9_000))
    monkeypatch.setattr(_part, "boot_id", lambda: "another one")

    harness = download(server, tmp_path)
    await harness.result_of("ensure")

    assert "range" not in server.gets()[-1].headers
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_what_was_synced_is_kept_over_a_loss_of_power(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt syncs; so does every so many bytes."""
    monkeypatch.setattr(_part, "SYNC_EVERY", 4_000)
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await stopped_at(9_000, server, harness)
    with (tmp_path / "f.bin.part").open("ab") as part:
        part.write(bytes(500))
    for boot in ("another one", "yet another one"):
        monkeypatch.setattr(_part, "boot_id", lambda boot=boot: boot)
        await stopped_at(10_000, server, harness)
    monkeypatch.setattr(_part, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr(_part, "boot_id", ORIGINAL_BOOT_ID)

    await harness.result_of("ensure")

    ranges = [asked.headers.get("range") for asked in server.gets()]
    assert ranges == [None, "bytes=9000-", "bytes=10000-", "bytes=10000-"]
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


ORIGINAL_BOOT_ID: Callable[[], str] = _part.boot_id


# ---- whether the same bytes are still there


@pytest.mark.parametrize(
    "change",
    [
        {"etag": '"v2"'},
        {"etag": '"v2"', "ranges": False},
        {"etag": None, "content": b"short"},
    ],
    ids=["if-range", "no ranges any more", "shorter, without a version"],
)
async def test_a_source_that_changed_is_fetched_anew(
    change: dict[str, object], server: FileServer, tmp_path: Path
) -> None:
    """Bytes of two versions are never joined."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)
    for name, value in {"content": CONTENT[::-1], **change}.items():
        setattr(server.files["/f"], name, value)

    await harness.result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == server.files["/f"].content
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_a_server_that_ignores_the_condition_is_found_out(
    server: FileServer, tmp_path: Path
) -> None:
    """A part with another version, or of a whole of another length, is not joined."""
    served = server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)
    new = CONTENT[::-1] + b"!"

    async def ignores_if_range(asked: Asked, writer: asyncio.StreamWriter) -> None:
        begin = int(asked.headers.get("range", "bytes=0-").split("=")[1].rstrip("-0") or 0)
        begin = 6_000 if asked.headers.get("range") == "bytes=6000-" else 0
        told = {"ETag": served.etag or "", "Content-Length": str(len(new) - begin)}
        if begin:
            told["Content-Range"] = f"bytes {begin}-{len(new) - 1}/{len(new)}"
        head(writer, 206 if begin else 200, told)
        writer.write(new[begin:] if asked.method == "GET" else b"")

    server.handlers["/f"] = ignores_if_range
    await harness.result_of("ensure")
    assert (tmp_path / "f.bin").read_bytes() == new


@pytest.mark.parametrize("last_modified", [LAST_MODIFIED, "Mon, 01 Jan 2024 12:00:00 GMT"])
async def test_a_time_of_change_will_do_if_it_is_old_enough(
    last_modified: str, server: FileServer, tmp_path: Path
) -> None:
    """A file that changed in the very second of the answer may have changed again since."""
    server.files["/f"] = Served(CONTENT, etag='W/"weak"', last_modified=last_modified)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)

    await harness.result_of("ensure")

    # A weak version is no proof of the same bytes, whatever the time says beside it.
    assert "range" not in server.gets()[-1].headers
    longer = b"!" + CONTENT
    server.files["/f"] = Served(longer, etag=None, last_modified=last_modified)
    await stopped_at(6_000, server, harness)
    await harness.result_of("ensure")
    old_enough = last_modified == LAST_MODIFIED
    assert ("range" in server.gets()[-1].headers) is old_enough
    assert (tmp_path / "f.bin").read_bytes() == longer


async def test_without_any_version_a_checksum_allows_to_carry_on(
    server: FileServer, tmp_path: Path
) -> None:
    """The parts are joined, and the checksum proves that they belong together."""
    server.files["/f"] = Served(CONTENT, etag=None)
    harness = download(server, tmp_path, sha256=DIGEST)
    await stopped_at(6_000, server, harness)

    await harness.result_of("ensure")

    assert server.gets()[-1].headers["range"] == "bytes=6000-"
    assert "if-range" not in server.gets()[-1].headers
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_parts_that_do_not_belong_together_are_fetched_once_more(
    server: FileServer, tmp_path: Path
) -> None:
    """A wrong checksum after joining on trust is a reason to start anew, and no failure yet."""
    served = server.files["/f"] = Served(bytes(len(CONTENT)), etag=None)
    harness = download(server, tmp_path, sha256=DIGEST)
    await stopped_at(6_000, server, harness)
    served.content = CONTENT

    await harness.result_of("ensure")

    assert [asked.headers.get("range") for asked in server.gets()] == [None, "bytes=6000-", None]
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_without_a_version_and_a_checksum_it_starts_anew(
    server: FileServer, tmp_path: Path
) -> None:
    """Nothing says that the rest belongs to what is there."""
    server.files["/f"] = Served(CONTENT, etag=None)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)

    await harness.result_of("ensure")

    assert "range" not in server.gets()[-1].headers
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [None, DIGEST])
async def test_what_is_there_whole_is_not_asked_for_again(
    sha256: str | None, server: FileServer, tmp_path: Path
) -> None:
    """Cut after the last byte and before the renaming, only the renaming is left."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path, sha256=sha256)
    await stopped_at(6_000, server, harness)
    (tmp_path / "f.bin.part").write_bytes(CONTENT)
    before = len(server.gets())

    await harness.result_of("ensure")

    assert len(server.gets()) == before
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_server_that_says_that_nothing_is_left_is_believed(
    server: FileServer, tmp_path: Path
) -> None:
    """Where the length was not known before, 416 with the right length means that all is there."""
    served = server.files["/f"] = Served(CONTENT, sized=False)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)
    served.sized = True
    (tmp_path / "f.bin.part").write_bytes(CONTENT)

    await harness.result_of("ensure")

    assert server.gets()[-1].headers["range"] == f"bytes={len(CONTENT)}-"
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_part_longer_than_the_whole_is_dropped(server: FileServer, tmp_path: Path) -> None:
    """More bytes than there can be are somebody else's."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)
    with (tmp_path / "f.bin.part").open("ab") as part:
        part.write(bytes(20_000))

    await harness.result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_notes_that_cannot_be_read_are_no_notes(server: FileServer, tmp_path: Path) -> None:
    """Whoever wrote into them, the download starts anew."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await stopped_at(6_000, server, harness)
    (tmp_path / "f.bin.part.json").write_text('{"source": 3}')

    await harness.result_of("ensure")
    (tmp_path / ".f.bin.source.json").write_bytes(b"\xff")

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


# ---- cut by the network


@pytest.mark.parametrize("sized", [True, False], ids=["length", "chunks"])
async def test_cut_connections_are_carried_on_with(
    sized: bool, server: FileServer, tmp_path: Path
) -> None:
    """Cut at random bytes again and again, it carries on as long as it gets further."""
    cuts = random.Random(1)
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        places = [cuts.randrange(1, 4_000) for _ in range(12)]
        server.files["/f"] = Served(CONTENT, sized=sized, cuts=deque(places))
        server.sent = 0
        harness = download(server, folder)

        await harness.result_of("ensure")

        assert (folder / "f.bin").read_bytes() == CONTENT


async def test_a_server_without_ranges_is_asked_for_the_whole_again(
    server: FileServer, tmp_path: Path
) -> None:
    """Cut connections to such a server start over, and the file is still right."""
    server.files["/f"] = Served(CONTENT, ranges=False, cuts=deque([5_000, 3_000, 3_000]))
    harness = download(server, tmp_path)

    await harness.result_of("ensure")

    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_server_that_gets_nowhere_is_given_up(server: FileServer, tmp_path: Path) -> None:
    """Attempts are counted as long as none gets further; what came is kept for the next command."""
    served = server.files["/f"] = Served(CONTENT, cuts=deque([5_000, *[0] * 100]))
    harness = download(server, tmp_path)

    with pytest.raises(SourceUnreachable, match="broke the connection") as failure:
        await harness.result_of("ensure")
    assert failure.value.details == (("tried", "5 times"),)
    assert unfinished(tmp_path) == 5_000
    served.cuts.clear()
    server.sent = 0
    await harness.result_of("ensure")
    assert server.sent == 15_000


@pytest.mark.parametrize("sha256", [None, DIGEST], ids=["asking", "downloading"])
async def test_a_busy_server_is_asked_again(
    sha256: str | None, server: FileServer, tmp_path: Path
) -> None:
    """Statuses that pass are waited out."""
    refusals = [(503, {}), (429, {"Retry-After": "0"}), (500, {}), (408, {})]
    server.files["/f"] = Served(CONTENT, statuses=deque(refusals))
    harness = download(server, tmp_path, sha256=sha256)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_server_that_wants_to_be_left_alone_is(server: FileServer, tmp_path: Path) -> None:
    """A wait that is too long is not waited; the message says how long it would be."""
    server.files["/f"] = Served(CONTENT, statuses=deque([(429, {"Retry-After": "3600"})] * 2))
    harness = download(server, tmp_path)

    with pytest.raises(SourceUnavailable, match=r"429 Too Many Requests; it asks to wait 3600 s"):
        await harness.result_of("ensure")
    assert [asked.method for asked in server.asked] == ["GET"]


async def test_a_wait_that_the_server_asks_for_is_kept(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Retry-After` is the least that is waited."""
    waits: list[float] = []

    def seen(error: Exception) -> float:
        waits.append(wait_asked_for(error))
        return 0.0

    monkeypatch.setattr(_transfer, "wait_asked_for", seen)
    server.files["/f"] = Served(CONTENT, statuses=deque([(503, {"Retry-After": "7"})] * 2))

    await download(server, tmp_path).result_of("ensure")

    assert waits == [7.0, 7.0]


async def test_a_length_that_is_a_lie_is_found_out(server: FileServer, tmp_path: Path) -> None:
    """Fewer bytes than were told, in an answer that ends as it should."""

    async def told_more(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "30000", "ETag": '"v1"'})
        else:
            head(writer, 200, {"Connection": "close", "ETag": '"v1"'})
            writer.write(CONTENT)
            await writer.drain()
            writer.close()

    server.handlers["/f"] = told_more
    with pytest.raises(LengthWrong, match="should have 30000 bytes"):
        await download(server, tmp_path).result_of("ensure")


async def test_more_than_was_told_is_found_out(server: FileServer, tmp_path: Path) -> None:
    """More bytes than were told are not kept."""

    async def told_less(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            head(writer, 200, {"Content-Length": "300", "ETag": '"v1"'})
        else:
            head(writer, 200, {"Connection": "close", "ETag": '"v1"'})
            writer.write(CONTENT)
            await writer.drain()
            writer.close()

    server.handlers["/f"] = told_less
    with pytest.raises(LengthWrong, match="should have 300 bytes"):
        await download(server, tmp_path).result_of("ensure")
    assert files(tmp_path) == set()


async def test_a_source_that_changes_between_asking_and_fetching_is_no_failure(
    server: FileServer, tmp_path: Path
) -> None:
    """The newer version is taken, and the command after it finds nothing to do."""
    versions = deque(['"v1"', '"v2"', '"v2"'])

    async def changing(asked: Asked, writer: asyncio.StreamWriter) -> None:
        version = versions.popleft()
        head(writer, 200, {"Content-Length": str(len(CONTENT)), "ETag": version})
        if version == '"v1"':
            await writer.drain()
            raise ConnectionError
        writer.write(CONTENT if asked.method == "GET" else b"")

    server.handlers["/f"] = changing
    harness = download(server, tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_two_downloads_do_not_write_one_file(server: FileServer, tmp_path: Path) -> None:
    """A download that finds another one at work leaves it alone, and says so."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "other").mkdir()
    harness, other = download(server, tmp_path), download(server, tmp_path / "other")
    other.item = harness.item
    failures: list[PeacefulError | None] = []

    async def meanwhile() -> None:
        await written(3_000, harness)
        server.files["/f"].stall_at = None
        outcome = await other.ensure()
        failures.append(outcome.items["item"].error)
        harness.sender.request()

    server.files["/f"].stall_at = 3_000
    server.files["/f"].on_stall = meanwhile
    outcome = await harness.ensure()

    assert outcome.items["item"].status is ItemStatus.STOPPED
    assert isinstance(failures[0], PathBusy)
    assert "f.bin.part is being written by another download" in failures[0].message
    await harness.result_of("ensure")
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_a_full_disk_keeps_what_came(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fitted is kept, and once there is room, the download carries on."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    write = os.write
    room = 8_192

    def full(descriptor: int, data: bytes) -> int:
        nonlocal room
        if len(data) < 600:
            return write(descriptor, data)  # The notes, which fit.
        if room == 0:
            raise OSError(28, "No space left on device")
        written = write(descriptor, data[:room])
        room -= written
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(PeacefulError, match="No space left on device") as failure:
        await harness.result_of("ensure")
    assert "free some disk space" in failure.value.help
    assert unfinished(tmp_path) == 8_192
    monkeypatch.setattr(os, "write", write)

    await harness.result_of("ensure")
    assert server.gets()[-1].headers["range"] == "bytes=8192-"
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
