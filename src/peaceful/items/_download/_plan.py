"""The files of a download, and the decision what to ask a server for and what to keep."""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful._atomic import replace_file, write_all
from peaceful._item.files import make_folder, sync_folder, write_atomically
from peaceful.items._disk import PathBusy, PathTaken, disk_errors

SYNC_EVERY: Final = 64 * 1024 * 1024
"""Bytes after which what was received is synced: a loss of power costs at most these."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)", re.IGNORECASE)


class Version(BaseModel):
    """The version of a source that bytes are of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str
    etag: str | None
    last_modified: str | None

    @property
    def whole(self) -> int | None:
        """The size of the whole file, or None if it is not known."""
        raise NotImplementedError

    def is_told(self, told: SourceFacts) -> bool:
        """Return whether a server tells of this very version, as far as it tells anything."""
        if told.size not in (None, self.whole):
            return False
        if told.etag is not None and self.etag is not None:
            # Servers may call the same version a strong or a weak one (RFC 9110, 8.8.3.2).
            return told.etag.removeprefix("W/") == self.etag.removeprefix("W/")
        return told.etag == self.etag and (told.last_modified or "") == self.last_modified


class PartRecord(Version):
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

    length: int | None
    if_range: str | None
    synced: int = 0
    boot: str = ""

    @property
    def whole(self) -> int | None:
        return self.length


class Origin(Version):
    """The version of the source that a finished file is of; kept as JSON in a file beside it.

    It holds as long as the file has the recorded size and modification time: once somebody else has
    changed the file, its origin is unknown.
    """

    size: int
    changed_ns: int

    @property
    def whole(self) -> int:
        return self.size

    @staticmethod
    def path_for(target: Path) -> Path:
        """Return the path of the hidden file beside the target."""
        return target.with_name(f".{target.name}.source.json")

    @classmethod
    def load(cls, target: Path) -> Origin | None:
        """Return the record beside a target, or None if there is none that can be read."""
        with contextlib.suppress(OSError, ValidationError):
            return cls.model_validate_json(cls.path_for(target).read_bytes())
        return None

    @classmethod
    def of(cls, target: Path, facts: os.stat_result) -> Origin | None:
        """Return the origin of a file, or None if it is not known."""
        origin = cls.load(target)
        known = origin and (origin.size, origin.changed_ns) == (facts.st_size, facts.st_mtime_ns)
        return origin if known else None

    @staticmethod
    def of_record(record: PartRecord, facts: os.stat_result) -> str:
        """Return the text of the origin of a finished file."""
        origin = Origin(
            source=record.source,
            etag=record.etag,
            last_modified=record.last_modified,
            size=facts.st_size,
            changed_ns=facts.st_mtime_ns,
        )
        return origin.model_dump_json(indent=1) + "\n"


