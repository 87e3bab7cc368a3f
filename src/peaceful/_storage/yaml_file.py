"""Files in YAML, of which only what has changed is made anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

import msgspec
import yaml

from peaceful._errors.running import FileDamaged, FormatTooNew
from peaceful._model.codec import JsonValue
from peaceful._storage.files import read_file, write_file_atomically
from peaceful._storage.yaml_in import Entry, YamlProblem, line_and_column, parse
from peaceful._storage.yaml_out import dump_each

_DOCUMENT_MARK: Final = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^#", re.MULTILINE)
_LEAD: Final = re.compile(r"(?:#.*\n|[ \t]*\n)*")


class Pieces(msgspec.Struct, frozen=True):
    """The text of a file: what is above its entries, each entry, what is below.

    Attributes:
        head: up to the first entry.
        texts: by key and in their order, the text of each entry, with the comments above it.
        tail: comments after the last entry.
    """

    head: str
    texts: Mapping[str, str]
    tail: str

    def joined(self) -> str:
        """The text of the file."""
        return "".join((self.head, *self.texts.values(), self.tail))


def cut(text: str, entries: Sequence[Entry]) -> Pieces | None:
    """A text in pieces, or none where it is not written with each entry on lines of its own.

    Args:
        text: YAML.
        entries: what it says.
    """
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
    """The new text of an entry, below the comments that stood above the old one."""
    if old is None:
        return new
    lead = _LEAD.match(old)
    assert lead is not None
    return lead[0] + new


def merged_order(present: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Keys in a stable order: those that are there stay where they are, new ones come in between.

    Args:
        present: the keys that are there, in their order.
        wanted: an order that some of them and the new ones should have; a new key goes behind the
            one before it here, or before all where there is none. What is in it twice counts once.
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
    """Where the first comment line in a gap between two entries begins, or the end of the gap."""
    found = _COMMENT.search(text, start, stop)
    return stop if found is None else found.start()


FORMAT: Final = 1
"""The version of the files' layout, which their first line names."""

_FORMAT: Final = re.compile(r"#.*\(peaceful format (\d{1,9})\)")
_CORRECT: Final = "correct the file in an editor"


def read_yaml(path: Path) -> dict[str, JsonValue] | None:
    """What a file says; none where there is no file.

    Args:
        path: the file.

    Raises:
        FileDamaged: it is not what it should be; says where, and why.
        FileInaccessible: the operating system refused.
        FormatTooNew: a later version wrote it.
    """
    data = read_file(path)
    if data is None:
        return None
    return {entry.key: entry.value for entry in entries_of(path, text_of(path, data))}


def write_yaml(path: Path, data: Mapping[str, JsonValue], *, comment: str) -> None:
    """Writes a file, in the order of the data. What does not change keeps its text and comments.

    Args:
        path: the file.
        data: what it should say.
        comment: one line that says what the file is, for a file that is new.

    Raises:
        FileDamaged: there is a file, and it is not what it should be; it is left alone.
        FileInaccessible: the operating system refused; the old file is whole.
        FormatTooNew: a later version wrote the old file.
        ValueError: values are nested too deep, or the comment has several lines.
        TypeError: a value is nothing that JSON can say.
    """
    new = Pieces(head_for(comment), dict(zip(data, dump_each(data), strict=True)), "")
    old = read_file(path)
    # As it nearly always is: then there is no need to know what it says.
    if old == new.joined().encode():
        return
    if old is not None:
        new = _merged(path, text_of(path, old), data, new)
    joined = new.joined().encode()
    if joined != old:
        write_file_atomically(path, joined)


def _merged(path: Path, text: str, data: Mapping[str, JsonValue], new: Pieces) -> Pieces:
    """The pieces of a file that a person may have changed, with new ones for what changes."""
    entries = entries_of(path, text)
    old = cut(text, entries) if entries else None
    if old is None:
        return new
    before = {entry.key: entry.value for entry in entries}
    texts = {
        key: old.texts[key]
        if key in before and is_same(before[key], value)
        else renewed(old.texts.get(key), new.texts[key])
        for key, value in data.items()
    }
    return Pieces(old.head, texts, old.tail)


def place_in_yaml(path: Path, keys: Sequence[str]) -> str:
    """Where a file says something, such as `line 3, column 7`; as near as it can be told.

    Args:
        path: the file.
        keys: the way to it, from the top.

    Raises:
        StorageError: as for `read_yaml`.
    """
    data = read_file(path)
    return "" if data is None else place_in_text(text_of(path, data), keys)


def place_in_text(text: str, keys: Sequence[str]) -> str:
    """Where a text says something; see `place_in_yaml`. The text must be valid.

    Args:
        text: YAML.
        keys: the way to it, from the top.
    """
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
    r"""The text of a file, with `\n` at the ends of lines and without a byte order mark.

    Args:
        path: the file.
        data: its bytes.
        help: what to do where they are no text.

    Raises:
        FileDamaged: it is not UTF-8.
        FormatTooNew: a later version wrote it.
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
    """The version of the layout that the first line names; none where it names none."""
    found = _FORMAT.match(text)
    return None if found is None else int(found[1])


def entries_of(path: Path, text: str, *, help: str = _CORRECT) -> list[Entry]:
    """What a text says.

    Args:
        path: the file that it is from.
        text: YAML.
        help: what to do where it is something else.

    Raises:
        FileDamaged: it is something else; says where, and why.
    """
    try:
        return parse(text)
    except YamlProblem as error:
        place = f"line {error.line}, column {error.column}"
        raise FileDamaged(path, place, error.reason, help=help) from None


def head_for(comment: str) -> str:
    """The first lines of a file.

    Raises:
        ValueError: the comment has several lines.
    """
    if len(comment.splitlines()) != 1:
        raise ValueError("a comment must be one line")
    return f"# {comment} (peaceful format {FORMAT})\n\n"


def is_same(before: JsonValue, after: JsonValue) -> bool:
    """Whether two values are written alike; in Python `1`, `1.0` and `True` are equal."""
    return json.dumps(before) == json.dumps(after, default=dict)
