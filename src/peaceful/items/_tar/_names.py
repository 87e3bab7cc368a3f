"""Entries of archives, and the rules for their names."""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple, TypeAlias

import msgspec

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

_PART: Final = r"(?!\.{1,2}(?:/|\Z))[ -.0-~]{1,255}"
_PLAIN: Final = re.compile(rf"{_PART}(?:/{_PART}){{0,14}}")
"""Names that are surely well: 15 parts of 255 bytes are not too long."""
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


_UNFIT: Final = frozenset({Kind.DEVICE, Kind.PIPE, Kind.UNKNOWN})


class FileEntry(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="file"):
    """A file.

    Attributes:
        mode: its rights.
        size: its size in bytes.
        sha256: the checksum of its content, in hexadecimal digits; empty if it was not read.
    """

    kind: ClassVar[Kind] = Kind.FILE

    mode: int
    size: int
    sha256: str = ""


class LinkEntry(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="link"):
    """A symbolic link with the given target."""

    kind: ClassVar[Kind] = Kind.LINK

    target: str


class FolderEntry(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="folder"):
    """An empty folder. Other folders exist because of what is in them."""

    kind: ClassVar[Kind] = Kind.FOLDER


Entry: TypeAlias = FileEntry | LinkEntry | FolderEntry


def entry_from_text(text: str) -> Entry:
    """Return an entry from the line that states of version 1 had; raise `ValueError` for others."""
    if text == _FOLDER:
        return FolderEntry()
    if text.startswith(_LINK):
        return LinkEntry(text.removeprefix(_LINK))
    found = _FILE.fullmatch(text)
    if found is None:
        raise ValueError("neither a file's rights, size and checksum, nor a link, nor a folder")
    return FileEntry(int(found[1], 8), int(found[2]), found[3])


def entry_text(entry: Entry) -> str:
    """Return an entry as a line."""
    match entry:
        case FileEntry(mode=mode, size=size, sha256=sha256):
            return f"{mode:04o} {size} {sha256}".rstrip()
        case LinkEntry(target=target):
            return f"{_LINK}{target}"
        case FolderEntry():
            return _FOLDER


def is_other(before: Entry | None, after: Entry | None) -> bool:
    """Return whether two entries differ; a content that was not read is no difference.

    An archive's content is read wherever it could be the only difference.
    """
    if isinstance(before, FileEntry) and isinstance(after, FileEntry):
        if (before.mode, before.size) != (after.mode, after.size):
            return True
        return before.sha256 != after.sha256 and bool(before.sha256 and after.sha256)
    return before != after


class Place(NamedTuple):
    """Where an archive has the content of a file.

    Attributes:
        offset: the first byte, in the archive as it is when it is unpacked.
        pieces: of a file with holes, where each part of its content belongs, and its length.
        size: of the file, with its holes.
    """

    offset: int
    pieces: tuple[tuple[int, int], ...]
    size: int


Stamp: TypeAlias = tuple[int, int, int]
"""The inode of a file, and the nanoseconds of its modification and of its last change."""


