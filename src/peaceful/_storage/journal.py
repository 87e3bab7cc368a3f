"""The journal: frames with length and checksum, synced in groups, and reading them back."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from peaceful._aio import DaemonThreadPool
from peaceful._errors.running import FileDamaged, FileInaccessible, FormatTooNew
from peaceful._storage.files import open_new, read_file, refusals, write_all, write_file_atomically
from peaceful._storage.records import BlockLog, Record, log_of, record_from

MAGIC: Final = b"peacefuJ"

VERSION: Final = 1

_FILE: Final = struct.Struct(">8sI")

_FRAME: Final = struct.Struct(">III")

_CRC: Final = struct.Struct(">I")

FILE_HEADER: Final = _FILE.size + _CRC.size
"""Size in bytes of what comes before the first frame."""

FRAME_HEADER: Final = _FRAME.size + _CRC.size
"""Size in bytes of what comes before a frame's payload."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

_HELP: Final = (
    "run discover: it moves the damaged file aside and finds the states anew; what the file told "
    "is treated as out of date"
)


class BytesDamaged(ValueError):
    """Bytes that were whole once and are not any more, at `offset` from the beginning."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class VersionUnknown(ValueError):
    """The file was written by a later version than this one."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version}")
        self.version = version


class Scan(msgspec.Struct, frozen=True):
    """The frames of a journal: the payloads of whole ones, and the torn bytes after their end.

    `damage` is set if whole frames follow the torn bytes, so that frames were lost.
    """

    payloads: tuple[bytes, ...]
    end: int
    torn: bytes
    damage: BytesDamaged | None = None


def file_header(version: int = VERSION) -> bytes:
    head = _FILE.pack(MAGIC, version)
    return head + _CRC.pack(zlib.crc32(head))


def frame(number: int, payload: bytes) -> bytes:
    """Return a payload with its header: length, number, checksum, checksum of the header."""
    head = _FRAME.pack(len(payload), number, zlib.crc32(payload))
    return b"%b%b%b" % (head, _CRC.pack(zlib.crc32(head)), payload)


def scan(data: bytes) -> Scan:
    """Split a journal into frames. Raises `BytesDamaged` or `VersionUnknown` for its header."""
    _check_file_header(data)
    payloads: list[bytes] = []
    offset = FILE_HEADER
    while (payload := _payload_at(data, offset, len(payloads))) is not None:
        payloads.append(payload)
        offset += FRAME_HEADER + len(payload)
    damage = None
    if _whole_frame_after(data, offset):
        damage = BytesDamaged(offset, "a record is damaged, although whole ones follow")
    return Scan(tuple(payloads), offset, data[offset:], damage)


def beginning_of(data: bytes) -> bytes:
    """Return the file header and the first frame, or what there is of them."""
    length = int.from_bytes(data[FILE_HEADER : FILE_HEADER + 4])
    return data[: FILE_HEADER + FRAME_HEADER + length]


def is_beginning_of_frame(torn: bytes, number: int) -> bool:
    """Return whether a process that was killed while writing a frame can have left these bytes."""
    if len(torn) < FRAME_HEADER:
        return True
    length, found = int.from_bytes(torn[:4]), int.from_bytes(torn[4:8])
    if not _is_frame_header(torn, 0):
        return False
    return found == number and len(torn) < FRAME_HEADER + length


def _check_file_header(data: bytes) -> None:
    if len(data) < FILE_HEADER:
        raise BytesDamaged(len(data), "it ends before its first record")
    magic, version = _FILE.unpack_from(data)
    (check,) = _CRC.unpack_from(data, _FILE.size)
    if magic != MAGIC or check != zlib.crc32(data[: _FILE.size]):
        raise BytesDamaged(0, "it does not begin as a journal of states does")
    if version != VERSION:
        raise VersionUnknown(version)


def _payload_at(data: bytes, offset: int, number: int | None) -> bytes | None:
    if not _is_frame_header(data, offset):
        return None
    length, found, check = _FRAME.unpack_from(data, offset)
    start = offset + FRAME_HEADER
    payload = data[start : start + length]
    if len(payload) < length or zlib.crc32(payload) != check or number not in (None, found):
        return None
    return payload


def _is_frame_header(data: bytes, offset: int) -> bool:
    if len(data) - offset < FRAME_HEADER:
        return False
    end = offset + _FRAME.size
    return zlib.crc32(data[offset:end]) == int.from_bytes(data[end : end + _CRC.size])


def _whole_frame_after(data: bytes, offset: int) -> bool:
    # From the bad frame itself on: what is there may be whole, and only have the wrong number.
    for place in range(offset, len(data) - FRAME_HEADER + 1):
        # The length alone rules most places out, which is faster than a checksum.
        fits = int.from_bytes(data[place : place + 4]) <= len(data) - FRAME_HEADER - place
        if fits and _payload_at(data, place, None) is not None:
            return True
    return False


