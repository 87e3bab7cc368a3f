"""Clean removes what the items have made, all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from file_server import FileServer, Served
from tar_archives import packed

from peaceful import Flow, ItemStatus
from peaceful.commands import Complete
from peaceful.items import Blank, FileDownload, FileDownloadState, TarExtract, TarExtractState
from peaceful.items._disk import PathTaken
from peaceful.testing import FlowHarness, ItemHarness

CONTENT = b"content" * 1000


def names(folder: Path) -> set[str]:
    """What is in a folder and below, but the workspace's own."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {name for name in found if name.partition("/")[0] not in (".peace", "a.tar")}


def download(server: FileServer, folder: Path) -> ItemHarness[FileDownloadState]:
    """A harness around the download of `/f`."""
    server.files["/f"] = Served(CONTENT)
    return ItemHarness(FileDownload(src=server.url("/f"), dest=folder / "f.bin"), folder)


# ---- downloads


async def test_what_is_remembered_of_a_file_goes_with_it(
    server: FileServer, tmp_path: Path
) -> None:
    """Also where somebody has removed the file itself before."""
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    (tmp_path / "f.bin").unlink()
    assert names(tmp_path) == {".f.bin.source.json"}

    result = await harness.result_of("clean")

    assert result.status is ItemStatus.DONE
    assert names(tmp_path) == set()
    assert (await harness.result_of("clean")).status is ItemStatus.UNCHANGED


async def test_a_file_that_was_removed_by_hand_comes_again(
    server: FileServer, tmp_path: Path
) -> None:
    """Whatever is still remembered of it."""
    harness = download(server, tmp_path)
    await harness.result_of("ensure")
    (tmp_path / "f.bin").unlink()

    assert str(await harness.difference()) == "+ file: 7.0 kB"
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


async def test_somebody_elses_files_with_such_names_stay(
    server: FileServer, tmp_path: Path
) -> None:
    """An unfinished file of another program, and a record that is none."""
    theirs = {"f.bin.part": b"of a browser", ".f.bin.source.json": b'{"mine": true}'}
    for name, content in theirs.items():
        (tmp_path / name).write_bytes(content)
    harness = download(server, tmp_path)

    assert (await harness.result_of("clean")).status is ItemStatus.UNCHANGED
    with pytest.raises(PathTaken, match=r"f\.bin\.part is something that no download has left"):
        await harness.result_of("ensure")
    (tmp_path / "f.bin").write_bytes(CONTENT)
    await harness.run("clean")

    assert {name: (tmp_path / name).read_bytes() for name in theirs} == theirs


# ---- archives


def extraction(folder: Path, tree: dict[str, object]) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of an archive into `out`."""
    (folder / "a.tar").write_bytes(packed(tree, "a.tar"))  # type: ignore[arg-type]  # a tree is JSON
    return ItemHarness(TarExtract(tar_path=folder / "a.tar", dest=folder / "out"), folder)


async def test_folders_that_were_there_before_stay(tmp_path: Path) -> None:
    """Empty as they were; those that were made go."""
    before = {"out", "out/bin", "out/logs"}
    for name in before:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    harness = extraction(tmp_path, {"bin/start": "x", "lib/a/b": "x", "logs": None, "new": None})

    await harness.result_of("ensure")
    await harness.result_of("clean")

    assert names(tmp_path) == before


async def test_folders_that_were_made_by_an_earlier_archive_go(tmp_path: Path) -> None:
    """What was made once is remembered from one archive to the next."""
    (tmp_path / "out" / "mine").mkdir(parents=True)
    await extraction(tmp_path, {"a/x": "1", "mine/y": "1"}).result_of("ensure")
    await extraction(tmp_path, {"a/z": "2", "b/x": "2"}).result_of("ensure")
    harness = extraction(tmp_path, {"b/x": "3", "mine/q": "3"})
    await harness.result_of("ensure")
    assert not (tmp_path / "out" / "a").exists()
    (tmp_path / "out" / "b" / "theirs").write_text("theirs")

    await harness.result_of("clean")

    assert names(tmp_path) == {"out", "out/mine", "out/b", "out/b/theirs"}


async def test_notes_of_an_earlier_version_are_understood(tmp_path: Path) -> None:
    """They do not say which folders were made: those that are empty then go, as they did."""
    harness = extraction(tmp_path, {"a/x": "1"})
    await harness.result_of("ensure")
    notes = next((tmp_path / "out").glob(".*.json"))
    notes.write_text('{"names":["a/x"],"unfinished":false}')

    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    await harness.result_of("clean")
    assert names(tmp_path) == set()


# ---- bytes


@pytest.mark.parametrize("content", [b"a\r\n", b"a\x0b\n", b"a \n", b"\xff\n", b"a\n\n", b""])
async def test_a_file_with_other_bytes_differs(content: bytes, tmp_path: Path) -> None:
    """Whatever they look like, and also where they are no text."""
    (tmp_path / "f").write_bytes(content)
    harness = ItemHarness(Blank(path=tmp_path / "f", lines=("a",)), tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "f").read_bytes() == b"a\n"
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_an_extraction_that_is_renamed_and_moves(tmp_path: Path) -> None:
    """It is the same under another name; given another folder, it leaves nothing in the former."""
    (tmp_path / "a.tar").write_bytes(packed({"d/f": "one"}, "a.tar"))
    dest, name = tmp_path / "out", "app"

    def declare(flow: Flow) -> None:
        flow.add(name, TarExtract(tar_path=tmp_path / "a.tar", dest=dest))

    harness = FlowHarness(declare, tmp_path)
    assert isinstance(await harness.ensure(), Complete)
    name = "tool"
    assert (await harness.ensure()).items["tool"].status is ItemStatus.UNCHANGED
    dest = tmp_path / "elsewhere"
    assert isinstance(await harness.ensure(), Complete)
    assert (dest / "d/f").read_text() == "one"
    assert not (tmp_path / "out").exists()
    assert isinstance(await harness.clean(), Complete)
    assert not dest.exists()
