"""Archives that are broken, too large, or change on the way: nothing is half done."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import types
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tar_archives import PACKERS, member, packed, tar

from peaceful import ItemStatus
from peaceful.errors import ExtraMissing, PeacefulError
from peaceful.items import ArchiveFailed, DiskFailed, TarExtract, TarExtractState
from peaceful.items._tar import _archive as _stream
from peaceful.items._tar import _extract, _tree
from peaceful.items._tar._archive import Limits, opened, read_listing
from peaceful.items._tar._errors import (
    ArchiveChanged,
    ArchiveDamaged,
    ArchiveMissing,
    ArchiveTooLarge,
)
from peaceful.items._tar._tree import Tree
from peaceful.testing import ItemHarness

LIMITS = Limits(1_000_000, 1_000)
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def entries_of(path: Path) -> Mapping[str, object]:
    """What an archive would bring."""
    return read_listing(path, LIMITS, lambda *_: None).entries


def extraction(folder: Path, data: bytes) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of an archive into `out`."""
    (folder / "a.tar").write_bytes(data)
    item = TarExtract(tar_path=folder / "a.tar", dest=folder / "out")
    return ItemHarness(item, folder)


async def failure(harness: ItemHarness[TarExtractState]) -> PeacefulError:
    """What `ensure` fails with; it says what to do."""
    with pytest.raises(PeacefulError) as caught:
        await harness.result_of("ensure")
    assert caught.value.help
    return caught.value