class Journal:
    """An append-only log that reports when records are durable. Used from one event loop's thread.

    A record goes to the kernel before the loop turns, so that it outlives the process, together
    with what else is appended until then; that takes microseconds. Only the sync, which lets it
    outlive the machine, is awaited, in another thread.

    After an error, nothing more can be appended: what a failed sync left on disk cannot be known,
    and a second one may claim success (Rebello et al., "Can Applications Recover from fsync
    Failures?", 2020).
    """

    def __init__(
        self, path: Path, thread: DaemonThreadPool, first: bytes, *, sync: bool = True
    ) -> None:
        """Create the file, durably, with its first record; an existing file is replaced.

        Without `sync`, records are durable once the kernel has them, which is for tests. The
        thread, a pool of one, does the syncs.
        """
        self._path = path
        self._thread = thread
        self._is_synced = sync
        self._unwritten: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing = False
        self._error: OSError | None = None
        begin = file_header() + frame(0, first)
        write_file_atomically(path, begin, sync=sync)
        with refusals(path, "written"):
            self._descriptor = open_new(path, os.O_WRONLY | os.O_APPEND)
        self._end = len(begin)
        self._written = 1

    @property
    def count(self) -> int:
        """Number of records, including those that are not yet written."""
        return self._written + len(self._unwritten)

    def append(self, payload: bytes) -> None:
        """Add a record; it is written before the loop turns.

        Raises `FileInaccessible` after an earlier error.
        """
        if self._error is not None:
            raise self._failure(self._error)
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write)
        self._unwritten.append(frame(self.count, payload))

    def flush(self) -> None:
        """Write what was appended, so that it outlives the process, or raise `FileInaccessible`.

        The file then ends with the last record that was written whole.
        """
        self._write()
        if self._error is not None:
            raise self._failure(self._error)

    def synced(self) -> asyncio.Future[None]:
        """Return a future that completes once all appended records are durable.

        Raises through it `FileInaccessible`.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._is_synced:
            self._write()
            if self._error is None:
                future.set_result(None)
                return future
        self._waiting.append(future)
        if not self._syncing:
            self._syncing = True
            # What else is appended in this turn of the loop shares the sync.
            future.get_loop().call_soon(self._start_sync)
        return future

    def let_go(self) -> None:
        """Stop writing; records that are not yet written are dropped."""
        self._unwritten = []

    def close(self) -> None:
        """Close the file, in any thread, after `let_go` in the loop's thread."""
        # All futures are done by now; closing adds nothing to what is durable.
        with suppress(OSError):
            os.close(self._descriptor)

    def _start_sync(self) -> None:
        self._write()
        waiting, self._waiting = self._waiting, []
        if self._error is not None:
            self._end_sync(waiting)
            return
        synced = self._thread.submit(_sync, self._descriptor)
        synced.add_done_callback(lambda done: self._synced(waiting, done))

    def _synced(self, waiting: list[asyncio.Future[None]], done: asyncio.Future[None]) -> None:
        error = done.exception()
        if error is not None:
            # `fdatasync` raises nothing else.
            assert isinstance(error, OSError)
            self._error = error
        self._end_sync(waiting)

    def _end_sync(self, waiting: list[asyncio.Future[None]]) -> None:
        for future in waiting:
            if not future.done():
                if self._error is None:
                    future.set_result(None)
                else:
                    future.set_exception(self._failure(self._error))
        if self._waiting:
            self._start_sync()
        else:
            self._syncing = False

    def _write(self) -> None:
        if self._error is not None or not self._unwritten:
            return
        frames, self._unwritten = self._unwritten, []
        data = b"".join(frames)
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            self._error = error
            self._take_back()
        else:
            self._end += len(data)
            self._written += len(frames)

    def _take_back(self) -> None:
        """Truncate what was half written; if that fails too, the reader ignores it."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._end)

    def _failure(self, error: OSError) -> FileInaccessible:
        return FileInaccessible(self._path, "written", error)


def _sync(descriptor: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


class Journalled(msgspec.Struct, frozen=True):
    """A journal that was read; its `beginning` differs from that of any other journal."""

    log: BlockLog
    all_records: bool
    beginning: bytes


class JournalDamaged(FileDamaged):
    """A journal damaged beyond a torn end; `log` is what is still readable, or None."""

    def __init__(self, path: Path, error: BytesDamaged, log: BlockLog | None = None) -> None:
        super().__init__(path, f"offset {error.offset}", error.reason, help=_HELP)
        self.log = log


def read_journal(path: Path, boot_id: str | None) -> Journalled | None:
    """Read a journal without changing it; return None if there is none.

    A torn end is what a killed process or a power loss leaves of the last records. Nobody was told
    that these were durable, so they are ignored. If the machine has not restarted since, only the
    beginning of a record can be torn that way: anything else was whole once, and is damage, which
    raises `JournalDamaged`.
    """
    data = read_file(path, help=_HELP)
    if data is None:
        return None
    try:
        found = scan(data)
        log = log_of(_records(found))
    except VersionUnknown as error:
        raise FormatTooNew(path, error.version, VERSION) from None
    except BytesDamaged as error:
        raise JournalDamaged(path, error) from None
    except ValueError as error:
        raise JournalDamaged(path, BytesDamaged(FILE_HEADER, str(error))) from None
    same_boot = boot_id is not None and log.begun.boot_id == boot_id
    is_cut = is_beginning_of_frame(found.torn, len(found.payloads))
    if found.damage is not None:
        raise JournalDamaged(path, found.damage, log)
    if same_boot and not is_cut and any(found.torn):
        damage = BytesDamaged(found.end, "the last record is damaged")
        raise JournalDamaged(path, damage, log)
    return Journalled(log, same_boot and is_cut, beginning_of(data))


def journal_beginning(path: Path) -> bytes:
    """Return the first bytes of a journal, which identify it; empty if there is no journal."""
    data = read_file(path, help=_HELP)
    return b"" if data is None else beginning_of(data)


def boot_id() -> str | None:
    """Return the ID of this boot of the machine, or None if the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip() or None
    except OSError:
        # Not Linux, or hidden: every unclean ending is then taken for a loss of power.
        return None


def _records(found: Scan) -> Iterator[Record]:
    offset = FILE_HEADER
    for number, payload in enumerate(found.payloads):
        try:
            yield record_from(payload)
        except ValueError as error:
            raise BytesDamaged(offset, f"record {number} cannot be understood: {error}") from None
        offset += FRAME_HEADER + len(payload)
