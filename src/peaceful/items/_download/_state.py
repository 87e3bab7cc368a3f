"""The state of a downloaded file, and the diff of two states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from peaceful._item.diff import Change, StateDiff, diff_of, fact_change
from peaceful._model.state import State
from peaceful._present.numbers import size, size_pair
from peaceful.items._download._plan import SourceFacts


class FileDownloadState(State):
    """The state of a downloaded file, which may be absent.

    Attributes:
        path: its path; known from the start, so that other items can refer to it.
        present: whether the whole file is there.
        size: its size in bytes, or None if that is not known.
        sha256: its checksum in hexadecimal digits, if the item gives one to compare with.
        etag: the server's `ETag` of the downloaded version, or None.
        last_modified: the server's `Last-Modified` of that version, or None.
        source: the address without secrets, or None if it is not known; of an absent file, the one
            that is still recorded beside it.
        partial: the size of the unfinished file beside it, or None.
        newer_than: the revision of the source when it was looked up, if it changed between that and
            the download; the file is of a later one.
    """

    path: Path
    present: bool
    size: int | None = None
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    source: str | None = None
    partial: int | None = None
    newer_than: str | None = None

    @property
    def revision(self) -> str:
        """The version of the source, as a text to compare."""
        return SourceFacts(self.size, self.etag, self.last_modified).revision

    def __str__(self) -> str:
        if self.present and self.size is None:
            return "size unknown" if self.sha256 is None else f"SHA-256 {self.sha256[:12]}"
        if self.present:
            return size(self.size or 0)
        if self.partial is None:
            return "absent"
        if self.size is None:
            return f"absent, {size(self.partial)} of it downloaded"
        return f"absent, {size_pair(self.partial, self.size, ' of ')} downloaded"


def download_diff(current: FileDownloadState, goal: FileDownloadState) -> StateDiff | None:
    """Compare two states as far as both know it.

    A checksum is compared alone; else the size, and the `ETag`, or `Last-Modified` if there is no
    `ETag`.
    """
    return diff_of(_changes(current, goal))


def _changes(current: FileDownloadState, goal: FileDownloadState) -> Iterator[Change]:
    if current.path != goal.path:
        yield Change("path", str(current.path), str(goal.path))
    if not goal.present:
        if current.present:
            yield Change("file", current.model_dump(mode="json"), None, before_shown=str(current))
        if current.partial is not None:
            yield Change("partial", current.partial, None, before_shown=size(current.partial))
        if not current.present and current.source is not None:
            yield Change("source", current.source, None)
    elif not current.present:
        # An unfinished file will be resumed, so it is no difference of its own.
        yield Change("file", None, goal.model_dump(mode="json"), after_shown=str(goal))
    elif goal.sha256 is not None:
        if current.sha256 != goal.sha256:
            yield fact_change("sha256", current.sha256, goal.sha256)
    elif current.newer_than != goal.revision:
        yield from _versions(current, goal)


def _versions(current: FileDownloadState, goal: FileDownloadState) -> Iterator[Change]:
    unversioned = goal.etag is None and goal.last_modified is None
    # A file of unknown origin passes if anything at all can be compared.
    origin_matters = current.source is not None or (unversioned and goal.size is None)
    if origin_matters and current.source != goal.source:
        yield fact_change("source", current.source, goal.source)
    if goal.size is not None and current.size != goal.size:
        yield Change(
            "size",
            current.size,
            goal.size,
            before_shown="" if current.size is None else size(current.size),
            after_shown=size(goal.size),
        )
    if goal.etag is not None:
        # Servers may call the same version a strong or a weak one (RFC 9110, 8.8.3.2).
        if current.etag is None or current.etag.removeprefix("W/") != goal.etag.removeprefix("W/"):
            yield fact_change("etag", current.etag, goal.etag)
    elif goal.last_modified is not None and current.last_modified != goal.last_modified:
        yield fact_change("last_modified", current.last_modified, goal.last_modified)
