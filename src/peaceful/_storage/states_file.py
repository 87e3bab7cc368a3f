"""Files of states, and the cache that avoids parsing them again."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from peaceful._errors.running import FileDamaged, FileInaccessible
from peaceful._model.clock import SystemClock
from peaceful._model.codec import ItemId, JsonValue
from peaceful._storage.files import read_file, write_file_atomically
from peaceful._storage.stored_state import (
    EntryInvalid,
    StateKind,
    StoredState,
    facts_of,
    json_line,
    stored_of,
    time_text,
    unknown_keys,
)
from peaceful._storage.yaml import Writable, YamlEntry, dump_each
from peaceful._storage.yaml_file import (
    Pieces,
    cut,
    entries_of,
    format_of,
    head_for,
    merged_order,
    place_in_text,
    renewed,
    text_of,
)

_FORMAT: Final = 2

_CACHED_FROM: Final = 64 * 1024
"""Size in bytes of YAML above which a cache file is written."""

_HEADS: Final[Mapping[StateKind, str]] = {
    StateKind.CURRENT: "What each item is, as it was last found or made. Written by the program.",
    StateKind.GOAL: "What each item should be, as it was last found. Written by the program.",
}
_END: Final = "# end of states"
"""The last line, which shows that a file was not cut short between two entries."""
_WRITTEN: Final = re.compile(r"# written (\S+), digest ([0-9a-f]{16})\n")
"""The line before: when the program wrote the file, and the digest of all other lines.