def boot_id() -> str:
    """Return the ID of the machine's current boot, or an empty text if the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Part:
    """The unfinished file of a target.

    What is added to it is kept in memory until `flush`: of a short file, nothing but the whole is
    ever on disk. The methods that reach the disk block, so call them in a thread; those raise
    `DiskFailed`, and `PathBusy` when they open a file that another download writes.

    Attributes:
        size: the number of valid bytes, those in memory included.
        record: the record of these bytes, or None if there are none.
        unwritten: the last of them, in memory.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.record_path = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self.record: PartRecord | None = None
        self.unwritten = bytearray()
        self._offset: int | None = None
        self._found = False
        self._descriptor: int | None = None

    @property
    def is_on_disk(self) -> bool:
        """Whether some of it is there, perhaps from an earlier attempt."""
        return self.size > len(self.unwritten) or self._descriptor is not None

    def load(self) -> None:
        """Find the bytes of an earlier attempt; raise `PathTaken` if they are not of one."""
        self._check_ours()
        with disk_errors(self.path, "read"):
            try:
                record = PartRecord.model_validate_json(self.record_path.read_bytes())
                size = self.path.stat().st_size
            except (FileNotFoundError, ValidationError):
                return
        self.record, self._found = record, True
        # After a loss of power a file may be longer than what was written of it.
        self.size = size if record.boot and record.boot == boot_id() else min(size, record.synced)

    def _check_ours(self) -> None:
        if not self.is_ours():
            raise PathTaken(self.path, "something that no download has left", "the unfinished file")

    def is_ours(self) -> bool:
        """Return whether what is there, if anything, is of a download.

        A download writes its record before the first byte.
        """
        with disk_errors(self.path, "looked at"):
            try:
                facts = self.path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return True
            has_bytes = stat.S_ISREG(facts.st_mode) and facts.st_size > 0
            return not has_bytes or os.path.lexists(self.record_path)

    def begin(self, offset: int, record: PartRecord) -> None:
        """Take what is added as what follows an offset; everything behind that is dropped."""
        self.unwritten.clear()
        self.size = self._offset = offset
        self.record = record

    def add(self, data: bytes) -> None:
        """Append bytes, in memory."""
        self.unwritten += data
        self.size += len(data)

    def flush(self) -> None:
        """Write what is in memory; if the disk is full, what fits is kept."""
        if not self.unwritten:
            return
        # Never written twice, also where writing fails half way.
        data, self.unwritten = self.unwritten, bytearray()
        self.size -= len(data)
        if self._offset is not None:
            self._open_at(self._offset)
        assert self._descriptor is not None
        assert self.record is not None
        view = memoryview(data)
        with disk_errors(self.path, "written"):
            while view:
                written = os.write(self._descriptor, view)
                self.size += written
                view = view[written:]
        if self.size - self.record.synced >= SYNC_EVERY:
            self.sync()

    def _open_at(self, offset: int) -> None:
        if offset == 0:
            self._check_ours()
        descriptor = self._open()
        with disk_errors(self.path, "written"):
            os.ftruncate(descriptor, offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
        self._offset = None
        assert self.record is not None
        if offset == 0 or self.record.boot != boot_id():
            self._save(min(self.record.synced, offset))

    def save(self) -> None:
        """Write what is in memory, if anything has come, and make it durable."""
        if self._descriptor is not None or self.unwritten:
            self.flush()
            self.sync()

    def sync(self) -> None:
        """Make the written bytes durable, and record that."""
        assert self._descriptor is not None
        with disk_errors(self.path, "written"):
            os.fsync(self._descriptor)
        self._save(self.size)

    def close(self) -> None:
        """Close the file, and with that unlock it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def finish(self, *, verified: bool) -> None:
        """Make the file durable, and rename it to the target; a failure leaves the old target.

        Its origin is kept, unless a checksum says more.
        """
        assert self.record is not None
        if not self.is_on_disk:
            self._check_ours()
            with disk_errors(self.target, "written"):
                make_folder(self.target.parent)
                facts = self._write_whole()
                self._save_origin(facts, verified=verified)
                if self._found:
                    self.path.unlink(missing_ok=True)
                    self.record_path.unlink(missing_ok=True)
                sync_folder(self.target.parent)
            return
        self.flush()
        descriptor = self._open()
        with disk_errors(self.target, "written"):
            os.fsync(descriptor)
            self._save_origin(os.fstat(descriptor), verified=verified)
            self.path.replace(self.target)
            self.record_path.unlink(missing_ok=True)
            sync_folder(self.target.parent)
        self.close()

    def _write_whole(self) -> os.stat_result:
        """Write what is in memory to the target, and return what the system says of that."""
        facts: list[os.stat_result] = []

        def write(descriptor: int) -> None:
            write_all(descriptor, bytes(self.unwritten))
            os.fsync(descriptor)
            # Of this very file: somebody may replace it as soon as it is there.
            facts.append(os.fstat(descriptor))

        replace_file(self.target, write, 0o666)
        return facts[0]

    def _save_origin(self, facts: os.stat_result, *, verified: bool) -> None:
        """Write the origin; the folder is synced later, for all that is renamed in it."""
        if verified:
            Origin.path_for(self.target).unlink(missing_ok=True)
            return
        assert self.record is not None
        text = Origin.of_record(self.record, facts).encode()

        def write(descriptor: int) -> None:
            write_all(descriptor, text)
            os.fsync(descriptor)

        replace_file(Origin.path_for(self.target), write, 0o666)

    def remove(self) -> None:
        """Remove the file and its record."""
        self.close()
        self.unwritten.clear()
        self.size, self.record = 0, None
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

    def _save(self, synced: int) -> None:
        assert self.record is not None
        self.record = self.record.model_copy(update={"synced": synced, "boot": boot_id()})
        with disk_errors(self.record_path, "written"):
            write_atomically(self.record_path, self.record.model_dump_json(indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A file's metadata in the headers of an answer: its size, and three headers as they are."""

    size: int | None
    etag: str | None
    last_modified: str | None
    date: str | None = None

    @property
    def revision(self) -> str:
        """The version, as a text to compare."""
        return f"{self.etag} {self.last_modified} {self.size}"

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


class Verdict(enum.Enum):
    """What an answer means."""

    WHOLE = "the whole comes: bytes of earlier attempts are dropped"
    REST = "the bytes come that were asked for"
    NOTHING_LEFT = "all bytes are there already"
    START_OVER = "nothing can be joined to the present bytes, so that the whole must be asked for"
    NOT_WHOLE = "sent a part of the file where the whole was asked for"


def facts_of(headers: Mapping[str, str], status: int) -> SourceFacts:
    """Return what the headers of an answer say of the whole file."""
    size = (
        _range_of(headers)[1]
        if status in (206, 416)
        else _whole_number(headers.get("content-length"))
    )
    return SourceFacts(size, headers.get("etag"), headers.get("last-modified"), headers.get("date"))


def start_of(record: PartRecord | None, present: int, *, source: str, verified: bool) -> int:
    """Decide at which offset to begin, given the present bytes and their record.

    With `verified`, a checksum of the whole will tell whether bytes of two versions were joined, so
    that bytes without a validator may be used too.
    """
    if record is None or record.source != source:
        return 0
    if record.length is not None and present > record.length:
        return 0
    if record.if_range is None and not verified:
        return 0
    return present


def verdict(
    offset: int, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    """Decide what a successful answer or a 416 means; header names are in lower case."""
    first, total = _range_of(headers)
    if status not in (206, 416):
        # If a range was asked for, the server knows none, or the file has changed.
        return Verdict.WHOLE
    if not offset or record is None:
        return Verdict.WHOLE if first == 0 else Verdict.NOT_WHOLE
    if None not in (record.length, total) and record.length != total:
        return Verdict.START_OVER
    name, version = ("etag", record.etag)
    if version is None:
        name, version = "last-modified", record.last_modified
    if version is not None and headers.get(name, version) != version:
        return Verdict.START_OVER
    if status == 416:
        return Verdict.NOTHING_LEFT if total == offset else Verdict.START_OVER
    return Verdict.REST if first == offset else Verdict.START_OVER


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
