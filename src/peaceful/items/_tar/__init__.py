"""Extracting tar archives: nothing leaves the destination, only what differs is written."""

from peaceful.items._tar._errors import (
    ArchiveChanged,
    ArchiveDamaged,
    ArchiveFailed,
    ArchiveMissing,
    ArchiveRefused,
    ArchiveTooLarge,
)
from peaceful.items._tar._item import TarExtract
from peaceful.items._tar._names import FileEntry, FolderEntry, LinkEntry
from peaceful.items._tar._state import TarExtractState

__all__ = [
    "ArchiveChanged",
    "ArchiveDamaged",
    "ArchiveFailed",
    "ArchiveMissing",
    "ArchiveRefused",
    "ArchiveTooLarge",
    "FileEntry",
    "FolderEntry",
    "LinkEntry",
    "TarExtract",
    "TarExtractState",
]