@dataclass(slots=True)
class Listing:
    """What an archive has, or what is there of it.

    Attributes:
        entries: files, links and empty folders by their names within the destination.
        stamps: of files whose content is known, as they were when it was read or written.
        places: of an archive's files, where their contents are, and when they were modified, in
            seconds since 1970.
        source: what tells the archive and its selection from others.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    places: dict[str, tuple[Place, float]] = field(default_factory=dict)
    source: str = ""

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(each.size for each in self.entries.values() if isinstance(each, FileEntry))

    def digests(self) -> tuple[str, str]:
        """Return what tells the names, rights and sizes from others, and the contents.

        The second one is empty if a content was not read.
        """
        names: list[str] = []
        contents: list[str] = []
        for name, entry in sorted(self.entries.items()):
            if isinstance(entry, FileEntry):
                names.append(f"{name}\n{entry.mode:o} {entry.size}\n")
                contents.append(entry.sha256)
            else:
                names.append(f"{name}\n{entry_text(entry)}\n")
        whole = all(contents)
        return _sha256(names), _sha256(contents) if whole else ""


def _sha256(texts: list[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()


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
                if entry.size == beside.size and entry.sha256 != beside.sha256 and entry.sha256:
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
    if _PLAIN.fullmatch(name := raw.removeprefix("./")):
        return name
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
    if _PLAIN.fullmatch(name := raw.removeprefix("./")):
        return name
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
    """The listing of an archive that is being read, and the refused names with reasons.

    `sources` has all entries by their names in the archive, if these may be others than what is
    extracted; `twins` maps the names of hard links to those of the files that they have their
    content from.
    """

    selection: Selection = EVERYTHING
    listing: Listing = field(default_factory=Listing)
    refused: list[tuple[str, NameRefused]] = field(default_factory=list)
    sources: dict[str, tuple[Entry, Place | None]] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)

    def name_of(self, raw: str, kind: Kind) -> str | None:
        """Return the checked name; None if left out, refused, or that of the destination itself."""
        selected = self.selection.name_of(raw)
        if selected is None:
            return None
        try:
            name = checked_name(selected)
            if kind in _UNFIT:
                raise NameUnfit(f"it is {kind.value}")
            if ".extract" in name.lower() and _KEPT.fullmatch(name.rpartition("/")[2]):
                raise NameRefused("its name is one that items themselves need")
            if not name and kind is not Kind.FOLDER:
                raise NameRefused(f"it is {kind.value} in place of the destination")
        except NameRefused as error:
            self.refused.append((raw, error))
            return None
        return name or None

    def add(
        self,
        name: str | None,
        raw: str,
        entry: Entry,
        place: Place | None = None,
        modified: float = 0.0,
    ) -> None:
        """Add an entry with a checked name; it replaces an earlier one of the same kind.

        With None it is only known, so that hard links may refer to it.
        """
        if self.selection is not EVERYTHING:
            self.sources[usual_name(raw)] = entry, place
        if name is None:
            return
        if isinstance(entry, LinkEntry):
            try:
                check_target(name, entry.target)
            except NameRefused as error:
                self.refused.append((raw, error))
                return
        self.twins.pop(name, None)
        before = self.listing.entries.setdefault(name, entry)
        if type(before) is not type(entry):
            kinds = f"{before.kind.value}, {entry.kind.value}"
            self._refuse(raw, f"it is there twice, as {kinds}")
        self.listing.entries[name] = entry
        if place is not None:
            self.listing.places[name] = place, modified

    def add_twin(self, name: str | None, raw: str, target: str, modified: float) -> None:
        """Add a hard link with a checked name: another name of the earlier file `target`."""
        try:
            other = checked_name(target)
        except NameRefused as error:
            if name is not None:
                reason = f"it is a hard link to what cannot be: {error}"
                self.refused.append((raw, type(error)(reason)))
            return
        entry, place = self._source(other)
        if entry is None or isinstance(entry, FolderEntry) or other == usual_name(raw):
            if name is not None:
                self._refuse(raw, "it is a hard link to no earlier file")
            return
        self.add(name, raw, entry, place, modified)
        if name is not None and place is not None:
            self.twins[name] = other

    def _source(self, name: str) -> tuple[Entry | None, Place | None]:
        if self.selection is not EVERYTHING:
            return self.sources.get(name, (None, None))
        place, _ = self.listing.places.get(name, (None, 0.0))
        return self.listing.entries.get(name), place

    def _refuse(self, name: str, reason: str) -> None:
        # Where names are stripped, it is no archive's fault that two of them meet.
        kind = NameUnfit if self.selection.strip else NameRefused
        self.refused.append((name, kind(reason)))

    def twins_without_checksum(self) -> list[tuple[str, FileEntry]]:
        """Return the hard links whose content was not read, by name."""
        twins = [(name, self.listing.entries[name]) for name in self.twins]
        return [(n, e) for n, e in twins if isinstance(e, FileEntry) and not e.sha256]

    def close(self) -> None:
        """Check the entries against each other, and drop the folders that are not empty."""
        used: set[str] = set()
        entries, places = self.listing.entries, self.listing.places
        for name in entries:
            above = name
            while (cut := above.rfind("/")) > 0:
                above = above[:cut]
                if above in used:
                    break
                used.add(above)
                if not isinstance(entries.get(above, FolderEntry()), FolderEntry):
                    what = entries[above].kind.value
                    self._refuse(name, f"it lies below {above}, which is {what}")
            twin = self.twins.get(name)
            if twin is not None and self._source(twin)[1] != places[name][0]:
                self._refuse(name, f"it is a hard link to {twin}, which is there twice")
        for name in used:
            if isinstance(entries.get(name), FolderEntry):
                del entries[name]
