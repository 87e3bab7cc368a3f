"""Extracting real archives: any tree, any change of it, any interrupt, many files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import example, given
from hypothesis import strategies as st
from interrupt_countdown import Countdown
from tar_archives import PACKERS, packed

from peaceful import ItemStatus, ProgressUnit
from peaceful._model.codec import JsonValue
from peaceful.commands import BlockInterrupted, Complete, ItemProgressed
from peaceful.interrupt import InterruptLevel
from peaceful.items import TarExtract, TarExtractState
from peaceful.items._tar._names import FileEntry
from peaceful.items._tar._tree import Known
from peaceful.items._tar._tree import Tree as DestinationTree
from peaceful.testing import ItemHarness

Tree = Mapping[str, JsonValue]

FIRST: Tree = {"a": "one", "d/b": "two", "d/e/c": "three", "empty": None, "l": {"link": "d/b"}}
SECOND: Tree = {
    "a": "eno",
    "d": "file",
    "n/x": {"hard_link": "a"},
    "l": None,
    "k": {"link": "n"},
    "m/1": "file",
    "m/2": "file",
    "m/3": "file",
}

CHANGED = {
    "a": "eno",
    "d": "file",
    "k": "-> n",
    "l": "folder",
    "m": "folder",
    "m/1": "file",
    "m/2": "file",
    "m/3": "file",
    "n": "folder",
    "n/x": "eno",
}
"""What the second looks like in the destination."""


def extraction(folder: Path, tree: Tree) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of an archive into `out`."""
    repack(folder, tree)
    item = TarExtract(tar_path=folder / "a.tar", dest=folder / "out")
    return ItemHarness(item, folder)


def repack(folder: Path, tree: Tree) -> None:
    """Replaces the archive."""
    (folder / "a.tar").write_bytes(packed(tree, "a.tar"))


def found(folder: Path) -> dict[str, str]:
    """What is in the destination, but the notes: files, links and folders."""
    names: dict[str, str] = {}
    for path in sorted((folder / "out").rglob("*")):
        name = path.relative_to(folder / "out").as_posix()
        if path.is_symlink():
            names[name] = f"-> {os.readlink(path)}"  # noqa: PTH115 - as it is written
        elif path.is_dir():
            names[name] = "folder"
        elif not name.startswith("."):
            names[name] = path.read_text()
    return names


# ---- any tree

