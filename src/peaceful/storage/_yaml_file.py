"""YAML files that people read and change: found broken, they say where and why."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import yaml

from peaceful.errors import FileDamaged, FormatTooNew
from peaceful.model import JsonValue
from peaceful.storage._files import read_file, write_file_atomically
from peaceful.storage._pieces import Pieces, cut, renewed
from peaceful.storage._yaml_in import Entry, YamlProblem, line_and_column, parse
from peaceful.storage._yaml_out import dump_each

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
