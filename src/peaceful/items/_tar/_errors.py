"""Errors of extraction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from peaceful._errors.running import ItemFailure
from peaceful._present.contrast import legible
from peaceful._present.text import count, name_list
from peaceful.items._tar._names import NameRefused, NameUnfit

_NAMED: Final = 10
"""The most refused entries that are named; the rest is counted."""


class ArchiveFailed(ItemFailure, code="ARCHIVE-FAILED"):
    """The archive at `path` cannot be extracted."""

    def __init__(
        self, path: Path, what: str, *, help: str, details: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{path} {what}.", details=details, help=help)
        self.path = path


class ArchiveMissing(ArchiveFailed, code="ARCHIVE-MISSING"):
    """The archive does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "is not there", help="check its name, or what should have brought it there"
        )


class ArchiveDamaged(ArchiveFailed, code="ARCHIVE-DAMAGED"):
    """The file is no archive, or is truncated or corrupt."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            path, f"is damaged, or no tar archive: {reason}", help="fetch it or pack it again"
        )


class ArchiveRefused(ArchiveFailed, code="ARCHIVE-REFUSED"):
    """The archive has entries that must not be extracted. Nothing was written.

    Attributes:
        refused: the name of each refused entry, and the reason.
    """

    def __init__(self, path: Path, refused: Sequence[tuple[str, NameRefused]]) -> None:
        shown = tuple((legible(name[:200]), str(reason)) for name, reason in refused[:_NAMED])
        more = len(refused) - len(shown)
        rest = (("others", count(more, "entry")),) if more else ()
        super().__init__(
            path,
            f"has {count(len(refused), 'entry')} that must not be extracted",
            details=(*shown, *rest),
            help="leave these entries out by exclude, or have the archive packed anew: only with "
            "files, folders and links, whose names are UTF-8, without control characters and short"
            if all(isinstance(reason, NameUnfit) for _, reason in refused)
            else "do not use it unless you know who made it; have it packed without these entries",
        )
        self.refused: tuple[tuple[str, str], ...] = tuple(
            (name, str(reason)) for name, reason in refused
        )


class NothingSelected(ArchiveFailed, code="ARCHIVE-NOTHING-SELECTED"):
    """Nothing in the archive is what `include` asks for, or all of it is left out."""

    def __init__(self, path: Path, patterns: Sequence[str]) -> None:
        named = f"is named as include says: {name_list([repr(each) for each in patterns], _NAMED)}"
        left = "is left by strip_components, include and exclude"
        super().__init__(
            path,
            f"has nothing that {named if patterns else left}",
            help="compare them with the names that `tar -tf` lists",
        )


class ArchiveTooLarge(ArchiveFailed, code="ARCHIVE-TOO-LARGE"):
    """The extracted archive would be larger than allowed. Nothing was written."""

    def __init__(self, path: Path, limit: str, field: str) -> None:
        super().__init__(
            path, f"holds more than {limit}", help=f"if that is right, allow it by a larger {field}"
        )


class ArchiveChanged(ArchiveFailed, code="ARCHIVE-CHANGED"):
    """The archive changed during its extraction."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            "changed while it was read and extracted",
            help="find out what writes it, then run the command again: it carries on",
        )