@pytest.mark.parametrize("ending", ["tar", *PACKERS])
def test_an_archive_cut_anywhere_is_damaged(ending: str, tmp_path: Path) -> None:
    """Half an archive is never taken for a whole one."""
    content = random.Random(3).randbytes(3_000)
    whole = packed({"a": "text", "b": content.hex(), "c/d": "more"}, f"a.{ending}")
    path = tmp_path / "a"
    # Of a plain one, all but the zeros at its end.
    end = len(whole) if ending != "tar" else -(-len(whole.rstrip(b"\0")) // 512) * 512 + 1
    places = [*range(min(end, 40)), *range(40, end, max(1, end // 60))]
    for place in places:
        path.write_bytes(whole[:place])
        with pytest.raises(ArchiveDamaged):
            entries_of(path)
    path.write_bytes(whole)
    assert set(entries_of(path)) == {"a", "b", "c/d"}


def test_a_tar_without_its_end_mark_is_damaged(tmp_path: Path) -> None:
    """Cut between two entries, nothing else would show it."""
    whole = tar(member("a", b"1"), member("b", b"2"))
    (tmp_path / "a").write_bytes(whole[:2048])

    with pytest.raises(ArchiveDamaged, match="ends too early"):
        entries_of(tmp_path / "a")


@given(st.data())
def test_whatever_is_changed_in_an_archive_it_fails_as_an_archive(data: st.DataObject) -> None:
    """Random changes end in a failure that says so, or in something within the destination."""
    whole = bytearray(
        tar(
            member("a", b"text" * 200),
            member("d/" + "b" * 120, b"long"),
            member("l", kind=LINK, target="a"),
            member("h", kind=HARD, target="a"),
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            _mend_checksum(whole, place // 512 * 512)
    with tempfile.NamedTemporaryFile() as file:
        file.write(whole)
        file.flush()
        try:
            entries = entries_of(Path(file.name))
        except ArchiveFailed:
            return
    for name in entries:
        assert not name.startswith("/")
        assert ".." not in name.split("/")


def _mend_checksum(data: bytearray, begin: int) -> None:
    header = data[begin : begin + 512]
    header[148:156] = b" " * 8
    data[begin + 148 : begin + 156] = b"%06o\0 " % sum(header)


def _header(name: bytes, size: bytes, kind: bytes) -> bytes:
    header = bytearray(512)
    header[: len(name)] = name
    header[100:108] = b"0000644\0"
    header[124 : 124 + len(size)] = size
    header[136:148] = b"00000000000\0"
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    _mend_checksum(header, 0)
    return bytes(header)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        # A negative size, by which `tarfile` went in a circle.
        (_header(b"a", b"\xff" * 10 + b"\xfc\0", b"0") + bytes(4096), ArchiveDamaged),
        (_header(b"a", b"\xff" * 10 + b"\xfc\0", b"L") + bytes(4096), ArchiveDamaged),
        # A header of attributes that claims eight gigabytes, to be read at once.
        (_header(b"a", b"77777777777\0", b"x") + bytes(4096), ArchiveDamaged),
        # A file that claims eight gigabytes.
        (_header(b"a", b"77777777777\0", b"0") + bytes(4096), ArchiveTooLarge),
        # Long names of long names of long names.
        (_header(b"a", b"00000000001\0", b"L") * 3000 + bytes(1024), ArchiveDamaged),
    ],
    ids=["negative", "negative name", "attributes", "file", "nested"],
)
def test_headers_that_lie_are_found_out(
    data: bytes, kind: type[PeacefulError], tmp_path: Path
) -> None:
    """What an archive claims is not believed before it is there."""
    (tmp_path / "a").write_bytes(data)

    with pytest.raises(kind):
        entries_of(tmp_path / "a")


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"]
)
def test_a_bomb_is_found_out_while_it_is_unpacked(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Zeros that take little room are not unpacked beyond what is allowed."""
    whole = tar(member("a", bytes(20_000_000)))
    (tmp_path / "a").write_bytes(pack(whole))
    (tmp_path / "b").write_bytes(pack(tar(member("a", b"x")) + bytes(20_000_000)))

    for name in ("a", "b"):
        with pytest.raises(ArchiveTooLarge):
            entries_of(tmp_path / name)


def test_an_xz_that_asks_for_too_much_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What unpacking needs is bounded."""
    monkeypatch.setattr(_stream, "_XZ_MEMORY", 1_000_000)
    (tmp_path / "a").write_bytes(lzma.compress(tar(member("a", b"x"))))

    with pytest.raises(ArchiveDamaged, match=r"(?i)memory"):
        entries_of(tmp_path / "a")


@pytest.mark.parametrize("padding", [0, 4, 2_000_000])
def test_several_xz_streams_are_one_archive(padding: int, tmp_path: Path) -> None:
    """As other programs write them, with or without padding between."""
    whole = tar(member("a", b"1" * 5000), member("b", b"2"))
    parts = (
        lzma.compress(whole[:700]) + bytes(padding) + lzma.compress(whole[700:]) + bytes(padding)
    )
    (tmp_path / "a").write_bytes(parts)

    assert set(entries_of(tmp_path / "a")) == {
        "a",
        "b",
    }


def test_several_zstd_frames_are_one_archive(tmp_path: Path) -> None:
    """As other programs write them."""
    whole = tar(member("a", b"1" * 5000), member("b", b"2"))
    pack = PACKERS["zst"]
    (tmp_path / "a").write_bytes(pack(whole[:700]) + pack(whole[700:]))

    assert set(entries_of(tmp_path / "a")) == {
        "a",
        "b",
    }


def test_a_changed_bit_in_what_is_packed_is_found_out(tmp_path: Path) -> None:
    """The checksum at the end of what is packed is looked at."""
    whole = bytearray(gzip.compress(tar(member("a", b"1" * 50))))
    whole[-8] ^= 1
    (tmp_path / "a").write_bytes(whole)

    with pytest.raises(ArchiveDamaged, match="CRC"):
        entries_of(tmp_path / "a")


def test_without_a_module_for_zstd_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    (tmp_path / "a").write_bytes(packed({"a": "x"}, "a.zst"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)

    with pytest.raises(ExtraMissing) as caught:
        entries_of(tmp_path / "a")
    assert 'pip install "peaceful[archive]"' in caught.value.help


def test_pythons_own_zstd_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.14 on nothing needs to be installed."""
    module = types.ModuleType("compression.zstd")
    vars(module)["ZstdFile"] = lambda _: io.BytesIO(tar(member("a", b"x")))
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", module)
    (tmp_path / "a").write_bytes(packed({}, "a.zst"))

    assert set(entries_of(tmp_path / "a")) == {"a"}


def test_sparse_files_are_whole_files(tmp_path: Path) -> None:
    """Holes are zeros."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(100_000)
        file.write(b"end")
    archive = tmp_path / "a.tar"
    subprocess.run(["tar", "-S", "-cf", archive, "-C", tmp_path, "sparse"], check=True)

    entries = entries_of(archive)
    with Tree(tmp_path, ".temporary") as tree:
        looked = tree.look("sparse", lambda: None)
    assert looked is not None
    assert looked[0] == entries["sparse"]


# ---- trouble on the way


async def test_an_archive_that_changes_meanwhile_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and extracting: what is not what it was is not written."""
    harness = extraction(tmp_path, tar(member("a", b"1"), member("b", b"2")))

    def changing(path: Path, limits: Limits) -> object:
        path.write_bytes(tar(member("a", b"1"), member("/x", b"y"), member("b", b"!")))
        return opened(path, limits)

    monkeypatch.setattr(_extract, "opened", changing)
    error = await failure(harness)

    assert isinstance(error, ArchiveChanged)
    assert "changed while it was read" in error.message
    assert not (tmp_path / "out" / "a").exists()
    assert not (tmp_path / "out" / "b").exists()


async def test_an_archive_that_is_gone_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is missed where it is needed; what would be removed only needs none."""
    harness = extraction(tmp_path, tar(member("a", b"1"), member("l", kind=LINK, target="a")))

    def removing(path: Path, limits: Limits) -> object:
        path.unlink()
        return opened(path, limits)

    monkeypatch.setattr(_extract, "opened", removing)

    assert isinstance(await failure(harness), ArchiveMissing)


async def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed and what is free are told."""
    harness = extraction(tmp_path, tar(member("a", b"1" * 5000)))
    monkeypatch.setattr(Tree, "free", lambda _: 4_999)

    error = await failure(harness)

    assert isinstance(error, DiskFailed)
    assert "5.0 kB are needed, 5.0 kB are free" in error.message
    assert "free some disk space" in error.help
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("call", ["write", "fchmod", "rename", "mkdir", "symlink"])
async def test_a_refusal_of_the_system_is_told_and_leaves_nothing_half(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system refuses is told with the file, and the next command carries on."""
    members = (member("d/a", b"123" * 99), member("l", kind=LINK, target="d"))
    harness = extraction(tmp_path, tar(*members))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    refusing = types.SimpleNamespace(**{**vars(os), call: refuse})
    with monkeypatch.context() as patched:
        patched.setattr(_tree, "os", refusing)
        if call == "write":
            patched.setattr(_tree, "write_all", refuse)
        error = await failure(harness)

    assert isinstance(error, DiskFailed)
    assert "Input/output error" in error.message
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert (tmp_path / "out" / "d" / "a").read_bytes() == b"123" * 99
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "d", "l", ".extracted.json"
    }  # fmt: skip


async def test_an_archive_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    """A folder in place of the archive, say."""
    (tmp_path / "folder").mkdir()
    item = TarExtract(tar_path=tmp_path / "folder", dest=tmp_path / "out")

    error = await failure(ItemHarness(item, tmp_path))

    assert isinstance(error, DiskFailed)
    assert "could not be read: Is a directory" in error.message
