"""Downloads over real HTTP: what is there is compared with the source."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from file_server import FileServer, Served
from pydantic import SecretStr

from peaceful import Flow, ItemStatus, ProgressUnit, mapped
from peaceful.commands import ItemEnded, ItemProgressed, StateKind
from peaceful.items import FileDownload, FileDownloadState
from peaceful.testing import FlowHarness, ItemHarness

CONTENT = bytes(range(256)) * 200
LAST_MODIFIED = "Sun, 31 Dec 2023 12:00:00 GMT"


def download(server: FileServer, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    fields: dict[str, object] = {"src": server.url("/f"), "dest": folder / "to" / "f.bin", **more}
    # The fields are checked when the item is made.
    return ItemHarness(FileDownload(**fields), folder)  # type: ignore[arg-type]  # as just said


def names(folder: Path) -> set[str]:
    """What is in the folder of the target."""
    return {path.name for path in (folder / "to").iterdir()}


def all_text(folder: Path) -> str:
    """Whatever is in the files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "".join(path.read_text(errors="replace") for path in files)


async def test_a_file_is_downloaded_whole(server: FileServer, tmp_path: Path) -> None:
    """What the server has is at the target afterwards, with nothing unfinished beside it."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)

    result = await harness.result_of("ensure")

    assert result.status is ItemStatus.DONE
    assert result.shown == "51.2 kB"
    assert result.message == f"51.2 kB from 127.0.0.1:{server.port}"
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT
    assert names(tmp_path) == {"f.bin", ".f.bin.source.json"}


@pytest.mark.parametrize(
    "served",
    [
        Served(CONTENT),
        Served(CONTENT, etag='W/"weak"'),
        Served(CONTENT, etag=None, last_modified=LAST_MODIFIED),
        Served(CONTENT, etag=None),
        Served(CONTENT, etag=None, sized=False),
        Served(CONTENT, etag=None, until_close=True),
        Served(CONTENT, head=405),
        Served(CONTENT, head=403, etag=None, ranges=False),
        Served(CONTENT, head_length=0),
        Served(CONTENT, headers={"Content-Encoding": "gzip"}),
        Served(b""),
        Served(b"", head=501),
    ],
)
async def test_whatever_the_server_tells_a_second_run_changes_nothing(
    served: Served, server: FileServer, tmp_path: Path
) -> None:
    """Versions, lengths, chunks or none of them: downloaded once, it is unchanged from then on."""
    server.files["/f"] = served
    harness = download(server, tmp_path)

    first, second = await harness.result_of("ensure"), await harness.result_of("ensure")

    assert (first.status, second.status) == (ItemStatus.DONE, ItemStatus.UNCHANGED)
    assert (tmp_path / "to" / "f.bin").read_bytes() == served.content
    assert await harness.difference() is None


async def test_another_version_at_the_source_is_downloaded(
    server: FileServer, tmp_path: Path
) -> None:
    """A file that changed at the source differs, even where its size is the same."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    server.files["/f"] = Served(CONTENT[::-1], etag='"v2"')

    diff = await harness.difference()
    result = await harness.result_of("ensure")

    assert str(diff) == 'etag: "v1" → "v2"'
    assert result.status is ItemStatus.DONE
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT[::-1]


