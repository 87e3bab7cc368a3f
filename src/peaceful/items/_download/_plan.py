"""The part file of a download, and the decision what to ask a server for and what to keep."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful._item.files import make_folder, write_atomically
from peaceful.items._disk import PathBusy, disk_errors, sync_folder

SYNC_EVERY: Final = 64 * 1024 * 1024
"""Bytes after which what was received is synced: a loss of power costs at most these."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)", re.IGNORECASE)


class PartRecord(BaseModel):
    """The record of an unfinished file, kept as JSON beside it.

    Attributes:
        source: the address, without secrets.
        etag: the `ETag` of the version that the bytes are of, or None.
        last_modified: its `Last-Modified`, or None.
        length: the size of the whole file, or None if the server does not say.
        if_range: the validator to send as `If-Range`, or None if there is none.
        synced: the number of bytes that survive a loss of power.
        boot: the ID of the boot that wrote them; until the next boot, all bytes are valid.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    etag: str | None
    last_modified: str | None
    length: int | None
    if_range: str | None
    synced: int = 0
    boot: str = ""


def boot_id() -> str:
    """Return the ID of the machine's current boot, or an empty text if the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Part:
    """The unfinished file of a target.

    Its methods block, so call them in a thread. They raise `DiskFailed`, and `PathBusy` when they
    open a file that another download writes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.record_path = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self._synced = 0
        self._descriptor: int | None = None

    def load(self) -> PartRecord | None:
        """Return the record of an earlier attempt, and set `size` to the number of valid bytes."""
        with disk_errors(self.path, "read"):
            try:
                record = PartRecord.model_validate_json(self.record_path.read_bytes())
                size = self.path.stat().st_size
            except (FileNotFoundError, ValidationError):
                return None
        # After a loss of power a file may be longer than what was written of it.
        self.size = size if record.boot and record.boot == boot_id() else min(size, record.synced)
        return record

    def begin(self, offset: int, record: PartRecord) -> None:
        """Open the file for writing at an offset, and drop everything behind that."""
        descriptor = self._open()
        with disk_errors(self.path, "written"):
            os.ftruncate(descriptor, offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
        self.size = offset
        self._synced = min(record.synced, offset)
        if offset == 0 or record.boot != boot_id():
            self._save(record)

    def write(self, data: bytes | bytearray, record: PartRecord) -> None:
        """Append bytes; if the disk is full, those that fit are kept."""
        assert self._descriptor is not None
        view = memoryview(data)
        with disk_errors(self.path, "written"):
            while view:
                written = os.write(self._descriptor, view)
                self.size += written
                view = view[written:]
        if self.size - self._synced >= SYNC_EVERY:
            self.sync(record)

    def sync(self, record: PartRecord) -> None:
        """Make the written bytes durable, and record that."""
        assert self._descriptor is not None
        with disk_errors(self.path, "written"):
            os.fsync(self._descriptor)
        self._synced = self.size
        self._save(record)

    def close(self) -> None:
        """Close the file, and with that unlock it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def finish(self, before_rename: Callable[[os.stat_result], None]) -> os.stat_result:
        """Make the file durable, and rename it to the target; a failure leaves the old target."""
        descriptor = self._open()
        with disk_errors(self.target, "written"):
            os.fsync(descriptor)
            facts = os.fstat(descriptor)
            before_rename(facts)
            self.path.replace(self.target)
            self.record_path.unlink(missing_ok=True)
            sync_folder(self.target.parent)
        self.close()
        return facts

    def remove(self) -> None:
        """Remove the file and its record."""
        self.close()
        self.size = self._synced = 0
        with disk_errors(self.path, "removed"):
            self.path.unlink(missing_ok=True)
            self.record_path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        with disk_errors(self.path, "written"):
            make_folder(self.path.parent)
            # Every right that the umask leaves; never through a link that somebody put there.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = descriptor = os.open(self.path, flags, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self.close()
                raise PathBusy(self.path, "another download") from error
        return descriptor

    def _save(self, record: PartRecord) -> None:
        now = record.model_copy(update={"synced": self._synced, "boot": boot_id()})
        with disk_errors(self.record_path, "written"):
            write_atomically(self.record_path, now.model_dump_json(indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A file's metadata in the headers of an answer: its size, and three headers as they are."""

    size: int | None
    etag: str | None
    last_modified: str | None
    date: str | None = None

    def if_range(self) -> str | None:
        """Return a validator of these very bytes by RFC 9110, sections 8.8 and 13.1.5, or None.

        A strong `ETag` is one. `Last-Modified` is one if the answer is at least a second later,
        since the file may have changed twice within one.
        """
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        changed, answered = http_time(self.last_modified), http_time(self.date)
        if changed is None or answered is None or answered - changed < timedelta(seconds=1):
            return None
        return self.last_modified


@dataclass(frozen=True, slots=True)
class Start:
    """The offset from which to ask for bytes, and the validator to send with a range, if any."""

    offset: int
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """The verdict that the body belongs at `offset` of a file of `total` bytes, if that is known.

    Offset 0 drops the bytes of earlier attempts.
    """

    offset: int
    total: int | None


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """The verdict that all bytes are there already."""


@dataclass(frozen=True, slots=True)
class StartOver:
    """The verdict that the present bytes are of no use, so that the whole must be asked for."""


@dataclass(frozen=True, slots=True)
class Nonsense:
    """The verdict that the answer does not fit the question; `reason` ends a sentence."""

    reason: str


Verdict: TypeAlias = Take | NothingLeft | StartOver | Nonsense


def facts_of(headers: Mapping[str, str], status: int) -> SourceFacts:
    """Return what the headers of an answer say of the whole file."""
    size = (
        _range_of(headers)[1]
        if status in (206, 416)
        else _whole_number(headers.get("content-length"))
    )
    return SourceFacts(size, headers.get("etag"), headers.get("last-modified"), headers.get("date"))


def start_of(record: PartRecord | None, present: int, *, source: str, verified: bool) -> Start:
    """Decide where to begin, given the present bytes and their record.

    With `verified`, a checksum of the whole will tell whether bytes of two versions were joined, so
    that bytes without a validator may be used too.
    """
    if record is None or present == 0 or record.source != source:
        return Start(0)
    if record.length is not None and present > record.length:
        return Start(0)
    if record.if_range is None and not verified:
        return Start(0)
    return Start(present, record.if_range)


def verdict(
    start: Start, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    """Decide what a successful answer or a 416 means; header names are in lower case."""
    if start.offset and status in (206, 416):
        return _verdict_on_range(start.offset, record, status, headers)
    if status == 206:
        return Nonsense("sent a part of the file where the whole was asked for")
    # If a range was asked for, the server knows none, or the file has changed: the whole comes.
    return Take(0, _whole_number(headers.get("content-length")))


def _verdict_on_range(
    offset: int, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    first, total = _range_of(headers)
    length = None if record is None else record.length
    etag = None if record is None else record.etag
    if None not in (length, total) and length != total:
        return StartOver()
    if etag is not None and headers.get("etag", etag) != etag:
        return StartOver()
    if status == 416:
        return NothingLeft() if total == offset else StartOver()
    if first != offset:
        return Nonsense("sent another part of the file than the one that was asked for")
    return Take(offset, total)


def _range_of(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the first byte and the size of the whole, as far as `Content-Range` says."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    return (None, None) if found is None else (_whole_number(found[1]), _whole_number(found[2]))


def _whole_number(text: str | None) -> int | None:
    # No file has more bytes than 18 digits say, and Python refuses to read thousands of them.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def http_time(text: str | None) -> datetime | None:
    """Parse an HTTP date (RFC 9110, section 5.6.7), or return None if it is not one."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # The latter if a number is too large for a date.
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait (RFC 9110, section 10.2.3), or None.

    A moment is compared with the server's own time, since this machine's clock may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    seconds = _whole_number(text)
    if seconds is not None:
        return float(seconds)
    then, now = http_time(text), http_time(headers.get("date"))
    return None if then is None or now is None else max(0.0, (then - now).total_seconds())