_NAMES = st.lists(st.sampled_from(["a", "b", "c", "ü x", "d.e"]), min_size=1, max_size=3).map(
    "/".join
)
_ENTRIES = st.one_of(
    st.none(),
    st.text("xyz", max_size=5),
    st.sampled_from(["", "a", "b/c", "./d.e"]).map(lambda target: {"link": f"./{target}"}),
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Names and what they are, such that nothing lies below a file or a link."""
    drawn = draw(st.dictionaries(_NAMES, _ENTRIES, max_size=8))
    return {
        name: entry
        for name, entry in drawn.items()
        if not any(name.startswith(f"{other}/") and drawn[other] is not None for other in drawn)
    }


def expected(tree: Tree) -> dict[str, str]:
    """What a tree looks like in the destination."""
    names: dict[str, str] = {}
    for name, entry in tree.items():
        parts = name.split("/")
        for end in range(1, len(parts)):
            names["/".join(parts[:end])] = "folder"
        match entry:
            case None:
                names[name] = "folder"
            case str():
                names[name] = entry
            case {"link": str(target)}:
                names[name] = f"-> {target}"
            case _:
                raise AssertionError(entry)
    return dict(sorted(names.items()))


@examples(12)
@given(first=trees(), second=trees(), mine=st.booleans())
def test_any_tree_is_extracted_changed_and_cleaned(first: Tree, second: Tree, mine: bool) -> None:
    """From any tree to any other, exactly what the archive has is there; and at last nothing."""

    async def life(folder: Path) -> None:
        harness = extraction(folder, first)
        if mine:
            (folder / "out").mkdir()
            (folder / "out" / "mine").write_text("mine")
        own = {"mine": "mine"} if mine else {}
        await harness.result_of("ensure")
        assert found(folder) == dict(sorted({**expected(first), **own}.items()))
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
        repack(folder, second)
        difference = await harness.difference()
        current, goal = await harness.states()
        assert current is not None
        assert goal is not None
        assert (difference is None) == (expected(first) == expected(second))
        await harness.result_of("ensure")
        assert found(folder) == dict(sorted({**expected(second), **own}.items()))
        assert await harness.difference() is None
        await harness.result_of("clean")
        assert found(folder) == own
        assert (folder / "out").exists() is mine
        assert (await harness.result_of("clean")).status is ItemStatus.UNCHANGED

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(life(Path(folder)))


@examples(12)
@given(tree=trees(), ending=st.sampled_from(["tar", *PACKERS]))
@example(tree={"a": ""}, ending="xz")
def test_a_state_is_stored_and_read_back_as_it_is(tree: Tree, ending: str) -> None:
    """What is stored of a state is small, and means the same when it is read."""
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / f"a.{ending}"
        archive.write_bytes(packed(tree, archive.name))
        item = TarExtract(tar_path=archive, dest=Path(name) / "out")
        harness = ItemHarness(item, Path(name))
        _, goal = asyncio.run(harness.states())
        asyncio.run(harness.result_of("ensure"))
        made, again = asyncio.run(harness.states())

    for state in (goal, made, again):
        assert state is not None
        stored = state.model_dump_json()
        assert len(stored) < 500
        back = TarExtractState.model_validate_json(stored)
        assert back == state
        assert hash(back) == hash(state)
        assert item.diff(back, again or state) is None
    assert made == again


def test_what_gnu_tar_packs_is_extracted_as_gnu_tar_would(tmp_path: Path) -> None:
    """Formats with their own ways for long names and links."""
    source = tmp_path / "source"
    (source / ("long" * 30) / ("name" * 30)).mkdir(parents=True)
    (source / ("long" * 30) / ("name" * 30) / "file").write_text("text")
    (source / "script").write_text("#!/bin/sh")
    (source / "script").chmod(0o755)
    (source / "link").symlink_to("script")
    os.link(source / "script", source / "twin")
    for form in ("gnu", "oldgnu", "pax"):
        archive = tmp_path / f"{form}.tar"
        subprocess.run(["tar", f"--format={form}", "-cf", archive, "-C", source, "."], check=True)
        folder = tmp_path / form
        folder.mkdir()
        item = TarExtract(tar_path=archive, dest=folder / "out")
        asyncio.run(ItemHarness(item, folder).result_of("ensure"))
        same = subprocess.run(
            ["diff", "-r", "--no-dereference", "-x", ".*.json", source, folder / "out"], check=False
        )
        assert same.returncode == 0
        assert os.access(folder / "out" / "twin", os.X_OK)


# ---- interrupted


async def test_interrupted_at_every_question_it_ends_as_if_never_interrupted(
    tmp_path: Path, countdown: Countdown
) -> None:
    """Whenever the interrupt comes, whole files stay, and the same command carries on."""
    cut = 0
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        harness = extraction(folder, FIRST)
        await harness.result_of("ensure")
        repack(folder, SECOND)
        countdown.arm(harness.sender, number)
        outcome = await harness.ensure()
        countdown.disarm()
        cut += isinstance(outcome, BlockInterrupted)
        allowed = {*expected(FIRST).values(), "eno", "file", "-> n"}
        assert set(found(folder).values()) <= allowed

        outcome = await harness.ensure()

        assert isinstance(outcome, Complete)
        assert found(folder) == CHANGED
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    assert cut > 20


async def test_a_clean_up_interrupted_at_every_question_ends_as_if_never_interrupted(
    tmp_path: Path, countdown: Countdown
) -> None:
    """However often it is cut, what is left is still known, and removed in the end."""
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        harness = extraction(folder, FIRST)
        await harness.result_of("ensure")
        countdown.arm(harness.sender, number)
        await harness.clean()
        countdown.disarm()

        assert isinstance(await harness.clean(), Complete)
        assert not (folder / "out").exists()


async def test_an_extraction_cut_anywhere_can_be_cleaned_up(
    tmp_path: Path, countdown: Countdown
) -> None:
    """What was brought so far is known at every moment."""
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "mine").write_text("mine")
        harness = extraction(folder, FIRST)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        countdown.disarm()

        await harness.result_of("clean")
        assert found(folder) == {"mine": "mine"}


async def test_what_was_written_before_an_interrupt_is_not_written_again(
    tmp_path: Path, countdown: Countdown
) -> None:
    """The next command writes only what is missing."""
    tree: Tree = {f"f{number}": str(number) for number in range(8)}
    most = 0
    for number in countdown.numbers():
        folder = tmp_path / str(number)
        folder.mkdir()
        harness = extraction(folder, tree)
        countdown.arm(harness.sender, number)
        await harness.ensure()
        countdown.disarm()
        before = {name: inode(folder, name) for name in found(folder)} if countdown.fired else {}
        most = max(most, len(before) % len(tree))

        await harness.result_of("ensure")

        assert before.items() <= {name: inode(folder, name) for name in tree}.items()
    assert most == len(tree) - 1


def inode(folder: Path, name: str) -> int:
    """Which file has a name in the destination."""
    return (folder / "out" / name).stat().st_ino


KILLED = """
import os, signal, sys
from pathlib import Path
from peaceful.items import TarExtract
from peaceful.items._tar._tree import Tree
from peaceful.testing import run_item

left, rename = int(sys.argv[2]), Tree._rename

def killing(self, here, last, name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(self, here, last, name)

Tree._rename = killing
folder = Path(sys.argv[1])
run_item(TarExtract(tar_path=folder / "a.tar", dest=folder / "out"), folder)
"""


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("then", ["ensure", "clean"])
async def test_killed_at_any_file_it_carries_on_or_cleans_up(
    number: int, then: str, tmp_path: Path
) -> None:
    """`kill -9` in the middle of a file: nothing half stays, whatever comes next."""
    harness = extraction(tmp_path, FIRST)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path), str(number)
    )
    status = await process.wait()
    assert status == (-9 if number < 5 else 0)

    if then == "clean":
        await harness.result_of("clean")
        assert not (tmp_path / "out").exists()
    else:
        await harness.result_of("ensure")
        assert found(tmp_path) == expected(FIRST)
        assert len(list((tmp_path / "out").glob(".*"))) == 1


async def test_asked_to_end_it_gives_the_file_up_that_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At CANCEL a large file is not finished; what was there before is as it was."""
    harness = extraction(tmp_path, {"a": "old", "b": "old"})
    await harness.result_of("ensure")
    repack(tmp_path, {"a": "new", "b": "x" * 3_000_000})
    write = DestinationTree.write

    def cancelling(
        self: DestinationTree, name: str, chunks: Iterator[bytes], wanted: FileEntry, when: float
    ) -> Known | None:
        if name == "b":
            harness.sender.request(InterruptLevel.CANCEL)
        return write(self, name, chunks, wanted, when)

    monkeypatch.setattr(DestinationTree, "write", cancelling)
    outcome = await harness.ensure()

    assert "in the middle of a file" in outcome.items["item"].message
    assert found(tmp_path) == {"a": "new", "b": "old"}
    assert len(list((tmp_path / "out").glob(".*"))) == 1


# ---- around it


async def test_progress_counts_bytes_of_what_is_written(tmp_path: Path) -> None:
    """Of an extraction, bytes are told, and how many there are."""
    harness = extraction(tmp_path, {"a": "x" * 3_000_000, "b": "y"})

    await harness.result_of("ensure")

    last = harness.sink.of(ItemProgressed)[-1].progress
    assert (last.unit, last.done, last.total) == (ProgressUnit.BYTES, 3_000_001, 3_000_001)
    assert last.message == "2 files written"


async def test_thousands_of_files(tmp_path: Path) -> None:
    """They are counted, and found unchanged when they are looked at again."""
    harness = extraction(
        tmp_path, {f"d{number // 100}/f{number}": str(number) for number in range(3_000)}
    )

    first = await harness.result_of("ensure")
    second = await harness.result_of("ensure")

    assert first.shown == "3,000 files, 10.9 kB"
    assert second.status is ItemStatus.UNCHANGED


def test_the_state_may_be_seen_in_a_few_words() -> None:
    """A state of a folder says how much it is, and whether it is whole."""
    example = TarExtract(tar_path=Path("a"), dest=Path("b")).state_example()

    assert str(example) == "1 file, 1.0 MB"
    assert str(example.model_copy(update={"unfinished": True})) == "1 file, 1.0 MB, not finished"
    assert str(example.model_copy(update={"present": False})) == "absent"
