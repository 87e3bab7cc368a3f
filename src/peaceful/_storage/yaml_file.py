"""YAML files that keep the text and comments of entries that do not change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Final, cast

import msgspec
import yaml

from peaceful._errors.running import FileDamaged, FormatTooNew
from peaceful._model.codec import JsonValue
from peaceful._storage.files import read_file, write_file_atomically
from peaceful._storage.yaml import YamlEntry, YamlProblem, dump_each, line_and_column, parse

FORMAT: Final = 1
"""Version of the files' layout, which their first line names."""

_FORMAT: Final = re.compile(r"#.*\(peaceful format (\d{1,9})\)")
_CORRECT: Final = "correct the file in an editor"

_DOCUMENT_MARK: Final = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^#", re.MULTILINE)
_LEAD: Final = re.compile(r"(?:#.*\n|[ \t]*\n)*")


class Pieces(msgspec.Struct, frozen=True):
    """The text of a file: its head, each entry with the comments above it, and its tail."""

    head: str
    texts: Mapping[str, str]
    tail: str

    def joined(self) -> str:
        return "".join((self.head, *self.texts.values(), self.tail))


def cut(text: str, entries: Sequence[YamlEntry]) -> Pieces | None:
    """Return a text in pieces, or None if an entry does not have lines of its own."""
    if _DOCUMENT_MARK.search(text):
        return None
    if not entries:
        return Pieces(text, {}, "")
    starts: list[int] = []
    for number, entry in enumerate(entries):
        line = text.rfind("\n", 0, entry.start) + 1
        if text[line : entry.start] not in ("", "? "):
            return None
        starts.append(line if number == 0 else _comment(text, entries[number - 1].end, line))
    end = _comment(text, entries[-1].end, len(text))
    starts.append(end)
    texts = {
        entry.key: text[start:stop]
        for entry, (start, stop) in zip(entries, pairwise(starts), strict=True)
    }
    last = entries[-1].key
    if not texts[last].endswith("\n"):
        texts[last] += "\n"
    return Pieces(text[: starts[0]], texts, text[end:])


def renewed(old: str | None, new: str) -> str:
    """Return the new text of an entry, below the comments of the old one."""
    if old is None:
        return new
    lead = _LEAD.match(old)
    assert lead is not None
    return lead[0] + new


def merged_order(present: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Return keys in a stable order: present ones stay where they are, new ones come in between.

    A new key follows its predecessor in `wanted`, or comes first if it has none there. What is in
    `wanted` twice counts once.
    """
    order = list(present)
    there = set(order)
    placed = set(order)
    after: dict[str | None, list[str]] = {}
    anchor: str | None = None
    for key in wanted:
        if key not in placed:
            after.setdefault(anchor, []).append(key)
            placed.add(key)
        elif key in there:
            anchor = key
    merged = list(after.get(None, ()))
    for key in order:
        merged.append(key)
        merged += after.get(key, ())
    return merged


def _comment(text: str, start: int, stop: int) -> int:
    """Return where the first comment in a gap between two entries begins, or the end of the gap."""
    found = _COMMENT.search(text, start, stop)
    return stop if found is None else found.start()


def read_yaml(path: Path) -> dict[str, JsonValue] | None:
    """Return the content of a file, or None if there is none.

    Raises `StorageError` with the place.
    """
    data = read_file(path)
    if data is None:
        return None
    return {entry.key: entry.value for entry in entries_of(path, text_of(path, data))}


def write_yaml(
    path: Path,
    data: Mapping[str, JsonValue],
    *,
    comment: str,
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Write a file, in the order of the data. Unchanged entries keep their text and comments.

    A new file begins with the comment, which is one line. Entries that had another key before, by
    `renamed`, keep their comments, too. A damaged file is left alone. Raises `StorageError`, or
    `ValueError` or `TypeError` for data that cannot be written.
    """
    head = head_for(comment)
    old = read_file(path)

    def texts() -> Iterator[str]:
        # Made anew each time: a file may be larger than what is to be in memory at once.
        return chain([head], (text for _, text in dump_each(data)))

    if old is not None:
        # As it nearly always is: then there is no need to know what it says.
        if _is_made_of(old, texts()):
            return
        text = text_of(path, old)
        entries = entries_of(path, text)
        pieces = cut(text, entries) if entries else None
        if pieces is not None:
            before = {each.key: each.value for each in entries}
            former = {new: old for old, new in (renamed or {}).items()}
            texts = partial(_merged, pieces, before, data, former)
            if _is_made_of(old, texts()):
                return
    write_file_atomically(path, (text.encode() for text in texts()))


def _is_made_of(whole: bytes, texts: Iterable[str]) -> bool:
    place = 0
    for text in texts:
        part = text.encode()
        if not whole.startswith(part, place):
            return False
        place += len(part)
    return place == len(whole)


def _merged(
    old: Pieces,
    before: Mapping[str, JsonValue],
    data: Mapping[str, JsonValue],
    former: Mapping[str, str],
) -> Iterator[str]:
    """Yield the text of a file, perhaps edited by a person, with changed entries renewed."""
    yield old.head
    for key, new in dump_each(data):
        if key in before and is_same(before[key], data[key]):
            yield old.texts[key]
        else:
            yield renewed(old.texts.get(former.get(key, key)), new)
    yield old.tail


def place_in_yaml(path: Path, keys: Sequence[str]) -> str:
    """Return where a file has a path of keys, such as `line 3, column 7`, as far as it is there."""
    data = read_file(path)
    return "" if data is None else place_in_text(text_of(path, data), keys)


def place_in_text(text: str, keys: Sequence[str]) -> str:
    """Return where a valid text has a path of keys, as `place_in_yaml` does."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    place = ""
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            break
        pairs = cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value)
        found = next((pair for pair in pairs if pair[0].value == key), None)
        if found is None:
            break
        mark, node = found[0].start_mark, found[1]
        assert mark is not None
        place = f"line {mark.line + 1}, column {mark.column + 1}"
    return place


def text_of(path: Path, data: bytes, *, help: str = _CORRECT) -> str:
    r"""Return the text of a file, with `\n` at the ends of lines and without a byte order mark.

    Raises `FileDamaged` if it is not UTF-8, and `FormatTooNew`.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = line_and_column(data.decode("latin-1"), error.start)
        place = f"line {line}, byte {column}"
        raise FileDamaged(path, place, "it is not text in UTF-8", help=help) from None
    text = text.replace("\r\n", "\n")
    version = format_of(text)
    if version is not None and version > FORMAT:
        raise FormatTooNew(path, version, FORMAT)
    return text


def format_of(text: str) -> int | None:
    """Return the version of the layout that the first line names, or None."""
    found = _FORMAT.match(text)
    return None if found is None else int(found[1])


def entries_of(path: Path, text: str, *, help: str = _CORRECT) -> list[YamlEntry]:
    """Return the entries of a file's text, or raise `FileDamaged`."""
    try:
        return parse(text)
    except YamlProblem as error:
        place = f"line {error.line}, column {error.column}"
        raise FileDamaged(path, place, error.reason, help=help) from None


def head_for(comment: str) -> str:
    """Return the first lines of a file, or raise `ValueError` if the comment has several lines."""
    if len(comment.splitlines()) != 1:
        raise ValueError("a comment must be one line")
    return f"# {comment} (peaceful format {FORMAT})\n\n"


def is_same(before: JsonValue, after: JsonValue) -> bool:
    """Return whether two values are written alike; in Python `1`, `1.0` and `True` are equal."""
    return json.dumps(before) == json.dumps(after, default=dict)