async def test_a_file_changed_by_somebody_else_is_downloaded_again(
    server: FileServer, tmp_path: Path
) -> None:
    """What is remembered of a file holds only as long as nobody else changes it."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    (tmp_path / "to" / "f.bin").write_bytes(CONTENT[::-1])

    assert str(await harness.difference()) == 'etag: unknown → "v1"'
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT


async def test_the_same_name_at_another_address_is_another_file(
    server: FileServer, tmp_path: Path
) -> None:
    """Where the server tells no versions, the address decides; what a signature adds does not."""
    server.files["/f"] = server.files["/g"] = Served(CONTENT, etag=None)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")

    harness.item = FileDownload(src=server.url("/f?sig=1"), dest=tmp_path / "to" / "f.bin")
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    harness.item = FileDownload(src=server.url("/f?sig=2"), dest=tmp_path / "to" / "f.bin")
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    harness.item = FileDownload(src=server.url("/g"), dest=tmp_path / "to" / "f.bin")
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE


async def test_a_file_that_was_there_before_is_taken_if_all_that_is_known_fits(
    server: FileServer, tmp_path: Path
) -> None:
    """Of a file of unknown origin the size must do, where the server tells no version."""
    server.files["/f"] = Served(CONTENT, etag=None)
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "f.bin").write_bytes(CONTENT)
    harness = download(server, tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    server.files["/f"].content = CONTENT + b"!"
    assert str(await harness.difference()) == "size: 51200 → 51201"
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE


# ---- with a checksum


async def test_with_a_checksum_the_server_is_not_asked_for_what_is_right(
    server: FileServer, tmp_path: Path
) -> None:
    """The file itself is compared; nothing is remembered beside it."""
    server.files["/f"] = Served(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    harness = download(server, tmp_path, sha256=f" {digest.upper()} ")

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    await server.stop()
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    assert names(tmp_path) == {"f.bin"}


async def test_with_a_checksum_a_wrong_file_is_downloaded_again(
    server: FileServer, tmp_path: Path
) -> None:
    """A file with another checksum differs, whatever its size and origin."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    server.files["/f"].content = CONTENT[::-1]
    digest = hashlib.sha256(CONTENT[::-1]).hexdigest()
    harness = download(server, tmp_path, sha256=digest)

    assert str(await harness.difference()).startswith("sha256: ")
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT[::-1]
    assert names(tmp_path) == {"f.bin"}


# ---- what is sent and what is not


async def test_headers_and_login_go_to_the_server(server: FileServer, tmp_path: Path) -> None:
    """Given headers are sent; a login in the address becomes a header."""
    server.files["/f"] = Served(CONTENT)
    harness = download(
        server,
        tmp_path,
        src=server.url("/f", login="me:p%40ss@"),
        headers={"X-Extra": "1", "X-Api-Key": SecretStr("k")},
    )

    await harness.result_of("ensure")

    for asked in server.asked:
        assert asked.headers["x-extra"] == "1"
        assert asked.headers["x-api-key"] == "k"
        assert asked.headers["authorization"] == "Basic bWU6cEBzcw=="
        assert asked.headers["accept-encoding"] == "identity"


async def test_a_redirect_to_another_server_gets_no_login(
    server: FileServer, tmp_path: Path
) -> None:
    """Headers and login are for the server that they were given for."""
    server.files["/real"] = Served(CONTENT)
    location = server.url("/real").replace("127.0.0.1", "localhost")
    server.files["/f"] = Served(b"", statuses=deque([(302, {"Location": location})] * 2))
    harness = download(
        server, tmp_path, src=server.url("/f", login="me:pw@"), headers={"X-Extra": "1"}
    )

    await harness.result_of("ensure")

    elsewhere = [asked for asked in server.asked if asked.target == "/real"]
    assert len(elsewhere) == 1
    assert all("authorization" not in asked.headers for asked in elsewhere)
    assert all("x-extra" not in asked.headers for asked in elsewhere)
    assert (tmp_path / "to" / "f.bin").read_bytes() == CONTENT


async def test_a_redirect_on_the_same_server_keeps_the_headers(
    server: FileServer, tmp_path: Path
) -> None:
    """A relative redirect stays where the headers are meant for."""
    server.files["/real"] = Served(CONTENT)
    server.files["/f"] = Served(b"", statuses=deque([(307, {"Location": "real"})] * 2))
    harness = download(server, tmp_path, headers={"X-Extra": "1"})

    await harness.result_of("ensure")

    assert all(asked.headers["x-extra"] == "1" for asked in server.asked)


async def test_secrets_are_shown_and_stored_nowhere(server: FileServer, tmp_path: Path) -> None:
    """A login, a token, a signature: not in a state, an event, a parameter, or a file."""
    server.files["/f"] = Served(CONTENT)
    harness = download(
        server,
        tmp_path,
        src=server.url("/f?v=1&token=tell-nobody", login="me:tell-nobody@"),
        headers={"Authorization": "Bearer tell-nobody"},
    )
    await harness.run("diff")
    await harness.run("ensure")
    server.files["/f"].statuses.append((403, {}))
    server.files["/f"].head = 403
    outcome = await harness.run("ensure")

    everything = f"{harness.events} {outcome}"
    everything += "".join(str(harness.store.load(kind)) for kind in StateKind)
    everything += all_text(tmp_path)
    assert "tell-nobody" not in everything
    assert "/f?v=1&token=..." in everything
    assert any("tell-nobody" in asked.target for asked in server.asked)


