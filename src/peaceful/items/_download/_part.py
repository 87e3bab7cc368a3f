"""The unfinished file beside the target, and what is needed to carry on with it safely."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from peaceful.item import write_atomically
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
