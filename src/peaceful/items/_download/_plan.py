"""The part file of a download, and the plan that is made from it."""

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

from peaceful._item.files import write_atomically
from peaceful.items._disk import PathBusy, disk_errors, sync_folder

SYNC_EVERY: Final = 64 * 1024 * 1024
"""Bytes after which what was received is made durable: at most these are lost with the power."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class PartRecord(BaseModel):
    """What is known of the bytes in an unfinished file; kept as JSON beside it.

    Attributes:
        source: where they come from, without secrets.
        etag: the version of the source that they are of, or none.
        last_modified: when that was changed, as HTTP writes it, or none.
        length: how many bytes the whole has, or none where the server does not say.
        if_range: what a server is sent to be sure that it has still the same bytes; none where it
            gave nothing that could be.
        synced: how many bytes are sure to be on the disk.
        boot: which start of the machine wrote them; as long as it runs, all of them are there.
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
    """Which start of the machine this is; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Part:
    """The unfinished file of one target. Its functions wait for the disk: call them in a thread."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.record_path = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self._synced = 0
        self._descriptor: int | None = None

    def load(self) -> PartRecord | None:
        """What was kept of an earlier attempt; `size` then says how much of it is whole.

        Raises:
            DiskFailed: it cannot be read.
        """
        with disk_errors(self.path, "read"):
            try:
                record = PartRecord.model_validate_json(self.record_path.read_bytes())
                size = self.path.stat().st_size
            except (FileNotFoundError, ValidationError):
                return None
        # After a loss of power a file may be longer than what was written of it.
        self.size = size if record.boot and record.boot == boot_id() else min(size, record.synced)
        return record

    def begin(self, record: PartRecord) -> None:
        """Starts from nothing.

        Raises:
            DiskFailed: it cannot be written.
            PathBusy: another download writes it.
        """
        descriptor = self._open()
        with disk_errors(self.path, "written"):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        self.size = self._synced = 0
        self._note(record)

    def carry_on(self, record: PartRecord) -> None:
        """Goes on after the first `size` bytes.

        Raises:
            DiskFailed: it cannot be written.
            PathBusy: another download writes it.
        """
        descriptor = self._open()
        with disk_errors(self.path, "written"):
            os.ftruncate(descriptor, self.size)
            os.lseek(descriptor, self.size, os.SEEK_SET)
        self._synced = min(record.synced, self.size)
        if record.boot != boot_id():
            self._note(record)

    def write(self, data: bytes | bytearray, record: PartRecord) -> None:
        """Adds bytes.

        Raises:
            DiskFailed: they cannot be written; what fitted is kept.
        """
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
        """Makes what is there durable.

        Raises:
            DiskFailed: the disk refused.
        """
        assert self._descriptor is not None
        with disk_errors(self.path, "written"):
            os.fsync(self._descriptor)
        self._synced = self.size
        self._note(record)

    def close(self) -> None:
        """Lets the file go; it stays where it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def finish(self, before_rename: Callable[[os.stat_result], None]) -> os.stat_result:
        """Makes the file durable and puts it in its place.

        Args:
            before_rename: is told what the file will be.

        Raises:
            DiskFailed: the disk refused; the old target is whole.
        """
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
        """Removes the unfinished file and what is known of it.

        Raises:
            DiskFailed: the system refused.
        """
        self.close()
        self.size = self._synced = 0
        with disk_errors(self.path, "removed"):
            self.path.unlink(missing_ok=True)
            self.record_path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        with disk_errors(self.path, "written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Every right that the umask leaves; never through a link that somebody put there.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = descriptor = os.open(self.path, flags, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self.close()
                raise PathBusy(self.path, "another download") from error
        return descriptor

    def _note(self, record: PartRecord) -> None:
        now = record.model_copy(update={"synced": self._synced, "boot": boot_id()})
        with disk_errors(self.record_path, "written"):
            write_atomically(self.record_path, now.model_dump_json(indent=1) + "\n")


_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a server says of a file.

    Attributes:
        size: of the whole, in bytes, or none.
        etag: its version, or none.
        last_modified: when it was changed, as HTTP writes it, or none.
        date: the server's time at its answer, as HTTP writes it, or none.
    """

    size: int | None
    etag: str | None
    last_modified: str | None
    date: str | None = None

    def if_range(self) -> str | None:
        """What identifies these very bytes, by RFC 9110, sections 8.8 and 13.1.5; or none.

        A strong `ETag` does. `Last-Modified` does if the answer is at least a second later, since
        the file may have changed twice within one.
        """
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        changed, answered = http_time(self.last_modified), http_time(self.date)
        if changed is None or answered is None or answered - changed < timedelta(seconds=1):
            return None
        return self.last_modified


