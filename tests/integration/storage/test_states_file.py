"""A file of states: read fast, changed entry by entry, never cut short unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import pytest
from example_counts import examples
from file_versions import version_of
from hypothesis import given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage import states_file as _states_file
from peaceful._storage.states_file import StatesFile
from peaceful._storage.stored_state import time_text
from peaceful._storage.yaml import Writable, YamlEntry, dump_each
from peaceful._storage.yaml_file import entries_of
from peaceful.commands import StateKind, StoredState
from peaceful.errors import FileDamaged, FormatTooNew, StorageError

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _state(value: JsonValue = None, since: datetime | None = None) -> StoredState:
    return StoredState("File", 1, value, {"path": "x"}, AT, since)


def _many(count: int) -> dict[str, StoredState | None]:
    return {f"item_{number}": _state({"n": number, "text": "x" * 100}) for number in range(count)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, or will be."""
    return tmp_path / "states_current.yaml"


def _opened(path: Path) -> StatesFile:
    """The file, as a process finds it that has not read it before."""
    return StatesFile(path, StateKind.CURRENT, now=lambda: AT, sync=False)


ENTRY = """\
a:
  kind: File
  version: 1
  at: 2026-01-31T12:00:00Z
  state: 1
  params:
    path: x
"""
HEAD = (
    "# What each item is, as it was last found or made. Written by the program. "
    "(peaceful format 1)\n\n"
)
END = "# end of states\n"


def _signed(text: str) -> str:
    """The text as the program writes it, which tells when that was."""
    digest = blake2b(f"{text}{END}".encode(), digest_size=8).hexdigest()
    return f"{text}# written {time_text(AT)}, digest {digest}\n{END}"


def test_form(path: Path) -> None:
    """A head that says what it is, an entry per item, a line that says where it ends."""
    _opened(path).save({"a": _state(1)}, ["a"])

    assert path.read_text() == _signed(HEAD + ENTRY)
    assert _opened(path).load() == {"a": _state(1)}


def test_no_file(path: Path) -> None:
    """Where there is no file, nothing is stored, and saving nothing makes none."""
    assert _opened(path).load() == {}
    _opened(path).save({"a": None}, [])
    assert not path.exists()


def test_entries_come_and_go(path: Path) -> None:
    """Entries are added in the flow's order, changed in their place, and removed."""
    file = _opened(path)
    file.save({"c": _state(3), "a": _state(1)}, ["a", "b", "c"])
    file.save({"b": _state(2), "a": _state(9), "x": _state(0)}, ["a", "b", "c"])
    assert list(_opened(path).load().items()) == [
        *(("a", _state(9)), ("b", _state(2)), ("x", _state(0)), ("c", _state(3)))
    ]

    _opened(path).save(dict.fromkeys("abcx"), [])
    assert path.read_text() == _signed(HEAD)
    assert _opened(path).load() == {}

    _opened(path).save({"a": _state(1)}, ["a"])
    assert path.read_text() == _signed(HEAD + ENTRY)


