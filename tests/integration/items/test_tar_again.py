"""Archives that are looked at again: what is read, and what changes are noticed."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from tar_archives import packed

from peaceful import ItemCtx, ItemStatus
from peaceful._errors.running import PlanStale
from peaceful._model.codec import JsonValue
from peaceful.items import TarExtract, TarExtractState
from peaceful.items._tar import _extract, _tree
from peaceful.items._tar._archive import Archive
from peaceful.items._tar._errors import ArchiveTooLarge
from peaceful.items._tar._extract import Notes
from peaceful.testing import ItemHarness

HAS: dict[str, JsonValue] = {
    "a": "one",
    "d/b": "two",
    "d/e": {"hard_link": "a"},
    "l": {"link": "a"},
    "s": {"text": "#!", "mode": "0755"},
}
TEXTS = {"a": "one", "d/b": "two", "d/e": "one", "s": "#!"}


def extraction(
    folder: Path, has: dict[str, JsonValue] = HAS, name: str = "a.tar", **fields: object
) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of an archive into `out`; it is made if it is not there."""
    if not (folder / name).exists():
        (folder / name).write_bytes(packed(has, name))
    given = {"tar_path": folder / name, "dest": folder / "out", **fields}
    return ItemHarness(TarExtract.model_validate(given), folder)


def texts(folder: Path) -> dict[str, str]:
    """What the extracted files have."""
    return {name: (folder / "out" / name).read_text() for name in TEXTS}


# ---- changes of what was extracted