@dataclass(frozen=True, slots=True)
class FromStart:
    """The whole is to be fetched."""


@dataclass(frozen=True, slots=True)
class FromOffset:
    """The rest is to be fetched.

    Attributes:
        offset: how many bytes are there.
        if_range: what to send so that only the same bytes' rest comes; none to do without.
    """

    offset: int
    if_range: str | None


Start: TypeAlias = FromStart | FromOffset
"""Where fetching begins."""


@dataclass(frozen=True, slots=True)
class Take:
    """The answer's body is to be taken.

    Attributes:
        offset: where its first byte belongs; 0 means that what was there is to be dropped.
        total: how many bytes the whole has, or none where the server does not say.
    """

    offset: int
    total: int | None


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """Everything is there already."""


@dataclass(frozen=True, slots=True)
class StartOver:
    """What is there is of no use: the whole is to be asked for."""


@dataclass(frozen=True, slots=True)
class Nonsense:
    """The answer does not fit the question.

    Attributes:
        reason: in what, as the end of a sentence.
    """

    reason: str


Verdict: TypeAlias = Take | NothingLeft | StartOver | Nonsense
"""What an answer means for what is there."""


def facts_of(headers: Mapping[str, str], status: int) -> SourceFacts:
    """What the headers of an answer say of the whole file."""
    if status in (206, 416):
        size = _range_of(headers)[2]
    else:
        size = _whole_number(headers.get("content-length"))
    return SourceFacts(size, headers.get("etag"), headers.get("last-modified"), headers.get("date"))


def start_of(record: PartRecord | None, present: int, *, source: str, verified: bool) -> Start:
    """Where to begin, given what is there.

    Args:
        record: what is known of the bytes that are there, or none.
        present: how many they are.
        source: where they should come from.
        verified: whether the whole is compared with a checksum in the end, so that a wrong guess
            would come to light.
    """
    if record is None or present == 0 or record.source != source:
        return FromStart()
    if record.length is not None and present > record.length:
        return FromStart()
    if record.if_range is None and not verified:
        return FromStart()
    return FromOffset(present, record.if_range)


def verdict(
    start: Start, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    """What a successful answer, or a 416, means.

    Args:
        start: what was asked for.
        record: what is known of the bytes that are there, or none.
        status: the answer's status.
        headers: the answer's headers, by lower-case name.
    """
    match start:
        case FromStart():
            if status == 206:
                return Nonsense("sent a part of the file where the whole was asked for")
            return Take(0, _whole_number(headers.get("content-length")))
        case FromOffset(offset=offset):
            if status not in (206, 416):
                # The server knows no ranges, or the file has changed: the whole comes.
                return Take(0, _whole_number(headers.get("content-length")))
            return _verdict_on_range(offset, record, status, headers)


def _verdict_on_range(
    offset: int, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    first, _, total = _range_of(headers)
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


def _range_of(headers: Mapping[str, str]) -> tuple[int | None, int | None, int | None]:
    """First byte, last byte and size of the whole, as far as `Content-Range` says."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return None, None, None
    first, last, total = (_whole_number(part) for part in found.groups())
    return first, last, total


def _whole_number(text: str | None) -> int | None:
    # No file has more bytes than 18 digits say, and Python refuses to read thousands of them.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def http_time(text: str | None) -> datetime | None:
    """The moment that an HTTP date says (RFC 9110, section 5.6.7), or none where it is not one."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # The latter of numbers that are too large to be part of any date.
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait (RFC 9110, section 10.2.3), or none.

    A moment is compared with the server's own time, whatever this machine's clock says.
    """
    text = headers.get("retry-after", "").strip()
    seconds = _whole_number(text)
    if seconds is not None:
        return float(seconds)
    then, now = http_time(text), http_time(headers.get("date"))
    return None if then is None or now is None else max(0.0, (then - now).total_seconds())
