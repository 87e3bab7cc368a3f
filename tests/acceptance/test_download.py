"""`download`: an archive over real HTTP, interrupted in the middle, resumed by range, extracted."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from file_server import FileServer, Served
from processes import PATIENCE
from shell import Ended, Loaded, Running, Shell
from tar_archives import packed

T = TypeVar("T")

NOISE = random.Random(1).randbytes(300_000).hex()
FILES = {"app/README": "Read me.\n", "app/data/noise": NOISE, "app/old": "to be removed"}
NEWER = {"app/README": "Read me again.\n", "app/data/noise": NOISE[::-1], "app/new": "added"}
HALF = 300_000
"""Of the 600,000 bytes and more that the archive has."""


@dataclass(frozen=True, slots=True)
class Source:
    """A web server with an archive, in a thread of its own.

    Attributes:
        server: the server; it belongs to its own event loop.
        release: what it serves.
        loop: the loop.
    """

    server: FileServer
    release: Served
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Where the archive is."""
        return self.server.url("/app-1.2.tar")

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Has the server do something."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def ranges(self) -> list[str | None]:
        """The ranges that were asked for, in order."""
        return [asked.headers.get("range") for asked in self.server.gets()]


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@pytest.fixture
def source() -> Iterator[Source]:
    """A web server with an archive."""
    with running_loop() as loop:
        release = Served(packed(FILES, "app-1.2.tar"), piece=20_000)
        source = Source(FileServer(), release, loop)
        source.server.files["/app-1.2.tar"] = release
        source.ask(source.server.start())
        try:
            yield source
        finally:
            source.ask(source.server.stop())


@dataclass(frozen=True, slots=True)
class Download:
    """The program, set up for the archive of a source.

    Attributes:
        shell: where it is used.
        loaded: runs those commands of which only the ending matters.
        source: where the archive comes from.
        dest: where it goes.
    """

    shell: Shell
    loaded: Loaded
    source: Source
    dest: Path

    def run(self, *words: str | Path, expect: int = 0) -> Ended:
        """Runs a command to its end."""
        told = ("--workspace", self.shell.folder, "--format", "json")
        return self.loaded.run(*told, *words, expect=expect)

    def ensure(self) -> dict[str, str]:
        """Brings everything here; by item, how it ended."""
        return self.run("ensure").statuses()

    def half_way(self) -> Running:
        """Starts to bring it here, and waits until half is here, and nothing more comes."""
        self.source.release.stall_at = HALF
        running = self.start()
        running.until_in_progress("file_download", HALF)
        self.source.release.stall_at = None
        return running

    def start(self) -> Running:
        """Starts to bring everything here."""
        return self.shell.start("download", "ensure", "--progress", "json", "--format", "json")

    def interrupted(self) -> Ended:
        """Interrupts it half way."""
        running = self.half_way()
        running.send(signal.SIGINT)
        return running.end(expect=130)

    def extracted(self) -> dict[str, str]:
        """By name, what the extracted files hold; without the item's own note of them."""
        folder = self.dest / "app-1.2"
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }


@pytest.fixture(scope="module")
def loaded_download(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The program, loaded once for all tests."""
    with closing(Shell(tmp_path_factory.mktemp("download"), os.environ)) as shell:
        yield shell.loaded("download")


@pytest.fixture
def download(shell: Shell, loaded_download: Loaded, source: Source, tmp_path: Path) -> Download:
    """The program, set up for the archive."""
    download = Download(shell, loaded_download, source, tmp_path / "dest")
    download.run("init", source.url, download.dest)
    return download


def test_resumed(download: Download) -> None:
    """Interrupted in the middle, it carries on by a range where it stopped, and extracts it."""
    ended = download.interrupted()
    assert ended.statuses() == {"file_download": "stopped", "file_extract": "not_started"}
    assert not download.extracted()
    part = (download.dest / "app-1.2.tar.part").stat().st_size
    assert HALF <= part < len(download.source.release.content)
    stored = download.run("status").document
    assert stored["in_progress_since"].keys() == {"file_download"}

    assert set(download.ensure().values()) == {"done"}
    assert download.source.ranges() == [None, f"bytes={part}-"]
    assert (download.dest / "app-1.2.tar").read_bytes() == download.source.release.content
    assert download.extracted() == FILES
    assert not (download.dest / "app-1.2.tar.part").exists()

    asked = len(download.source.server.gets())
    assert set(download.ensure().values()) == {"unchanged"}
    assert len(download.source.server.gets()) == asked
    assert not any(download.run("diff").document["diffs"].values())
    download.run("clean")
    assert not [path for path in download.dest.rglob("*") if path.is_file()]


def test_killed(download: Download) -> None:
    """After `kill -9` in the middle the same command ends as if nothing had been."""
    download.half_way().kill()
    assert set(download.ensure().values()) == {"done"}
    assert download.extracted() == FILES


def test_changed_between(download: Download) -> None:
    """Where the source has changed since the interrupt, the new version comes whole: no mixture."""
    download.interrupted()
    download.source.release.content = packed(NEWER, "app-1.2.tar")
    download.source.release.etag = '"v2"'
    download.ensure()
    assert (download.dest / "app-1.2.tar").read_bytes() == download.source.release.content
    assert download.extracted() == NEWER


def test_changed_afterwards(download: Download) -> None:
    """A new version at the source is a difference; `ensure` brings it, and removes what is gone."""
    download.ensure()
    download.source.release.content = packed(NEWER, "app-1.2.tar")
    download.source.release.etag = '"v2"'
    diffs = download.run("diff").document["diffs"]
    assert diffs["file_download"]
    assert set(download.ensure().values()) == {"done"}
    assert download.extracted() == NEWER


def test_server_down(download: Download) -> None:
    """A server that is down is a clear error; once it is up again, the same command carries on."""
    download.interrupted()
    # It wants to be left alone for an hour: so nobody waits here until all attempts are made.
    download.source.release.statuses.extend([(503, {"Retry-After": "3600"})] * 2)
    ended = download.run("ensure", expect=1)
    assert ended.statuses() == {"file_download": "failed", "file_extract": "not_started"}
    error = ended.document["errors"]["file_download"]
    assert f"127.0.0.1:{download.source.server.port}" in error["message"]
    assert error["help"]
    assert set(download.ensure().values()) == {"done"}
    assert download.source.ranges()[-1] not in {None, "bytes=0-"}
    assert download.extracted() == FILES


def test_interrupted_while_waiting_to_try_again(download: Download) -> None:
    """The wait before the next attempt is no reason to be deaf."""
    download.source.ask(download.source.server.stop())
    running = download.start()
    running.until("item_progressed", item="file_download")
    running.send(signal.SIGINT)
    ended = running.end(expect=130)
    # Nothing was changed: the server was only being asked what there is.
    assert ended.statuses() == {"file_download": "not_started", "file_extract": "not_started"}


def test_no_archive(download: Download) -> None:
    """A file that is no archive is only downloaded; one that is missing is a clear error."""
    download.source.server.files["/some%20notes.txt"] = Served(b"Notes.")
    url = download.source.server.url("/some%20notes.txt")
    download.run("init", url, download.dest / "notes")
    assert download.ensure() == {"file_download": "done"}
    assert (download.dest / "notes/some notes.txt").read_text() == "Notes."
    download.run("init", download.source.server.url("/missing.tar"), download.dest / "missing")
    error = download.run("ensure", expect=1).document["errors"]["file_download"]
    assert (error["code"], "/missing.tar" in error["message"]) == ("DOWNLOAD-NOT-FOUND", True)
