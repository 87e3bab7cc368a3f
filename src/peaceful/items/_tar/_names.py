"""Entries of archives, and the rules for their names."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from peaceful._present.numbers import size
from peaceful._present.text import one_line
from peaceful.items._tar._selection import EVERYTHING, Selection

NOTES_END: Final = ".extracted.json"
TEMPORARY_END: Final = ".extracting"
"""Ends of the names that items keep in their destinations, after a dot and their own names."""

_KEPT: Final = re.compile(
    rf"(\.[^.]+)*({re.escape(NOTES_END)}|{re.escape(TEMPORARY_END)})", re.IGNORECASE
)
"""Names that are refused: forged notes would make another item remove the files that they list."""

_LONGEST_PART: Final = 255
_LONGEST_NAME: Final = 4000
"""Bytes: a little less than what a path may have on most systems."""
_DEEPEST: Final = 100
"""Nested folders: a walk keeps each of them open, and a process may have about 1,024 open files."""

_FILE: Final = re.compile(r"([0-7]{4}) ([0-9]{1,19}) ([0-9a-f]{64})")
_LINK: Final = "-> "
_FOLDER: Final = "folder"


class Kind(enum.Enum):
    """The kind of an archive's entry, in words."""

    FILE = "a file"
    FOLDER = "a folder"
    LINK = "a link"
    HARD_LINK = "a hard link"
    DEVICE = "a device"
    PIPE = "a named pipe"
    UNKNOWN = "of an unknown kind"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file.

    Attributes:
        mode: its rights.
        size: its size in bytes.
        sha256: the checksum of its content, in hexadecimal digits.
    """

    kind: ClassVar[Kind] = Kind.FILE

    mode: int
    size: int
    sha256: str

    def __str__(self) -> str:
        """Return rights, size and checksum, as they are stored."""
        return f"{self.mode:04o} {self.size} {self.sha256}"


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link with the given target."""

    kind: ClassVar[Kind] = Kind.LINK

    target: str

    def __str__(self) -> str:
        """Return an arrow and the target, as they are stored."""
        return f"{_LINK}{self.target}"


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """An empty folder. Other folders exist because of what is in them."""

    kind: ClassVar[Kind] = Kind.FOLDER

    def __str__(self) -> str:
        """Return the word that is stored."""
        return _FOLDER


def _parse_entry(text: object) -> object:
    if not isinstance(text, str):
        return text
    if text == _FOLDER:
        return FolderEntry()
    if text.startswith(_LINK):
        return LinkEntry(text.removeprefix(_LINK))
    found = _FILE.fullmatch(text)
    if found is None:
        raise ValueError("neither a file's rights, size and checksum, nor a link, nor a folder")
    return FileEntry(int(found[1], 8), int(found[2]), found[3])


