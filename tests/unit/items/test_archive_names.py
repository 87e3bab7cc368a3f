"""Which names and links of an archive are safe: by rules, and by walking every way through them."""

from __future__ import annotations

import re
import tarfile
from posixpath import split
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peaceful.items._tar import _names
from peaceful.items._tar._archive import _Header
from peaceful.items._tar._names import (
    FileEntry,
    FolderEntry,
    Kind,
    LinkEntry,
    Manifest,
    NameRefused,
    check_target,
    checked_name,
    usual_name,
)

_PARTS = st.sampled_from(["a", "b", "c", "..", ".", ""])
_PATHS = st.lists(_PARTS, max_size=6).map("/".join)
_FILE = FileEntry(0o644, 0, "0" * 64)


@given(_PATHS)
def test_a_name_that_is_let_through_stays_within(raw: str) -> None:
    """It has no part that leads up, and none that means nothing."""
    try:
        name = checked_name(raw)
    except NameRefused:
        assert raw.startswith("/") or ".." in raw.split("/")
        return
    assert not {"", ".", ".."} & set(name.split("/")) or name == ""


def _checked(raw: str) -> str:
    try:
        return f"let through as {checked_name(raw)}"
    except NameRefused as error:
        return str(error)


_ODD = st.sampled_from(["a", ".", "..", "...", ".a", "", "b c", "ü", "\x1f", "\x7f", "x" * 255])


@given(st.lists(_ODD, max_size=17).map("/".join))
@example("a/../b")
@example("./../b")
@example("x" * 256)
def test_what_needs_no_closer_look_is_what_would_pass_one(raw: str) -> None:
    """Usual names take a short way, which leads to the same end."""
    quick = _checked(raw), usual_name(raw)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_names, "_PLAIN", re.compile(r"(?!)"))
        assert (_checked(raw), usual_name(raw)) == quick


@given(
    name=st.text("ab/. ü", min_size=1, max_size=100),
    numbers=st.tuples(*[st.integers(0, 0o7777), st.integers(0, 2**40), st.integers(-1, 2**34)]),
    form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT]),
    kind=st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE]),
    changes=st.dictionaries(st.integers(0, 511), st.integers(0, 255), max_size=3),
    is_mended=st.booleans(),
)
@example("a", (0o644, 1, 1), tarfile.USTAR_FORMAT, tarfile.REGTYPE, {0: 66}, False)
@example("a", (0o644, 1, 1), tarfile.USTAR_FORMAT, tarfile.REGTYPE, {345: 66}, True)
def test_a_header_is_read_as_by_tarfile(
    name: str,
    numbers: tuple[int, int, int],
    form: Literal[0, 1],
    kind: bytes,
    changes: dict[int, int],
    is_mended: bool,
) -> None:
    """Those of usual files take a short way, which finds the same, or the same errors."""
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.mtime = numbers
    info.type = kind
    try:
        data = bytearray(info.tobuf(form)[-512:])
    except ValueError:
        return  # Too large a number for that format.
    for place, byte in changes.items():
        data[place] = byte
    if is_mended:
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data)

    def read(how: type[tarfile.TarInfo]) -> object:
        try:
            found = how.frombuf(bytes(data), "utf-8", "surrogateescape")
        except tarfile.TarError as error:
            return type(error)
        # GNU's back-ups have times where other formats have the rest of a name.
        is_named = data[257:265] != b"ustar  \0" or data[345] == 0
        return is_named and found.name, found.mode, found.size, found.mtime, found.type

    assert read(_Header) == read(tarfile.TarInfo)


@given(st.lists(st.tuples(_PATHS, _PATHS), max_size=8))
def test_no_way_through_links_leads_out(drawn: list[tuple[str, str]]) -> None:
    """Wherever one goes from a link that is let through, by further links too, one stays within."""
    links = _let_through(drawn)

    for name, target in links.items():
        assert _walk(split(name)[0], target, links, 50) is not None


def _let_through(drawn: list[tuple[str, str]]) -> dict[str, str]:
    """By name, the targets of those links that an archive may have together."""
    manifest = Manifest()
    for raw, target in drawn:
        name = manifest.name_of(raw, Kind.LINK)
        if name is not None:
            manifest.add(name, raw, LinkEntry(target))
    manifest.close()
    refused = {name for name, _ in manifest.refused}
    if refused:
        return _let_through([link for link in drawn if not {link[0], _name(link[0])} & refused])
    entries = manifest.listing.entries.items()
    return {name: entry.target for name, entry in entries if isinstance(entry, LinkEntry)}


def _name(raw: str) -> str:
    return "/".join(part for part in raw.split("/") if part not in ("", "."))


def _walk(folder: str, path: str, links: dict[str, str], left: int) -> str | None:
    """Where a path leads from a folder, as the system follows it; none where that is outside."""
    here = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return None
            here.pop()
            continue
        here.append(part)
        name = "/".join(here)
        if name in links and left:
            found = _walk(split(name)[0], links[name], links, left - 1)
            if found is None:
                return None
            here = [each for each in found.split("/") if each]
    return "/".join(here)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a", "b"),
        ("a", "./b/c"),
        ("d/a", "../b"),
        ("d/e/a", "../../b/c"),
        ("a", "."),
        ("d/a", ".."),
    ],
)
def test_links_that_stay_within_are_let_through(name: str, target: str) -> None:
    """Up at most to the destination, and down from there."""
    check_target(name, target)


def test_folders_are_kept_only_where_nothing_is_in_them() -> None:
    """Whether an archive names its folders makes no difference."""
    manifest = Manifest()
    for name in ("a", "a/b", "c", "d/e"):
        manifest.add(name, name, FolderEntry())
    manifest.add("a/b/f", "a/b/f", _FILE)
    manifest.close()

    assert manifest.listing.entries == {"c": FolderEntry(), "d/e": FolderEntry(), "a/b/f": _FILE}
    assert manifest.refused == []


def test_the_destination_itself_may_be_named() -> None:
    """As most programs do, first."""
    manifest = Manifest()

    assert manifest.name_of("./", Kind.FOLDER) is None
    assert manifest.refused == []