def _other_bytes(path: Path) -> None:
    """Change a byte, and restore the times that can be."""
    facts = path.stat()
    path.write_text("X" + path.read_text()[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _another_file(path: Path) -> None:
    """Put another file of the same size, rights and times in its place."""
    facts = path.stat()
    other = path.with_name("other")
    other.write_text("Y" + path.read_text()[1:])
    other.chmod(facts.st_mode)
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(path)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes": _other_bytes,
    "another file": _another_file,
    "longer": lambda path: path.write_text(path.read_text() + "!"),
    "rights": lambda path: path.chmod(0o600 if path.stat().st_mode & 0o044 else 0o777),
    "gone": Path.unlink,
    "a link": _link,
}


@examples(12)
@given(
    changes=st.dictionaries(st.sampled_from([*TEXTS]), st.sampled_from([*CHANGES]), max_size=4),
    touched=st.sets(st.sampled_from([*TEXTS])),
    verify=st.booleans(),
    name=st.sampled_from(["a.tar", "a.tar.gz"]),
)
def test_whatever_changes_between_two_runs_is_noticed_and_mended(
    changes: dict[str, str], touched: set[str], verify: bool, name: str
) -> None:
    """Also a byte of a file whose size and time stay; a time alone is no difference."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        harness = extraction(folder, name=name, verify=verify)
        asyncio.run(harness.result_of("ensure"))
        for each in touched:
            os.utime(folder / "out" / each)
        for each, change in changes.items():
            CHANGES[change](folder / "out" / each)

        difference = asyncio.run(harness.difference())
        result = asyncio.run(harness.result_of("ensure"))

        named = set() if difference is None else {each.field for each in difference.changes}
        assert named == set(changes)
        assert (result.status is ItemStatus.DONE) == bool(changes)
        assert texts(folder) == TEXTS
        assert asyncio.run(harness.result_of("ensure")).status is ItemStatus.UNCHANGED


async def test_where_times_do_not_tell_bytes_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may not tell of a change at all; `verify` needs nothing from it."""
    monkeypatch.setattr(_tree, "stamp_of", lambda _: (1, 1, 1))
    await extraction(tmp_path).result_of("ensure")
    _other_bytes(tmp_path / "out" / "a")

    assert await extraction(tmp_path).difference() is None
    assert await extraction(tmp_path, verify=True).difference() is not None
    await extraction(tmp_path, verify=True).result_of("ensure")
    assert texts(tmp_path) == TEXTS


def _stamped(folder: Path, seconds: float) -> None:
    """Make the notes take a changed file for the one that was written, so long after its change."""
    path, notes_path = folder / "out" / "a", folder / "out" / ".extracted.json"
    notes = Notes.load(notes_path)
    assert notes is not None
    facts = path.stat()
    notes.stamps["a"] = (facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)
    notes_path.write_bytes(msgspec.json.encode(notes))
    latest = facts.st_ctime_ns + int(seconds * 1e9)
    os.utime(notes_path, ns=(latest, latest))


async def test_a_file_as_young_as_the_notes_is_compared_by_its_bytes(tmp_path: Path) -> None:
    """It may have been changed right after it was written, without its time telling."""
    harness = extraction(tmp_path)
    await harness.result_of("ensure")
    _other_bytes(tmp_path / "out" / "a")
    _stamped(tmp_path, 1.0)
    assert await harness.difference() is None

    _stamped(tmp_path, 0.001)

    assert await harness.difference() is not None


async def test_what_others_may_have_noted_is_not_believed(tmp_path: Path) -> None:
    """Whoever may write the notes could hide what else was changed."""
    harness = extraction(tmp_path)
    await harness.result_of("ensure")
    _other_bytes(tmp_path / "out" / "a")
    _stamped(tmp_path, 1.0)

    (tmp_path / "out" / ".extracted.json").chmod(0o666)

    assert await harness.difference() is not None


def test_a_change_of_one_hard_link_is_seen_if_the_other_one_is_gone(tmp_path: Path) -> None:
    """Its content was passed over before anybody knew that it would be needed."""
    for name in ("a.tar", "a.tar.xz"):
        folder = tmp_path / name
        folder.mkdir()
        harness = extraction(folder, name=name, verify=True)
        asyncio.run(harness.result_of("ensure"))
        (folder / "out" / "a").unlink()
        _other_bytes(folder / "out" / "d" / "e")

        asyncio.run(harness.result_of("ensure"))

        assert texts(folder) == TEXTS


# ---- changes of the archive


async def test_an_archive_of_the_same_size_and_time_with_other_content_is_noticed(
    tmp_path: Path,
) -> None:
    """Its last change tells."""
    harness = extraction(tmp_path)
    await harness.result_of("ensure")
    facts = (tmp_path / "a.tar").stat()
    (tmp_path / "a.tar").write_bytes(packed({**HAS, "d/b": "owt"}, "a.tar"))
    os.utime(tmp_path / "a.tar", ns=(facts.st_atime_ns, facts.st_mtime_ns))

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert texts(tmp_path) == {**TEXTS, "d/b": "owt"}


async def test_a_plan_holds_for_the_very_archive(tmp_path: Path) -> None:
    """Also if it was made before any content was read."""
    harness = extraction(tmp_path)
    plan = (await harness.plan()).value
    assert plan is not None
    facts = (tmp_path / "a.tar").stat()
    (tmp_path / "a.tar").write_bytes(packed({**HAS, "d/b": "owt"}, "a.tar"))
    os.utime(tmp_path / "a.tar", ns=(facts.st_atime_ns, facts.st_mtime_ns))

    with pytest.raises(PlanStale):
        await harness.apply(plan)

    assert not (tmp_path / "out").exists()


async def test_limits_hold_for_an_archive_that_was_extracted_before(tmp_path: Path) -> None:
    """What was allowed then may not be now."""
    await extraction(tmp_path).result_of("ensure")

    with pytest.raises(ArchiveTooLarge):
        await extraction(tmp_path, max_files=1).result_of("ensure")


class Stored(TarExtract):
    """Gets states that were stored and read back."""

    def apply(
        self, ctx: ItemCtx, current: TarExtractState, goal: TarExtractState
    ) -> TarExtractState:
        """Extract by these."""
        read = TarExtractState.model_validate_json
        return super().apply(ctx, read(current.model_dump_json()), read(goal.model_dump_json()))


async def test_stored_states_lead_to_the_same_end(tmp_path: Path) -> None:
    """They do not have the files, which are then looked for again."""
    (tmp_path / "a.tar").write_bytes(packed({**HAS, "empty": None}, "a.tar"))
    harness = ItemHarness(Stored(tar_path=tmp_path / "a.tar", dest=tmp_path / "out"), tmp_path)
    await harness.result_of("ensure")
    _other_bytes(tmp_path / "out" / "a")
    kept = (tmp_path / "out" / "s").stat().st_ino

    assert (await harness.result_of("ensure")).message == "1 file written"

    assert texts(tmp_path) == TEXTS
    assert (tmp_path / "out" / "s").stat().st_ino == kept
    await harness.result_of("clean")
    assert not (tmp_path / "out").exists()


# ---- what is read


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of contents, from now on: by where."""
    where: list[str] = []
    content, file = Archive.content, _tree._read_file

    def of_archive(self: Archive, *given: object) -> object:
        where.append("archive")
        return content(self, *given)  # type: ignore[arg-type]  # as it was given

    def of_file(*given: object) -> object:
        where.append("file")
        return file(*given)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(Archive, "content", of_archive)
    monkeypatch.setattr(_tree, "_read_file", of_file)
    return where


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
async def test_each_content_is_read_once_and_then_no_more(
    name: str, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run reads each from the archive once; the next one does not open it."""
    harness = extraction(tmp_path, name=name)
    await harness.result_of("ensure")
    assert read == ["archive"] * 3  # A hard link has its content from the file.
    read.clear()

    monkeypatch.delattr(_extract, "read_listing")

    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED
    assert read == []


async def test_of_a_changed_archive_only_what_may_be_the_same_is_compared(
    read: list[str], tmp_path: Path
) -> None:
    """A file of another size, or one that is new, is only written."""
    harness = extraction(tmp_path)
    await harness.result_of("ensure")
    (tmp_path / "a.tar").write_bytes(
        packed({**HAS, "d/b": "longer", "n": "new", "s": {"text": "##", "mode": "0755"}}, "a.tar")
    )
    read.clear()

    difference = await harness.difference()

    assert difference is not None
    assert [each.field for each in difference.changes] == ["d/b", "n", "s"]
    assert read.count("archive") == 2  # `a` and `s`; a hard link is compared by its file.


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of files and folders that are synced from now on."""
    inodes: list[int] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        inodes.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    return inodes


@pytest.mark.parametrize(("many", "whole"), [(100, 0), (2, 1)])
async def test_few_files_are_synced_by_themselves(
    many: int, whole: int, synced: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nobody waits for what others write; of many, the whole file system is synced at once."""
    at_once: list[int] = []
    monkeypatch.setattr(_tree, "_MANY", many)
    monkeypatch.setattr(_tree, "sync_filesystem", at_once.append)

    await extraction(tmp_path).result_of("ensure")

    assert len(at_once) == whole
    assert (inodes(tmp_path, *TEXTS, "d", "") <= {*synced}) is not bool(whole)


async def test_what_a_cut_run_has_written_is_synced_by_the_next(
    synced: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is whole then, but may be lost with the power until it is synced."""
    harness = extraction(tmp_path)
    write = _tree.Tree.write

    def stopping(self: _tree.Tree, *given: object) -> object:
        harness.sender.request()
        return write(self, *given)  # type: ignore[arg-type]  # as it was given

    with monkeypatch.context() as patched:
        patched.setattr(_tree.Tree, "write", stopping)
        await harness.ensure()
    first = inodes(tmp_path, "a")
    assert not (tmp_path / "out" / "s").exists()
    assert first.isdisjoint(synced)

    await harness.result_of("ensure")

    assert first == inodes(tmp_path, "a")
    assert inodes(tmp_path, *TEXTS, "d", "") <= {*synced}


def inodes(folder: Path, *names: str) -> set[int]:
    """Which files have these names in the destination."""
    return {(folder / "out" / name).stat().st_ino for name in names}
