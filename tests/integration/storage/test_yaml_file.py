"""YAML files that people read and change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from file_versions import version_of
from hypothesis import given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage.yaml_file import place_in_yaml, read_yaml, write_yaml
from peaceful.errors import FileDamaged, FileInaccessible, FormatTooNew

COMMENT = "Parameters of a profile."
HEAD = "# Parameters of a profile. (peaceful format 1)\n\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, or will be."""
    return tmp_path / "params.yaml"


def test_no_file(path: Path) -> None:
    """Where there is no file, there is nothing to read, and none is made."""
    assert read_yaml(path) is None
    assert place_in_yaml(path, ("a",)) == ""
    assert not path.exists()


def test_what_is_written(path: Path) -> None:
    """The first line says what the file is; what is written is read."""
    data: dict[str, JsonValue] = {"url": "http://127.0.0.1/", "ports": [1, 2], "on": "no"}
    write_yaml(path, data, comment=COMMENT)

    assert path.read_text() == (f"{HEAD}url: http://127.0.0.1/\nports:\n- 1\n- 2\n'on': 'no'\n")
    assert read_yaml(path) == data


def test_nothing_is_a_document(path: Path) -> None:
    """No entries are no error, in either direction."""
    write_yaml(path, {}, comment=COMMENT)
    assert path.read_text() == HEAD
    assert read_yaml(path) == {}

    write_yaml(path, {"a": 1}, comment=COMMENT)
    assert path.read_text() == f"{HEAD}a: 1\n"


def test_what_people_write_stays(path: Path) -> None:
    """Comments and ways of writing stay in what does not change, and comments above what does."""
    path.write_text("# mine\na:   [1,   2]  # odd\n# about b\nb: 1\n\n# gone\nc: 1\n# last\n")
    write_yaml(path, {"a": [1, 2], "d": 4, "b": 2}, comment=COMMENT)

    assert path.read_text() == ("# mine\na:   [1,   2]  # odd\nd: 4\n# about b\nb: 2\n# last\n")


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), ([1], [True])])
def test_equal_is_not_the_same(path: Path, before: JsonValue, after: JsonValue) -> None:
    """Values that Python takes for equal, but that are not the same, are written anew."""
    write_yaml(path, {"a": before}, comment=COMMENT)
    write_yaml(path, {"a": after}, comment=COMMENT)

    read = read_yaml(path)
    assert read is not None
    assert repr(read["a"]) == repr(after)


def test_nothing_changed(path: Path) -> None:
    """Where nothing changes, the file is not written."""
    write_yaml(path, {"a": 1}, comment=COMMENT)
    before = version_of(path)
    write_yaml(path, {"a": 1}, comment=COMMENT)

    assert version_of(path) == before


@pytest.mark.parametrize("text", ["{b: 1, a: 2}\n", "---\nb: 1\n", "  b: 1\n"])
def test_files_in_another_form(path: Path, text: str) -> None:
    """A file that is written otherwise is written in our form when it changes."""
    path.write_text(text)
    write_yaml(path, {"b": 1, "c": 3}, comment=COMMENT)

    assert path.read_text() == f"{HEAD}b: 1\nc: 3\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa: 1\nb: x\n",
        b"a: 1\r\nb: x\r\n",
        b"\xef\xbb\xbfa: 1\r\nb: 'x'",
        b"a: 1\rb: x\r",
    ],
)
def test_files_from_other_editors(path: Path, data: bytes) -> None:
    """A byte order mark and other line ends are read as if they were not there."""
    path.write_bytes(data)
    assert read_yaml(path) == {"a": 1, "b": "x"}

    write_yaml(path, {"a": 2, "b": "x"}, comment=COMMENT)
    assert read_yaml(path) == {"a": 2, "b": "x"}


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"a: [1\n", "line 2, column 1", "did not find expected"),
        (b"a: 1\na: 2\n", "line 2, column 1", "for the second time"),
        (b"- a\n", "line 1, column 1", "there must be names here"),
        (b"a: 1\nb: caf\xe9\n", "line 2, byte 7", "it is not text in UTF-8"),
        (b"\xff\xfea\x00", "line 1, byte 1", "it is not text in UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00", "line 1, column 1", "the character U+007F may not stand here"),
        (b"a: 1\n\x00\x00\x00", "line 2, column 1", "the character U+0000 may not stand here"),
    ],
)
def test_broken_files(path: Path, data: bytes, place: str, reason: str) -> None:
    """A broken file is refused with its path, the place and the reason, and is not written over."""
    path.write_bytes(data)
    uses: list[Callable[[], object]] = [
        lambda: read_yaml(path),
        lambda: write_yaml(path, {"a": 1}, comment=COMMENT),
    ]
    for use in uses:
        with pytest.raises(FileDamaged) as caught:
            use()
        assert caught.value.path == path
        assert caught.value.place == place
        assert reason in caught.value.message
        assert caught.value.help == "correct the file in an editor"
    assert path.read_bytes() == data


@given(st.binary(max_size=60))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever bytes a file has, it is read, or refused by name."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with suppress(FileDamaged):
        read_yaml(path)


def test_later_format(path: Path) -> None:
    """A file of a later version is refused as such, and is not written over."""
    path.write_text("# Something new. (peaceful format 2)\na: !new 1\n")
    uses: list[Callable[[], object]] = [
        lambda: read_yaml(path),
        lambda: write_yaml(path, {}, comment=COMMENT),
    ]
    for use in uses:
        with pytest.raises(FormatTooNew, match=r"format version 2; .* knows up to 1"):
            use()


def test_a_folder(path: Path) -> None:
    """A folder in the place of the file is said to be one."""
    path.mkdir(parents=True)
    with pytest.raises(FileDamaged, match="it is a folder, where a file belongs"):
        read_yaml(path)


def test_a_file_above(path: Path) -> None:
    """A file in the place of the folder is said to be in the way."""
    path.write_text("")
    with pytest.raises(FileInaccessible, match="Not a directory"):
        read_yaml(path / "params.yaml")


def test_comments_are_one_line(path: Path) -> None:
    """A comment that would not stay one is refused."""
    for comment in ("", "a\nb: 1"):
        with pytest.raises(ValueError, match="one line"):
            write_yaml(path, {}, comment=comment)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("a",), "line 2, column 1"),
        (("a", "b"), "line 3, column 3"),
        (("a", "b", "0"), "line 3, column 3"),
        (("a", "none"), "line 2, column 1"),
        (("none",), ""),
        ((), ""),
    ],
)
def test_places(path: Path, keys: tuple[str, ...], place: str) -> None:
    """Where a value was set can be told, or where what is around it was."""
    path.write_text("# head\na:\n  b: [1]\n  c: 2\n")

    assert place_in_yaml(path, keys) == place