It is in the file itself, so that no kill and no loss of power can part the two.
"""

_HELP: Final = (
    "correct the file in an editor; or let it be moved aside, and the states found anew: `discover`"
)


class Content(msgspec.Struct):
    """The content of the file, recognised by a digest that is empty if there is no file.

    `lines` are the entries as JSON, `extras` their unknown keys, which are kept. `changed_since` is
    when the program wrote it, if it was changed since.
    """

    digest: str
    pieces: Pieces
    states: dict[ItemId, StoredState] = msgspec.field(default_factory=dict)
    lines: dict[ItemId, str] = msgspec.field(default_factory=dict)
    extras: dict[ItemId, dict[str, JsonValue]] = msgspec.field(default_factory=dict)
    changed_since: str = ""

    def take(self, item: ItemId, entry: JsonValue) -> None:
        """Add the state of an item; raise `EntryInvalid` if it is none."""
        self.states[item] = stored_of(entry)
        extra = unknown_keys(entry)
        if extra:
            self.extras[item] = extra


def digest_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def line_of(key: str, entry: str) -> str:
    """Return a key and its entry, which is JSON already, as one line of JSON."""
    return f"[{json_line(key)},{entry}]"


def encoded(digest: str, pieces: Pieces, lines: Sequence[str]) -> bytes:
    """Return the cache file of a YAML file with the given digest, pieces and lines of JSON."""
    head = {
        "format": _FORMAT,
        "of": digest,
        "head": len(pieces.head),
        "pieces": list(map(len, pieces.texts.values())),
    }
    content = "\n".join((json.dumps(head), *lines)).encode("ascii")
    return b"%d\n%b" % (zlib.crc32(content), content)


def decoded(data: bytes, digest: str, text: str) -> Content | None:
    """Return the content of a cache file, or None if it is damaged or not of this YAML file."""
    check, _, rest = data.partition(b"\n")
    try:
        if int(check) != zlib.crc32(rest):
            return None
        first, *lines = rest.decode("ascii").split("\n")
        head = json.loads(first)
        if (head["format"], head["of"]) != (_FORMAT, digest):
            return None
        pairs: list[tuple[ItemId, JsonValue]] = json.loads(f"[{','.join(lines)}]")
    except ValueError:
        # Damaged: the YAML file itself is read instead.
        return None
    texts: dict[ItemId, str] = {}
    start = head["head"]
    for (item, _), length in zip(pairs, head["pieces"], strict=True):
        texts[item] = text[start : start + length]
        start += length
    pieces = Pieces(text[: head["head"]], texts, text[start:])
    content = Content(digest, pieces, lines=dict(zip(texts, lines, strict=True)))
    for item, entry in pairs:
        content.take(item, entry)
    return content


def changed_since(text: str) -> str:
    """Return when the program wrote a text that was changed since, or an empty text.

    That is also returned where the text does not tell.
    """
    # Also where the end of the line before it is damaged.
    place = text.rfind("# written ")
    found = _WRITTEN.match(text, place) if place >= 0 else None
    if found is None:
        return ""
    at, digest = found.groups()
    rest = text[: found.start()] + text[found.end() :]
    return "" if _short_digest(rest) == digest else at


def _signed(pieces: Pieces, at: str) -> Pieces:
    """Return the pieces of a text that tells when it was written, if it tells where it ends."""
    tail = _WRITTEN.sub("", pieces.tail)
    rest, found, after = tail.rpartition(_END)
    if not found or after.strip():
        return Pieces(pieces.head, pieces.texts, tail)
    digest = _short_digest(Pieces(pieces.head, pieces.texts, f"{rest}{_END}\n").joined())
    line = f"# written {at}, digest {digest}\n"
    return Pieces(pieces.head, pieces.texts, f"{rest}{line}{_END}\n")


def _short_digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class StatesFile:
    """The states of one kind, of one flow of one profile.

    What was read last is kept, so that an unchanged file is not parsed again. People may edit it at
    any time: a change is detected by its bytes, not by its time.
    """

    def __init__(
        self,
        path: Path,
        kind: StateKind,
        *,
        now: Callable[[], datetime] = SystemClock.now,
        sync: bool = True,
    ) -> None:
        self.path: Final = path
        self._cache_path = path.with_name(f".{path.stem}.cache")
        self._blank: Final = Pieces(head_for(_HEADS[kind]), {}, f"{_END}\n")
        self._now = now
        self._sync = sync
        self._content = Content("", self._blank)
        self._taken_over = ""

    def load(self) -> Mapping[ItemId, StoredState]:
        """Return the states, by item, in the file's order, or raise `StorageError`."""
        data = read_file(self.path, help=_HELP)
        content = self._content
        if data is None:
            content = Content("", self._blank)
        elif (digest := digest_of(data)) != content.digest:
            text = text_of(self.path, data, help=_HELP)
            content = self._cached(digest, text) or self._parsed(digest, text)
            content.changed_since = changed_since(text)
        self._content = content
        return content.states

    def take_over(self) -> str:
        """Return when the program wrote the file, if it was changed since; else an empty text.

        The next `save` takes the change for the program's own, so whoever calls this tells of it.
        Raises like `load`.
        """
        self.load()
        self._taken_over = self._content.digest
        return self._content.changed_since

    def save(self, changes: Mapping[ItemId, StoredState | None], order: Sequence[ItemId]) -> None:
        """Change entries, of which None removes one; all others keep their exact text.

        A change that was not taken over is still told by the file afterwards. Raises like `load`.
        """
        self.load()
        old = self._content
        new = Content("", old.pieces, dict(old.states), dict(old.lines), dict(old.extras))
        to_write: dict[str, Writable] = {}
        for item, state in changes.items():
            if state is None:
                for part in (new.states, new.lines, new.extras):
                    part.pop(item, None)
                continue
            extra = old.extras.get(item)
            entry = {**facts_of(state), **extra} if extra else facts_of(state)
            line = line_of(item, json_line(entry) if extra else state.as_json())
            if line != old.lines.get(item):
                new.states[item], new.lines[item] = state, line
                # In YAML, datetimes need no quotes.
                to_write[item] = entry
        signs_anew = old.changed_since and old.digest == self._taken_over
        if not signs_anew:
            new.changed_since = old.changed_since
        if to_write or len(new.lines) < len(old.lines) or signs_anew:
            self._content = self._saved(old, new, to_write, order)

    def _saved(
        self, old: Content, new: Content, to_write: Mapping[str, Writable], order: Sequence[str]
    ) -> Content:
        written = dict(dump_each(to_write))
        before = old.pieces.texts
        wanted = [key for key in (*order, *to_write) if key in new.lines]
        keys = merged_order([key for key in before if key in new.lines], wanted)
        texts = {
            key: renewed(before.get(key), written[key]) if key in written else before[key]
            for key in keys
        }
        pieces = Pieces(old.pieces.head, texts, old.pieces.tail)
        if not new.changed_since:
            pieces = _signed(pieces, time_text(self._now()))
        data = pieces.joined().encode()
        write_file_atomically(self.path, data, sync=self._sync)
        lines = {key: new.lines[key] for key in keys}
        digest = digest_of(data)
        if len(data) >= _CACHED_FROM:
            # The states are safe already; without a side file, they are only read more slowly.
            with suppress(FileInaccessible):
                cache = encoded(digest, pieces, tuple(lines.values()))
                write_file_atomically(self._cache_path, cache, sync=False)
        states = {key: new.states[key] for key in keys}
        return Content(digest, pieces, states, lines, new.extras, new.changed_since)

    def _cached(self, digest: str, text: str) -> Content | None:
        # A side file that cannot be read is as good as none: it only spares time.
        data = None
        with suppress(FileInaccessible, FileDamaged):
            data = read_file(self._cache_path)
        return None if data is None else decoded(data, digest, text)

    def _parsed(self, digest: str, text: str) -> Content:
        entries = entries_of(self.path, text, help=_HELP)
        self._check_end(text, entries)
        content = Content(digest, self._blank)
        for entry in entries:
            try:
                content.take(entry.key, entry.value)
            except EntryInvalid as error:
                raise self._invalid(text, entry, error) from None
            content.lines[entry.key] = line_of(entry.key, json_line(entry.value))
        content.pieces = (cut(text, entries) if entries else None) or self._in_our_way(content)
        return content

    def _in_our_way(self, content: Content) -> Pieces:
        """Return the pieces of a file that is empty, or cannot be cut, such as one in braces."""
        written = {
            item: {**facts_of(state), **content.extras.get(item, {})}
            for item, state in content.states.items()
        }
        texts = dict(dump_each(written))
        return Pieces(self._blank.head, texts, self._blank.tail)

    def _check_end(self, text: str, entries: Sequence[YamlEntry]) -> None:
        if format_of(text) is None:
            if not entries:
                raise FileDamaged(self.path, "", "it is empty", help=_HELP)
            # Written by a person, or by another program: only ours says where it ends.
            return
        lines = text.rstrip().rsplit("\n", 1)
        if lines[-1] != _END:
            place = f"line {text.count(chr(10)) + 1}"
            raise FileDamaged(
                self.path, place, f"it ends early: its last line should be {_END!r}", help=_HELP
            )

    def _invalid(self, text: str, entry: YamlEntry, error: EntryInvalid) -> FileDamaged:
        keys = [entry.key, error.field] if error.field else [entry.key]
        what = f"of {entry.key}, {error.field} is wrong" if error.field else f"{entry.key} is wrong"
        place = place_in_text(text, keys)
        return FileDamaged(self.path, place, f"{what}: {error.reason}", help=_HELP)