@pytest.mark.parametrize("count", [3, 1000])
def test_only_what_changes_is_written_anew(
    path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many entries, only those that change are turned into YAML; where none does, nothing is."""
    _opened(path).save(_many(count), [])
    dumped: list[str] = []

    def watched(data: Mapping[str, Writable]) -> Iterator[tuple[str, str]]:
        dumped.extend(data)
        return dump_each(data)

    monkeypatch.setattr(_states_file, "dump_each", watched)
    file = _opened(path)
    file.save({**_many(count), "item_1": _state("new")}, [])
    assert dumped == ["item_1"]

    before = version_of(path)
    file.save(_many(count) | {"item_1": _state("new"), "none": None}, [])
    assert dumped == ["item_1"]
    assert version_of(path) == before


@pytest.mark.parametrize("count", [3, 1000])
def test_equal_is_not_the_same(path: Path, count: int) -> None:
    """A state that Python takes for equal to the stored one, but that differs, is stored."""
    _opened(path).save({**_many(count), "a": _state({"x": 1})}, [])
    _opened(path).save({"a": _state({"x": True})}, [])

    assert repr(_opened(path).load()["a"].state) == "{'x': True}"


def test_comments_stay(path: Path) -> None:
    """What people write beside and above entries stays when others change."""
    _opened(path).save({"a": _state(1), "b": _state(2)}, [])
    text = path.read_text().replace("a:\n", "# see the wiki\na:   # mine\n")
    path.write_text(text.replace("  state: 1\n", "  # odd\n  state:   1\n"))
    _opened(path).save({"b": _state(3)}, [])
    assert "# see the wiki\na:   # mine\n" in path.read_text()
    assert "  # odd\n  state:   1\n" in path.read_text()

    _opened(path).save({"a": _state(2)}, [])
    assert "# see the wiki\na:\n  kind: File\n" in path.read_text()
    assert _opened(path).load() == {"a": _state(2), "b": _state(3)}


def test_unknown_keys_stay(path: Path) -> None:
    """What an entry says beyond what is known here stays, also when the entry changes."""
    path.write_text(ENTRY + "  note: mine\n")
    _opened(path).save({"a": _state(2)}, [])

    assert path.read_text() == ENTRY.replace("state: 1", "state: 2") + "  note: mine\n"
    assert _opened(path).load() == {"a": _state(2)}


@pytest.mark.parametrize(
    "text",
    ["{a: {in_progress_since: 2026-01-31}}\n", "---\na:\n  in_progress_since: 2026-01-31\n"],
)
def test_files_in_another_form(path: Path, text: str) -> None:
    """A file that is written otherwise is read, and written in our form when it changes."""
    path.write_text(text)
    expected = StoredState.in_progress(datetime(2026, 1, 31, tzinfo=UTC))
    assert _opened(path).load() == {"a": expected}

    _opened(path).save({"b": _state(1)}, [])
    assert _opened(path).load() == {"b": _state(1), "a": expected}
    assert path.read_text() == _signed(
        f"{HEAD}{ENTRY.replace('a:', 'b:', 1)}a:\n  in_progress_since: 2026-01-31T00:00:00Z\n"
    )


def test_cut_short_anywhere(path: Path) -> None:
    """Cut at any byte, the file is refused: what is left of it may look whole and be wrong."""
    _opened(path).save({"a": _state(1), "b": _state({"text": "two words", "many": "a\nb\n"})}, [])
    data = path.read_bytes()
    for length in range(len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(FileDamaged) as caught:
            _opened(path).load()
        assert caught.value.path == path
        assert "`discover`" in caught.value.help
    path.write_bytes(data[:-1])
    assert set(_opened(path).load()) == {"a", "b"}


def test_flipped_anywhere(path: Path) -> None:
    """With any bit flipped, the file is refused, or it is told that it was changed.

    But for the line that would tell it, which says nothing of states.
    """
    _opened(path).save({"a": _state({"text": "two words"})}, [])
    data = path.read_bytes()
    line = range(data.index(b"# written "), data.index(b"# end of states"))
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            with suppress(StorageError):
                file = _opened(path)
                assert len(file.load()) == 1
                assert file.take_over() == time_text(AT) or place in line


def _edited(path: Path) -> None:
    path.write_text(path.read_text().replace("state: 1", "state: 9"))


@pytest.mark.parametrize("count", [3, 1000])
def test_a_change_by_hand(path: Path, count: int) -> None:
    """It is told until it was taken over and the file is written again, also with nothing new."""
    _opened(path).save({**_many(count), "a": _state(1)}, [])
    assert _opened(path).take_over() == ""
    _edited(path)
    for changes in ({}, {"b": _state(2)}):
        # Whoever writes the file in between does not hide what nobody was told.
        _opened(path).save(changes, [])
        assert _opened(path).take_over() == time_text(AT)
    file = _opened(path)
    assert file.take_over() == time_text(AT)
    file.save({}, [])

    assert file.take_over() == _opened(path).take_over() == ""
    assert _opened(path).load()["a"] == _state(9)


def test_a_change_after_the_last_was_taken_over(path: Path) -> None:
    """What is changed between then and the next writing is told by the next that looks."""
    _opened(path).save({"a": _state(1), "b": _state(1)}, [])
    file = _opened(path)
    assert file.take_over() == ""
    _edited(path)
    file.save({"b": _state(2)}, [])

    assert _opened(path).take_over() == time_text(AT)


def test_what_is_no_change(path: Path) -> None:
    """Other ends of lines, as some tools make them, are none; nor is another file of ours."""
    _opened(path).save({"a": _state(1)}, [])
    before = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + before.replace(b"\n", b"\r\n"))
    assert _opened(path).take_over() == ""
    _opened(path).save({"a": _state(2)}, [])
    path.write_bytes(before)
    assert _opened(path).take_over() == ""
    path.unlink()
    assert _opened(path).take_over() == ""


def test_a_change_of_a_file_without_an_end(path: Path) -> None:
    """Where a person took away all that tells where the file ends, it is told once, too."""
    _opened(path).save({"a": _state(1)}, [])
    path.write_text(path.read_text().removeprefix(HEAD).removesuffix(END))
    file = _opened(path)
    assert file.take_over() == time_text(AT)
    file.save({}, [])

    assert _opened(path).take_over() == ""
    assert path.read_text() == ENTRY


@pytest.mark.parametrize("text", [HEAD + ENTRY + END, ENTRY, f"# mine\n{ENTRY}"])
def test_files_that_do_not_tell_when_they_were_written(path: Path, text: str) -> None:
    """Of those that earlier versions or people wrote, nothing is claimed."""
    path.write_text(text)
    assert _opened(path).take_over() == ""
    _opened(path).save({"b": _state(1)}, [])

    assert _opened(path).take_over() == ""
    assert ("# written" in path.read_text()) is (END in text)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "", "it is empty"),
        ("# only a comment\n", "", "it is empty"),
        (HEAD, "line 3", "it ends early: its last line should be '# end of states'"),
        (HEAD + ENTRY, "line 10", "it ends early"),
        ("a: 1\n", "line 1, column 1", "a is wrong: it must have `kind`"),
        ("\na:\n  kind: File\n", "line 2, column 1", "a is wrong: `version` is missing"),
        (ENTRY.replace("version: 1", "version: one"), "line 3, column 3", "of a, version is wrong"),
        (ENTRY + ENTRY, "line 8, column 1", "'a' is here for the second time"),
        (ENTRY.replace("state: 1", "state: [1"), "line 6, column 9", "did not find expected"),
    ],
)
def test_broken_files(path: Path, text: str, place: str, reason: str) -> None:
    """A broken file is refused with the place and the reason, when reading and when writing."""
    path.write_text(text)
    for use in (_opened(path).load, lambda: _opened(path).save({"b": _state()}, [])):
        with pytest.raises(FileDamaged) as caught:
            use()
        assert caught.value.place == place
        assert reason in caught.value.message
    assert path.read_text() == text


def test_later_format(path: Path) -> None:
    """A file of a later version is refused as such."""
    path.write_text(HEAD.replace("format 1", "format 12") + ENTRY)
    with pytest.raises(FormatTooNew, match="format version 12"):
        _opened(path).load()


def _side_file(path: Path) -> Path:
    return path.with_name(".states_current.cache")


def test_side_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long file that the program wrote itself, the YAML is not parsed."""
    _opened(path).save(_many(1000), [])
    assert _side_file(path).exists()
    parsed: list[Path] = []

    def watched(path: Path, text: str, *, help: str) -> list[YamlEntry]:
        parsed.append(path)
        return entries_of(path, text, help=help)

    monkeypatch.setattr(_states_file, "entries_of", watched)
    assert _opened(path).load() == _many(1000)
    assert parsed == []

    path.write_text(path.read_text().replace("version: 1", "version: 2", 1))
    assert _opened(path).load()["item_0"].version == 2
    assert parsed == [path]


def test_no_side_file(path: Path) -> None:
    """A short file has none beside it."""
    _opened(path).save(_many(10), [])

    assert not _side_file(path).exists()


def test_side_file_in_any_state(path: Path, tmp_path: Path) -> None:
    """Lost, damaged, unreadable or not writable, it changes nothing but the time."""
    _opened(path).save(_many(1000), [])

    def folder_instead() -> None:
        _side_file(path).unlink()
        _side_file(path).mkdir()

    spoils: list[Callable[[], object]] = [
        _side_file(path).unlink,
        lambda: _side_file(path).write_bytes(b"nonsense"),
        folder_instead,
    ]
    for spoil in spoils:
        spoil()
        file = _opened(path)
        assert file.load() == _many(1000)
        file.save({"item_5": _state("new")}, [])
        assert _opened(path).load() == _many(1000) | {"item_5": _state("new")}
        file.save(_many(1000), [])


def test_read_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that did not change is not read again; one that did is, whatever its time says."""
    file = _opened(path)
    file.save(_many(3), [])
    first = file.load()
    assert file.load() is first

    path.write_text(path.read_text().replace("item_0:", "item_9:"))
    assert set(file.load()) == {"item_9", "item_1", "item_2"}
    path.unlink()
    assert file.load() == {}


def test_a_failed_save_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a save that was refused, what is loaded is what is on disk."""
    file = _opened(path)
    file.save({"a": _state(1)}, [])

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", refuse)
        with pytest.raises(StorageError):
            file.save({"a": _state(2)}, [])
    assert file.load() == _opened(path).load() == {"a": _state(1)}


values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
changes = st.dictionaries(
    st.sampled_from(["a", "b", "no", "日本", "x" * 100, "日" * 100]),
    st.none() | values.map(_state) | st.just(StoredState.in_progress(AT)),
)


@examples(20)
@given(st.lists(changes, max_size=5))
def test_any_changes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Mapping[str, StoredState | None]]
) -> None:
    """After any changes, by one process or by many, the file has what was stored last."""
    path = tmp_path_factory.mktemp("states") / "states_current.yaml"
    file, model = _opened(path), dict[str, StoredState]()
    for step in steps:
        file.save(step, list(step))
        for item, stored in step.items():
            if stored is None:
                model.pop(item, None)
            else:
                model[item] = stored
        assert file.load() == model
        assert _opened(path).load() == model