# ---- around it


async def test_rights_are_those_that_the_umask_leaves(server: FileServer, tmp_path: Path) -> None:
    """A downloaded file gets the rights of any new file."""
    server.files["/f"] = Served(CONTENT)
    script = (
        "import os, sys; from pathlib import Path; os.umask(0o027)\n"
        "from peaceful.items import FileDownload; from peaceful.testing import run_item\n"
        "run_item(FileDownload(src=sys.argv[1], dest=Path(sys.argv[2])), Path(sys.argv[3]))\n"
    )
    target = tmp_path / "f.bin"
    arguments = (server.url("/f"), str(target), str(tmp_path))

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, *arguments)

    assert await process.wait() == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


async def test_progress_counts_bytes(server: FileServer, tmp_path: Path) -> None:
    """Of a download, bytes are told, and how many there are."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)

    await harness.result_of("ensure")

    last = harness.sink.of(ItemProgressed)[-1].progress
    assert (last.unit, last.done, last.total) == (ProgressUnit.BYTES, len(CONTENT), len(CONTENT))
    assert harness.sink.of(ItemEnded)[-1].shown == "51.2 kB"


async def test_clean_removes_the_file_and_what_lies_beside_it(
    server: FileServer, tmp_path: Path
) -> None:
    """File, unfinished file and notes go; what is somebody else's stays."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    (tmp_path / "to" / "other").write_text("mine")
    (tmp_path / "to" / "f.bin.part").write_text("half")
    (tmp_path / "to" / "f.bin.part.json").write_text("{}")
    await server.stop()

    first, second = await harness.result_of("clean"), await harness.result_of("clean")

    assert (first.status, second.status) == (ItemStatus.DONE, ItemStatus.UNCHANGED)
    assert names(tmp_path) == {"other"}


async def test_a_dry_run_downloads_nothing(server: FileServer, tmp_path: Path) -> None:
    """It says what would be downloaded, by asking for the first byte only."""
    server.files["/f"] = Served(CONTENT)
    harness = download(server, tmp_path)

    result = await harness.result_of("ensure", dry_run=True)

    assert (result.status, result.message) == (ItemStatus.WOULD_CREATE, "+ file: 51.2 kB")
    assert [asked.headers["range"] for asked in server.asked] == ["bytes=0-0"]
    assert not (tmp_path / "to").exists()


async def test_a_goal_that_cannot_be_known_yet_is_no_failure(
    server: FileServer, tmp_path: Path
) -> None:
    """The server, or the file on it, may be what an earlier item of the flow brings."""
    harness = download(server, tmp_path)

    assert (await harness.states())[1] is None
    server.files["/f"] = Served(CONTENT)
    assert (await harness.states())[1] is not None
    await server.stop()
    assert (await harness.states())[1] is None
    outcome = await harness.ensure()
    assert "refuses connections" in outcome.items["item"].message


def _beside(path: Path) -> Path:
    return path.with_suffix(".2")


async def test_others_can_refer_to_the_path_before_anything_is_there(
    server: FileServer, tmp_path: Path
) -> None:
    """The path is known from the start."""
    server.files["/f"] = Served(CONTENT)
    server.files["/g"] = Served(b"second")

    def declare(flow: Flow) -> None:
        one = flow.add("one", FileDownload(src=server.url("/f"), dest=tmp_path / "one"))
        beside = mapped("beside", _beside, one.state.path)
        flow.add("two", FileDownload(src=server.url("/g"), dest=beside))

    harness = FlowHarness(declare, tmp_path)
    outcome = await harness.discover()

    assert outcome.value is not None
    assert outcome.value.goal["two"] == FileDownloadState(
        path=tmp_path / "one.2",
        present=True,
        size=6,
        etag='"v1"',
        source=server.url("/g"),
    )


def test_aiohttp_is_loaded_only_when_something_is_downloaded() -> None:
    """Neither the shelf nor a `FileDownload` loads what only downloading needs."""
    script = (
        "import sys; from pathlib import Path; import peaceful.items\n"
        "peaceful.items.FileDownload(src='https://example.com/f', dest=Path('f'))\n"
        "assert not {'aiohttp', 'zstandard'} & set(sys.modules)\n"
    )

    env = {**os.environ, "COVERAGE_PROCESS_START": ""}
    subprocess.run([sys.executable, "-c", script], check=True, env=env)
