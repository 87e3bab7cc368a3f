"""The first flow of most people: an archive is downloaded, and extracted."""

from __future__ import annotations

from pathlib import Path

from file_server import FileServer, Served
from interrupt_countdown import Countdown
from tar_archives import packed

from peaceful import Flow, ItemStatus
from peaceful.commands import Complete
from peaceful.items import FileDownload, TarExtract
from peaceful.testing import FlowHarness

FIRST = packed({"bin/app": "one", "etc/conf": "two"}, "app.tar.gz")
SECOND = packed({"bin/app": "eno", "lib/x": "three"}, "app.tar.gz")


def deploy(server: FileServer, into: Path) -> FlowHarness:
    """A harness around the flow."""

    def declare(flow: Flow) -> None:
        source = FileDownload(src=server.url("/app.tar"), dest=into / "app.tar")
        archive = flow.add("app_download", source)
        flow.add("app_extract", TarExtract(tar_path=archive.state.path, dest=into / "app"))

    return FlowHarness(declare, into)


def found(into: Path) -> dict[str, str]:
    """What is extracted."""
    files = [path for path in (into / "app").rglob("[!.]*") if path.is_file()]
    return {path.relative_to(into / "app").as_posix(): path.read_text() for path in files}


def names_in(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


async def test_before_anything_is_there_it_says_what_it_would_do(
    server: FileServer, tmp_path: Path
) -> None:
    """What the archive brings is not known before it is downloaded, and that is no failure."""
    server.files["/app.tar"] = Served(FIRST)
    harness = deploy(server, tmp_path)

    discovered, dry, diff = (
        await harness.discover(),
        await harness.ensure(dry_run=True),
        await harness.diff(),
    )

    assert isinstance(discovered, Complete)
    assert discovered.value.goal.keys() == {"app_download"}
    assert isinstance(dry, Complete)
    assert "once the items before are there" in dry.items["app_extract"].message
    assert isinstance(diff, Complete)
    assert diff.value.diffs.keys() == {"app_download"}
    assert not (tmp_path / "app").exists()


async def test_a_new_archive_at_the_source_is_brought_to_the_folder(
    server: FileServer, tmp_path: Path
) -> None:
    """From the server to the files, only what differs; and back to nothing."""
    server.files["/app.tar"] = Served(FIRST)
    harness = deploy(server, tmp_path)
    outcome = await harness.ensure()
    assert outcome.items_with(ItemStatus.DONE) == ("app_download", "app_extract")
    assert found(tmp_path) == {"bin/app": "one", "etc/conf": "two"}
    outcome = await harness.ensure()
    assert outcome.items_with(ItemStatus.UNCHANGED) == ("app_download", "app_extract")

    server.files["/app.tar"] = Served(SECOND, etag='"v2"')
    await harness.ensure()
    assert found(tmp_path) == {"bin/app": "eno", "lib/x": "three"}

    outcome = await harness.clean()
    assert outcome.items_with(ItemStatus.DONE) == ("app_download", "app_extract")
    assert names_in(tmp_path) == {".peace"}


async def test_interrupted_at_every_question_it_ends_as_if_never_interrupted(
    server: FileServer, tmp_path: Path, countdown: Countdown
) -> None:
    """Whenever the flow is cut, the same command carries on, and `clean` leaves nothing behind."""
    for number in countdown.numbers():
        into = tmp_path / str(number)
        into.mkdir()
        server.files["/app.tar"] = Served(FIRST)
        server.sent = 0
        harness = deploy(server, into)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        countdown.disarm()

        assert isinstance(await harness.ensure(), Complete)
        assert found(into) == {"bin/app": "one", "etc/conf": "two"}
        assert server.sent <= 2 * len(FIRST)
        assert isinstance(await harness.clean(), Complete)
        assert names_in(into) == {".peace"}
