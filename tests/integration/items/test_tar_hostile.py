"""Archives that mean harm: nothing leaves the destination, whoever has put what there."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest
from tar_archives import member, tar

from peaceful import Flow, ItemStatus
from peaceful._commands.run_request import CommandName
from peaceful.errors import PeacefulError
from peaceful.items import TarExtract, TarExtractState
from peaceful.items._disk import PathTaken
from peaceful.items._tar._errors import ArchiveRefused
from peaceful.items._tar._extract import Notes
from peaceful.testing import FlowHarness, ItemHarness


def extraction(folder: Path, data: bytes) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of an archive into `out`."""
    (folder / "a.tar").write_bytes(data)
    item = TarExtract(tar_path=folder / "a.tar", dest=folder / "out")
    return ItemHarness(item, folder)


def names_in(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


async def failure(harness: ItemHarness[TarExtractState]) -> PeacefulError:
    """What `ensure` fails with; it says what to do."""
    with pytest.raises(PeacefulError) as caught:
        await harness.result_of("ensure")
    assert caught.value.help
    return caught.value


LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
FOLDER = tarfile.DIRTYPE


@pytest.mark.parametrize(
    ("name", "reason", "members"),
    [
        ("/etc/passwd", "its name is an absolute path", [member("/etc/passwd", b"x")]),
        ("../x", "its name leads up, by ..", [member("../x", b"x")]),
        ("a/../../x", "its name leads up, by ..", [member("a/../../x", b"x")]),
        ("..", "its name leads up, by ..", [member("..", kind=FOLDER)]),
        ("a", "it is a link to an absolute path", [member("a", kind=LINK, target="/etc")]),
        ("a", "it is a link that leads out", [member("a", kind=LINK, target="..")]),
        ("d/a", "it is a link that leads out", [member("d/a", kind=LINK, target="../../x")]),
        ("a", "it is a link to nothing", [member("a", kind=LINK)]),
        (
            "a",
            "it is a link that leads down and up again, so nobody knows where",
            [member("a", kind=LINK, target="b/../c")],
        ),
        (
            "t",
            "it is a link that leads down and up again, so nobody knows where",
            # By name it stays within; through the first link it would not.
            [
                member("x/y/s", kind=LINK, target="../.."),
                member("t", kind=LINK, target="x/y/s/../.."),
            ],
        ),
        (
            "a/b",
            "it lies below a, which is a link",
            [member("a", kind=LINK, target="d"), member("a/b", b"x")],
        ),
        (
            "a/b/c/d",
            "it lies below a, which is a file",
            [member("a", b"x"), member("a/b/c/d", b"x")],
        ),
        (
            "a",
            "it is there twice, as a folder, a link",
            [member("a", kind=FOLDER), member("a", kind=LINK, target="b")],
        ),
        (
            "a",
            "it is there twice, as a link, a file",
            [member("a", kind=LINK, target="b"), member("a", b"x")],
        ),
        ("a", "it is a hard link to no earlier file", [member("a", kind=HARD, target="b")]),
        ("a", "it is a hard link to no earlier file", [member("a", kind=HARD, target="a")]),
        (
            "b",
            "it is a hard link to no earlier file",
            [member("d", kind=FOLDER), member("b", kind=HARD, target="d")],
        ),
        (
            "a",
            "it is a hard link to what cannot be: its name is an absolute path",
            [member("a", kind=HARD, target="/etc/passwd")],
        ),
        (
            "b",
            "it is a hard link to a, which is there twice",
            [member("a", b"1"), member("b", kind=HARD, target="a"), member("a", b"2")],
        ),
        (
            "d/b",
            "it is a link that leads out",
            # A further name of a link, in a place from which the link leads elsewhere.
            [
                member("e/f/a", kind=LINK, target="../../x"),
                member("d/b", kind=HARD, target="e/f/a"),
            ],
        ),
        ("a", "it is a device", [member("a", kind=tarfile.CHRTYPE)]),
        ("a", "it is a device", [member("a", kind=tarfile.BLKTYPE)]),
        ("a", "it is a named pipe", [member("a", kind=tarfile.FIFOTYPE)]),
        ("a", "it is of an unknown kind", [member("a", kind=b"M")]),
        ("./", "it is a file in place of the destination", [member("./", b"x")]),
        ("a\\nb", "its name has a control character", [member("a\nb", b"x")]),
        (
            "a",
            "it is a link to what cannot be: its name has a control character",
            [member("a", kind=LINK, target="b\x1b[2J")],
        ),
        ("a" * 256, "its name is longer than a file's name may be", [member("a" * 256, b"x")]),
        (
            "a/" * 2_001,
            "its name is longer than a file's name may be",
            [member("a/" * 2_001 + "b", b"x")],
        ),
        (
            ".extracted.json",
            "its name is one that items themselves need",
            [member(".extracted.json", b"{}")],
        ),
        (
            "d/.extracting",
            "its name is one that items themselves need",
            [member("d/.extracting", b"{}")],
        ),
        (
            "d/.other.Another.Extracted.json",
            "its name is one that items themselves need",
            [member("d/.other.Another.Extracted.json", b"{}")],
        ),
        (
            "a/" * 100 + "b",
            "it lies more than 100 folders deep",
            [member("a/" * 100 + "b", b"x")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
async def test_what_must_not_be_extracted_is_refused_by_name(
    name: str,
    reason: str,
    members: list[tuple[tarfile.TarInfo, bytes]],
    tmp_path: Path,
) -> None:
    """The entry is named with the reason, and nothing of the archive is written."""
    harness = extraction(tmp_path, tar(member("good", b"good"), *members))

    error = await failure(harness)

    assert isinstance(error, ArchiveRefused)
    assert reason in dict(error.refused).values()
    shown = dict(error.details)
    assert any(name[:100] in refused for refused in shown)
    assert names_in(tmp_path) == {"a.tar", ".peace"}


async def test_many_refused_entries_are_counted(tmp_path: Path) -> None:
    """Ten are named, the rest is counted."""
    members = [member(f"/{number}", b"x") for number in range(25)]

    error = await failure(extraction(tmp_path, tar(*members)))

    assert "has 25 entries that must not be extracted" in error.message
    assert len(error.details) == 11
    assert error.details[-1] == ("others", "15 entries")


async def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    """A name that cannot be written down cannot be remembered."""
    written = io.BytesIO()
    with tarfile.open(
        fileobj=written, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1"
    ) as archive:
        archive.addfile(tarfile.TarInfo("café"))

    error = await failure(extraction(tmp_path, written.getvalue()))

    assert isinstance(error, ArchiveRefused)
    assert error.refused[0][1] == "its name is not UTF-8"


async def test_unusual_names_are_extracted(tmp_path: Path) -> None:
    """Whatever a file may be called, as long as it is text."""
    names = [
        "ünï/日本 語",
        "-rf",
        "a\\b",
        "c:d",
        "con",
        "..a",
        "b..",
        "...",
        "'\"",
        "e\u202ef",
        "*?",
    ]
    harness = extraction(tmp_path, tar(*(member(name, name.encode()) for name in names)))

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == name.encode()
    await harness.result_of("clean")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [
        (0o6755, 0o755),
        (0o1777, 0o755),
        (0o666, 0o644),
        (0o000, 0o600),
        (0o055, 0o644),
        (0o500, 0o700),
    ],
)
async def test_rights_are_tamed(mode: int, becomes: int, tmp_path: Path) -> None:
    """Nothing runs as another user, nobody else writes, and the owner reads and writes."""
    harness = extraction(tmp_path, tar(member("a", b"x", mode=mode)))

    await harness.result_of("ensure")

    assert (tmp_path / "out" / "a").stat().st_mode & 0o7777 == becomes
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    (tmp_path / "out" / "a").chmod(0o4755)
    assert "rights 4755" in str(await harness.difference())


async def test_times_are_taken_over(tmp_path: Path) -> None:
    """A file gets the time that the archive says; odd ones are bounded."""
    good, odd = member("good", b"x"), member("odd", b"x")
    odd[0].mtime = 1e20
    harness = extraction(tmp_path, tar(good, odd))

    await harness.result_of("ensure")

    assert (tmp_path / "out" / "good").stat().st_mtime == 1_000_000_000


async def test_links_lead_within(tmp_path: Path) -> None:
    """Links that stay within are made as they are, also such that lead nowhere yet."""
    harness = extraction(
        tmp_path,
        tar(
            member("d/e/f", b"text"),
            member("d/up", kind=LINK, target="../d/e/f"),
            member("to", kind=LINK, target="d/./e"),
            member("nowhere", kind=LINK, target="x/y"),
            member("root", kind=LINK, target="."),
        ),
    )

    await harness.result_of("ensure")

    out = tmp_path / "out"
    assert (out / "d" / "up").read_text() == (out / "to" / "f").read_text() == "text"
    assert (out / "nowhere").is_symlink()
    assert (out / "root" / "d" / "up").read_text() == "text"
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


# ---- what somebody else has put into the destination


async def test_links_in_the_destination_are_not_followed(tmp_path: Path) -> None:
    """A link that somebody has put in the way leads nothing out: not writing, not removing."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").symlink_to(tmp_path / "precious")
    harness = extraction(tmp_path, tar(member("d/x", b"new")))

    error = await failure(harness)
    await harness.result_of("clean")

    assert isinstance(error, PathTaken)
    assert (tmp_path / "precious" / "x").read_text() == "precious"


async def test_a_link_that_takes_the_place_of_a_folder_later_leads_nothing_out(
    tmp_path: Path,
) -> None:
    """What was brought below a folder that is a link now is gone; what it leads to is not."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").write_text("precious")
    harness = extraction(tmp_path, tar(member("d/x", b"new"), member("d/e/y", b"new")))
    await harness.result_of("ensure")
    (tmp_path / "out" / "d").rename(tmp_path / "moved")
    (tmp_path / "out" / "d").symlink_to(tmp_path / "precious")

    assert str(await harness.difference()) == "+ d/e/y: 3 B, + d/x: 3 B"
    assert isinstance(await failure(harness), PathTaken)
    await harness.result_of("clean")
    assert (tmp_path / "precious" / "x").read_text() == "precious"
    assert (tmp_path / "out" / "d").is_symlink()


async def test_a_link_in_place_of_a_file_is_replaced_not_written_through(tmp_path: Path) -> None:
    """The file takes the link's place."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "precious")
    harness = extraction(tmp_path, tar(member("a", b"new")))

    await harness.result_of("ensure")

    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "out" / "a").read_text() == "new"


async def test_a_link_in_place_of_the_half_written_file_is_not_written_through(
    tmp_path: Path,
) -> None:
    """Nor is one at the name that files have while they are written."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".extracting").symlink_to(tmp_path / "precious")
    harness = extraction(tmp_path, tar(member("a", b"new")))

    await harness.result_of("ensure")

    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "out" / ".extracting").is_symlink()


async def test_odd_things_in_place_of_a_file_are_replaced(tmp_path: Path) -> None:
    """A named pipe is not waited for; the file takes its place."""
    harness = extraction(tmp_path, tar(member("a", b"new")))
    await harness.result_of("ensure")
    (tmp_path / "out" / "a").unlink()
    os.mkfifo(tmp_path / "out" / "a")

    assert str(await harness.difference()) == "+ a: 3 B"
    await harness.result_of("ensure")

    assert (tmp_path / "out" / "a").read_bytes() == b"new"


async def test_the_destination_itself_may_be_a_link(tmp_path: Path) -> None:
    """Where it leads was chosen by whoever gave the parameter; it stays when all is cleaned up."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    harness = extraction(tmp_path, tar(member("d/a", b"1")))

    await harness.result_of("ensure")
    assert (tmp_path / "real" / "d" / "a").read_text() == "1"
    await harness.result_of("clean")

    assert (tmp_path / "out").is_symlink()
    assert names_in(tmp_path / "real") == set()


async def test_two_archives_may_share_a_folder(tmp_path: Path) -> None:
    """By a name, each item remembers its own files, and leaves the other's alone."""
    harness = extraction(tmp_path, tar(member("d/a", b"1")))
    (tmp_path / "b.tar").write_bytes(tar(member("d/b", b"2")))
    item = TarExtract(tar_path=tmp_path / "b.tar", dest=tmp_path / "out", name="other")
    other = ItemHarness(item, tmp_path, item_id="other")
    await harness.result_of("ensure")
    await other.result_of("ensure")

    await harness.result_of("clean")

    assert (tmp_path / "out" / "d" / "b").read_text() == "2"
    assert not (tmp_path / "out" / "d" / "a").exists()
    assert (await other.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_an_archive_forges_no_notes_of_another_item(tmp_path: Path) -> None:
    """What another item remembers decides what is removed: no archive brings such a file."""
    (tmp_path / "precious").write_text("precious")
    forged = msgspec.json.encode(Notes(names=("../precious",), unfinished=False))
    entry = member("plugins/.extracted.json", forged)
    (tmp_path / "a.tar").write_bytes(tar(member("x", b"1"), entry))
    (tmp_path / "b.tar").write_bytes(tar(member("y", b"1")))

    def declare(flow: Flow) -> None:
        app = TarExtract(tar_path=tmp_path / "a.tar", dest=tmp_path / "out")
        plugins = TarExtract(tar_path=tmp_path / "b.tar", dest=tmp_path / "out" / "plugins")
        before, after = flow.add("app", app), flow.add("plugins", plugins)
        flow.edge(before, after)

    harness = FlowHarness(declare, tmp_path)
    outcome = await harness.ensure()

    assert isinstance(outcome.items["app"].error, ArchiveRefused)
    await harness.clean()
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "",
        '{"names": ["../precious"], "unfinished": false}',
        '{"names": ["a/../../precious"], "unfinished": true}',
        '{"names": ["/etc/passwd"], "unfinished": false}',
        '{"names": [""], "unfinished": false}',
        '{"names": ["a//b"], "unfinished": false}',
    ],
)
@pytest.mark.parametrize("command", ["ensure", "clean"])
async def test_notes_that_are_something_else_are_told(
    command: CommandName, text: str, tmp_path: Path
) -> None:
    """Without its notes the item does not know what is its own, and does nothing."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".extracted.json").write_text(text)
    harness = extraction(tmp_path, tar(member("a", b"new")))

    with pytest.raises(PathTaken, match="the notes of what was extracted"):
        await harness.result_of(command)

    assert (tmp_path / "precious").exists()
    assert names_in(tmp_path / "out") == {".extracted.json"}


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe"])
async def test_notes_are_not_reached_through_a_link(kind: str, tmp_path: Path) -> None:
    """Whoever may write into the destination gets nothing else read, overwritten, or waited for."""
    (tmp_path / "out").mkdir()
    notes, elsewhere = tmp_path / "out" / ".extracted.json", tmp_path / "elsewhere"
    content = '{"names": [], "unfinished": false}'
    match kind:
        case "pipe":
            os.mkfifo(notes)
        case "link":
            elsewhere.write_text(content)
            notes.symlink_to(elsewhere)
        case _:
            notes.symlink_to(elsewhere)

    error = await failure(extraction(tmp_path, tar(member("a", b"new"))))

    assert isinstance(error, PathTaken)
    assert elsewhere.exists() == (kind == "link")
    if kind == "link":
        assert elsewhere.read_text() == content