Entry = Annotated[
    FileEntry | LinkEntry | FolderEntry,
    BeforeValidator(_parse_entry),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""An archive's entry, stored as a line of text."""


def describe_entry(entry: Entry, beside: Entry | None) -> str:
    """Return an entry in a few words, with what distinguishes it from the one beside it."""
    match entry:
        case LinkEntry(target=target):
            return f"link to {one_line(target, 60)}"
        case FolderEntry():
            return _FOLDER
        case FileEntry():
            words = [size(entry.size)]
            if isinstance(beside, FileEntry):
                if entry.mode != beside.mode:
                    words.append(f"rights {entry.mode:04o}")
                if entry.size == beside.size and entry.sha256 != beside.sha256:
                    words.append(f"SHA-256 {entry.sha256[:12]}")
            return ", ".join(words)


class NameRefused(ValueError):
    """A name must not be extracted; the text says why."""


class NameUnfit(NameRefused):
    """An entry is harmless, but cannot be kept as it is."""


def checked_name(raw: str) -> str:
    """Return an archive's name relative to the destination, which itself has an empty name.

    Raises `NameRefused` if it is not within the destination, or no usable name.
    """
    parts = _parts(raw)
    if raw.startswith("/"):
        raise NameRefused("its name is an absolute path")
    if ".." in parts:
        raise NameRefused("its name leads up, by ..")
    if len(parts) > _DEEPEST:
        raise NameUnfit(f"it lies more than {_DEEPEST} folders deep")
    return "/".join(parts)


def usual_name(raw: str) -> str:
    """Return a name in the form that others of the same archive refer to."""
    return "/".join(part for part in raw.split("/") if part not in ("", "."))


def _parts(path: str) -> list[str]:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise NameUnfit("its name is not UTF-8") from None
    if any(byte < 32 or byte == 127 for byte in encoded):
        raise NameUnfit("its name has a control character")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    longest = max((len(part.encode()) for part in parts), default=0)
    if longest > _LONGEST_PART or len(encoded) > _LONGEST_NAME:
        raise NameUnfit("its name is longer than a file's name may be")
    return parts


def check_target(name: str, target: str) -> None:
    """Raise `NameRefused` unless a symbolic link stays within the destination.

    It does if it leads up at first, at most to the destination, and only down from there: all it
    passes then lies within, and if that is a link again, the same holds for it.
    """
    if not target:
        raise NameRefused("it is a link to nothing")
    if target.startswith("/"):
        raise NameRefused("it is a link to an absolute path")
    try:
        parts = _parts(target)
    except NameRefused as error:
        raise type(error)(f"it is a link to what cannot be: {error}") from None
    up = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    if up > name.count("/"):
        raise NameRefused("it is a link that leads out")
    if ".." in parts[up:]:
        raise NameRefused("it is a link that leads down and up again, so nobody knows where")


@dataclass(slots=True)
class Manifest:
    """The entries of an archive to extract, and the refused names with reasons.

    `sources` has all entries by their names in the archive, if these may be others than what is
    extracted; `twins` maps the names of hard links to those of the files that they have their
    content from.
    """

    selection: Selection = EVERYTHING
    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[tuple[str, NameRefused]] = field(default_factory=list)
    sources: dict[str, Entry] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)

    def name_of(self, raw: str, kind: Kind) -> str | None:
        """Return the checked name; None if left out, refused, or that of the destination itself."""
        selected = self.selection.name_of(raw)
        if selected is None:
            return None
        try:
            name = checked_name(selected)
            if kind in (Kind.DEVICE, Kind.PIPE, Kind.UNKNOWN):
                raise NameUnfit(f"it is {kind.value}")
            if _KEPT.fullmatch(name.rpartition("/")[2]):
                raise NameRefused("its name is one that items themselves need")
            if not name and kind is not Kind.FOLDER:
                raise NameRefused(f"it is {kind.value} in place of the destination")
        except NameRefused as error:
            self.refused.append((raw, error))
            return None
        return name or None

    def add(self, name: str | None, raw: str, entry: Entry) -> None:
        """Add an entry with a checked name; it replaces an earlier one of the same kind.

        With None it is only known, so that hard links may refer to it.
        """
        if self.selection is not EVERYTHING:
            self.sources[usual_name(raw)] = entry
        if name is None:
            return
        if isinstance(entry, LinkEntry):
            try:
                check_target(name, entry.target)
            except NameRefused as error:
                self.refused.append((raw, error))
                return
        self.twins.pop(name, None)
        before = self.entries.setdefault(name, entry)
        if type(before) is not type(entry):
            kinds = f"{before.kind.value}, {entry.kind.value}"
            self._refuse(raw, f"it is there twice, as {kinds}")
        self.entries[name] = entry

    def add_twin(self, name: str | None, raw: str, target: str) -> None:
        """Add a hard link with a checked name: another name of the earlier file `target`."""
        try:
            other = checked_name(target)
        except NameRefused as error:
            if name is not None:
                reason = f"it is a hard link to what cannot be: {error}"
                self.refused.append((raw, type(error)(reason)))
            return
        entry = self._source(other)
        if entry is None or isinstance(entry, FolderEntry) or other == usual_name(raw):
            if name is not None:
                self._refuse(raw, "it is a hard link to no earlier file")
            return
        self.add(name, raw, entry)
        if name is not None and isinstance(entry, FileEntry):
            self.twins[name] = other

    def _source(self, name: str) -> Entry | None:
        known = self.entries if self.selection is EVERYTHING else self.sources
        return known.get(name)

    def _refuse(self, name: str, reason: str) -> None:
        # Where names are stripped, it is no archive's fault that two of them meet.
        kind = NameUnfit if self.selection.strip else NameRefused
        self.refused.append((name, kind(reason)))

    def close(self) -> None:
        """Check the entries against each other, and drop the folders that are not empty."""
        used: set[str] = set()
        for name, entry in self.entries.items():
            above = name
            while (cut := above.rfind("/")) > 0:
                above = above[:cut]
                if above in used:
                    break
                used.add(above)
                if not isinstance(self.entries.get(above, FolderEntry()), FolderEntry):
                    what = self.entries[above].kind.value
                    self._refuse(name, f"it lies below {above}, which is {what}")
            twin = self.twins.get(name)
            if twin is not None and self._source(twin) != entry:
                self._refuse(name, f"it is a hard link to {twin}, which is there twice")
        for name in used:
            if isinstance(self.entries.get(name), FolderEntry):
                del self.entries[name]
