"""What a downloaded file is, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from peaceful._item.diff import Change, StateDiff
from peaceful._model.state import State
from peaceful._present.numbers import size, size_pair


class FileDownloadState(State):
    """A file that was downloaded, or is to be.

    Attributes:
        path: where it is, or will be; known from the start, so that other items can refer to it.
        present: whether it is there, whole.
        size: in bytes, or none where that is not known.
        sha256: its checksum in hexadecimal digits, where one was given to compare with.
        etag: the version that the server gave it, as it was downloaded, or none.
        last_modified: when the server says that it was changed, as HTTP writes it, or none.
        source: where it comes from, without secrets; none where that is not known.
        partial: how many bytes wait beside it to be carried on with, or none.
        newer_than: the version that the source had when it was looked up, where it changed between
            that and the download: the file is of a later one.
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
        """What tells one version of the source from another, in one text."""
        return f"{self.etag} {self.last_modified} {self.size}"

    def __str__(self) -> str:
        """Its size, or how much of it is there: `5.0 MB`, `absent, 3.1 MB of it downloaded`."""
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
    """What differs, as far as both sides know it.

    A checksum decides alone. Otherwise the size decides, and the version that the server gave: its
    `ETag`, or where it gives none, `Last-Modified`.
    """
    changes = tuple(_changes(current, goal))
    return StateDiff(changes) if changes else None


def _changes(current: FileDownloadState, goal: FileDownloadState) -> Iterator[Change]:
    if current.path != goal.path:
        yield Change("path", str(current.path), str(goal.path))
    if not goal.present:
        if current.present:
            yield Change("file", current.model_dump(mode="json"), None, before_shown=str(current))
        if current.partial is not None:
            yield Change("partial", current.partial, None, before_shown=size(current.partial))
    elif not current.present:
        # What is downloaded is carried on with: it is no difference of its own.
        yield Change("file", None, goal.model_dump(mode="json"), after_shown=str(goal))
    elif goal.sha256 is not None:
        if current.sha256 != goal.sha256:
            yield _field("sha256", current.sha256, goal.sha256)
    elif current.newer_than != goal.revision:
        yield from _versions(current, goal)


def _versions(current: FileDownloadState, goal: FileDownloadState) -> Iterator[Change]:
    unversioned = goal.etag is None and goal.last_modified is None
    # A file of unknown origin passes if anything at all can be compared.
    origin_matters = current.source is not None or (unversioned and goal.size is None)
    if origin_matters and current.source != goal.source:
        yield _field("source", current.source, goal.source)
    if goal.size is not None and current.size != goal.size:
        yield Change(
            "size",
            current.size,
            goal.size,
            before_shown="" if current.size is None else size(current.size),
            after_shown=size(goal.size),
        )
    if goal.etag is not None:
        if _version(current.etag) != _version(goal.etag):
            yield _field("etag", current.etag, goal.etag)
    elif goal.last_modified is not None and current.last_modified != goal.last_modified:
        yield _field("last_modified", current.last_modified, goal.last_modified)


def _version(etag: str | None) -> str | None:
    """The version itself, whether a server calls it a strong or a weak one (RFC 9110, 8.8.3.2)."""
    return None if etag is None else etag.removeprefix("W/")


def _field(name: str, before: str | None, after: str | None) -> Change:
    """A change of a fact; what is not known is no absence."""
    return Change(
        name, before, after, before_shown=before or "unknown", after_shown=after or "unknown"
    )
