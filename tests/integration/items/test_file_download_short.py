"""A short file comes whole or not at all, and costs little."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from file_server import FileServer, Served
from waiting import until

from peaceful import Flow, ItemStatus
from peaceful.commands import ItemProgressed
from peaceful.errors import PeacefulError
from peaceful.items import FileDownload, FileDownloadState
from peaceful.items._download import _plan
from peaceful.testing import FlowHarness, ItemHarness

CONTENT = bytes(range(256)) * 40


def download(server: FileServer, folder: Path, **more: object) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    fields: dict[str, object] = {"src": server.url("/f"), "dest": folder / "f.bin", **more}
    return ItemHarness(FileDownload.model_validate(fields), folder)


def files(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


async def test_one_question_each_and_few_connections(server: FileServer, tmp_path: Path) -> None:
    """Many files come by as many questions, through the connections of one pool."""
    names = [f"/{number}" for number in range(40)]
    for name in names:
        server.files[name] = Served(CONTENT)

    def declare(flow: Flow) -> None:
        for name in names:
            flow.add(f"f{name[1:]}", FileDownload(src=server.url(name), dest=tmp_path / name[1:]))

    harness = FlowHarness(declare, tmp_path)
    assert {each.status for each in (await harness.ensure()).items.values()} == {ItemStatus.DONE}
    assert [asked.method for asked in server.asked] == ["GET"] * 40
    assert server.connections <= 32, "as many as are in progress at once"

    server.asked.clear()
    again = await harness.ensure()
    assert {each.status for each in again.items.values()} == {ItemStatus.UNCHANGED}
    assert [asked.method for asked in server.asked] == ["HEAD"] * 40
    assert all((tmp_path / name[1:]).read_bytes() == CONTENT for name in names)


@pytest.mark.parametrize("sha256", [None, hashlib.sha256(CONTENT).hexdigest()])
async def test_interrupted_before_all_is_there_it_is_kept(
    sha256: str | None, server: FileServer, tmp_path: Path
) -> None:
    """What came of it is written then, and the next run carries on from there."""
    server.files["/f"] = Served(CONTENT, stall_at=4_000)
    harness = download(server, tmp_path, sha256=sha256)

    def has_come() -> bool:
        progress = [each.progress for each in harness.events if isinstance(each, ItemProgressed)]
        return any(each.done == 4_000 for each in progress)

    async def interrupt() -> None:
        await until(has_come)
        harness.sender.request()

    server.files["/f"].on_stall = interrupt
    outcome = await harness.ensure()
    assert outcome.items["item"].status is ItemStatus.STOPPED
    assert CONTENT.startswith((tmp_path / "f.bin.part").read_bytes())

    server.files["/f"].stall_at = server.files["/f"].on_stall = None
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert "f.bin.part" not in files(tmp_path)


async def test_a_wrong_checksum_leaves_the_old_file(server: FileServer, tmp_path: Path) -> None:
    """Nothing of what came is ever at the target."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "f.bin").write_text("old")
    with pytest.raises(PeacefulError, match="SHA-256 is another"):
        await download(server, tmp_path, sha256="0" * 64).result_of("ensure")
    assert (tmp_path / "f.bin").read_text() == "old"
    assert files(tmp_path) == {"f.bin", ".peace"} & files(tmp_path)


async def test_a_full_disk_leaves_the_old_file(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file, and nothing half is left."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "f.bin").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(_plan, "write_all", full)
        with pytest.raises(PeacefulError, match=r"f\.bin.*No space left on device"):
            await download(server, tmp_path).result_of("ensure")
    assert (tmp_path / "f.bin").read_text() == "old"
    assert (await download(server, tmp_path).result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_what_others_have_put_beside_it_stays(server: FileServer, tmp_path: Path) -> None:
    """A part that no download has left is not taken for one."""
    server.files["/f"] = Served(CONTENT)
    (tmp_path / "f.bin.part").write_text("of somebody")
    with pytest.raises(PeacefulError, match="that no download has left"):
        await download(server, tmp_path).result_of("ensure")
    assert (tmp_path / "f.bin.part").read_text() == "of somebody"
    assert not (tmp_path / "f.bin").exists()
