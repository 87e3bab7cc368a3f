"""What an archive brings under one name, in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from peaceful.present import one_line, size

_FILE: Final = re.compile(r"([0-7]{4}) ([0-9]{1,19}) ([0-9a-f]{64})")
_LINK: Final = "-> "
_FOLDER: Final = "folder"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file.

    Attributes:
        mode: its rights.
        size: in bytes.
        sha256: the checksum of its content, in hexadecimal digits.
    """

    mode: int
    size: int
    sha256: str

    def __str__(self) -> str:
        """As it is stored: rights, size and checksum."""
        return f"{self.mode:04o} {self.size} {self.sha256}"


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link.

    Attributes:
        target: where it leads, as it is written in it.
    """

    target: str

    def __str__(self) -> str:
        """As it is stored: an arrow and the target."""
        return f"{_LINK}{self.target}"


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder with nothing in it. Other folders are there because of what is in them."""

    def __str__(self) -> str:
        """As it is stored: a word."""
        return _FOLDER


def entry_from(text: object) -> object:
    """The entry that is stored as a text; what is no text is left for others to refuse.

    Raises:
        ValueError: the text says none.
    """
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
    BeforeValidator(entry_from),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""What an archive brings under one name; stored as a line of text."""


def shown(entry: Entry, beside: Entry | None) -> str:
    """An entry in a few words, with what makes it another one than the one beside it."""
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
