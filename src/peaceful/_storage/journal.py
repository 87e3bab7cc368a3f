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

from peaceful._aio import DaemonThreadPool, done_at_once
from peaceful._atomic import write_all
from peaceful._errors.running import FileDamaged, FileInaccessible, FormatTooNew
from peaceful._storage.files import open_new, read_file, refusals, write_file_atomically
from peaceful._storage.records import BlockLog, Record, log_of, record_from

MAGIC: Final = b"peacefuJ"

VERSION: Final = 3

_SAYS_CHANGING: Final = 3
"""The version since which a journal says from where on items are changed."""

_FILE: Final = struct.Struct(">8sI")

_FRAMES: Final = {1: struct.Struct(">0sIII"), **dict.fromkeys((2, 3), struct.Struct(">8sIIIQ"))}
"""By version, a frame's header: word, length, number, checksum of the payload; offset of a sync.

Up to that offset, all was synced when the frame was written. Version 1 has neither that nor a word.
"""

_FRAME: Final = _FRAMES[VERSION]

_CRC: Final = struct.Struct(">I")
"""The checksum that follows each header."""

_WORD: Final = {1: 0, 2: 8, 3: 8}
"""By version, the size of the word that begins each frame of a journal, and no frame of another.

It is found fast. Where a disk shows what an older journal left there, nothing is taken for a frame.
"""

_WORD_AT: Final = _FILE.size + _CRC.size

FILE_HEADER: Final = _WORD_AT + _WORD[VERSION]
"""Size in bytes of what comes before the first frame."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

_HELP: Final = (
    "let the damaged file be moved aside, and the states found anew: `discover`; what the file "
    "told is treated as out of date"
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
    """The frames of a journal.

    Attributes:
        payloads: those of the whole frames before the first bad one, with their `offsets`.
        end: where the first bad frame begins, or the end.
        torn: what is there from then on.
        cut: whether a process that was killed while it wrote a frame can have left these bytes.
        synced: all before this offset was on disk once, as the headers tell that are whole.
        version: that of the journal.
    """

    payloads: tuple[bytes, ...]
    offsets: tuple[int, ...]
    end: int
    torn: bytes
    cut: bool
    synced: int
    version: int


class _Header(msgspec.Struct, frozen=True):
    length: int
    number: int
    check: int
    synced: int = 0


def file_header(word: bytes, version: int = VERSION) -> bytes:
    return _with_check(_FILE.pack(MAGIC, version)) + word


def frame(word: bytes, number: int, synced: int, payload: bytes) -> bytes:
    """Return a payload with its header."""
    head = _with_check(_FRAME.pack(word, len(payload), number, zlib.crc32(payload), synced))
    return head + payload


def scan(data: bytes) -> Scan:
    """Split a journal into frames. Raises `BytesDamaged` or `VersionUnknown` for its header."""
    frames = _Frames(data)
    payloads: list[bytes] = []
    offsets: list[int] = []
    offset, synced = frames.begin, 0
    while (header := frames.header_at(offset)) is not None:
        payload = frames.payload_at(offset, header)
        if payload is None or header.number != len(payloads):
            break
        payloads.append(payload)
        offsets.append(offset)
        offset += frames.header_size + header.length
        synced = header.synced
    torn = data[offset:]
    cut = len(torn) < frames.header_size or (
        header is not None
        and header.number == len(payloads)
        and len(torn) < frames.header_size + header.length
    )
    synced = max(synced, frames.last_synced(offset))
    return Scan(tuple(payloads), tuple(offsets), offset, torn, cut, synced, frames.version)


class _Frames:
    """The bytes of a journal. Raises `BytesDamaged` or `VersionUnknown` for its header."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _WORD_AT:
            raise BytesDamaged(len(data), "it ends before its first record")
        magic, version = _FILE.unpack_from(data)
        if magic != MAGIC or not _has_check(data, 0, _FILE):
            raise BytesDamaged(0, "it does not begin as a journal of states does")
        if version not in _FRAMES:
            raise VersionUnknown(version)
        self._data = data
        self.version: int = version
        self._layout = _FRAMES[version]
        self.header_size: int = self._layout.size + _CRC.size
        self.begin: int = _WORD_AT + _WORD[version]
        self._word = data[_WORD_AT : self.begin]

    def header_at(self, offset: int) -> _Header | None:
        """Return the header at an offset, or None if it is not whole."""
        if not _has_check(self._data, offset, self._layout):
            return None
        word, *fields = self._layout.unpack_from(self._data, offset)
        return _Header(*fields) if word == self._word else None

    def payload_at(self, offset: int, header: _Header) -> bytes | None:
        """Return the payload of the frame at an offset, or None if it is not whole."""
        start = offset + self.header_size
        payload = self._data[start : start + header.length]
        whole = len(payload) == header.length and zlib.crc32(payload) == header.check
        return payload if whole else None

    def last_synced(self, offset: int) -> int:
        """Return what the last whole header from an offset on tells, which is the most."""
        place = self._data.rfind(self._word, offset) if self._word else -1
        while place >= 0:
            header = self.header_at(place)
            if header is not None:
                return header.synced
            place = self._data.rfind(self._word, offset, place + len(self._word) - 1)
        return 0


def _with_check(head: bytes) -> bytes:
    return head + _CRC.pack(zlib.crc32(head))


def _has_check(data: bytes, offset: int, head: struct.Struct) -> bool:
    end = offset + head.size
    check = data[end : end + _CRC.size]
    return len(check) == _CRC.size and zlib.crc32(data[offset:end]) == int.from_bytes(check)


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
        self._word = os.urandom(_WORD[VERSION])
        begin = file_header(self._word) + frame(self._word, 0, 0, first)
        write_file_atomically(path, begin, sync=sync)
        with refusals(path, "written"):
            self._descriptor = open_new(path, os.O_WRONLY | os.O_APPEND)
        self._end = len(begin)
        self._synced_to = len(begin) if sync else 0
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
        self._unwritten.append(frame(self._word, self.count, self._synced_to, payload))

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
        if not self._is_synced:
            self._write()
            if self._error is None:
                return done_at_once()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
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
        end = self._end
        synced = self._thread.submit(_sync, self._descriptor)
        synced.add_done_callback(lambda done: self._synced(waiting, end, done))

    def _synced(
        self, waiting: list[asyncio.Future[None]], end: int, done: asyncio.Future[None]
    ) -> None:
        error = done.exception()
        if error is None:
            self._synced_to = end
        else:
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
                    # Whoever does not wait for it hears of the error at the next record.
                    future.exception()
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
            # Take back what was half written; if that fails too, the reader ignores it.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
        else:
            self._end += len(data)
            self._written += len(frames)

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

    After a loss of power, whatever is bad behind the last sync that it tells of is the torn end:
    later records may be whole although earlier ones are lost, and nobody was told that any of them
    was durable, so they are ignored. If the machine has not restarted since, only the beginning of
    a record can be torn, by a killed process. Anything else was whole once, and is damage, which
    raises `JournalDamaged`.
    """
    data = read_file(path, help=_HELP)
    if data is None:
        return None
    try:
        found = scan(data)
        log = log_of(_records(found), says_changing=found.version >= _SAYS_CHANGING)
    except VersionUnknown as error:
        raise FormatTooNew(path, error.version, VERSION) from None
    except BytesDamaged as error:
        raise JournalDamaged(path, error) from None
    except ValueError as error:
        raise JournalDamaged(path, BytesDamaged(FILE_HEADER, str(error))) from None
    same_boot = boot_id is not None and log.begun.boot_id == boot_id
    if same_boot:
        is_damaged = not found.cut and found.torn != bytes(len(found.torn))
    else:
        is_damaged = found.end < found.synced
    if is_damaged:
        damage = BytesDamaged(found.end, "a record is damaged that had been written whole")
        raise JournalDamaged(path, damage, log)
    return Journalled(log, same_boot and found.cut, data[:FILE_HEADER])


def journal_beginning(path: Path) -> bytes:
    """Return the first bytes of a journal, which identify it; empty if there is no journal."""
    return read_file(path, help=_HELP, size=FILE_HEADER) or b""


def boot_id() -> str | None:
    """Return the ID of this boot of the machine, or None if the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip() or None
    except OSError:
        # Not Linux, or hidden: every unclean ending is then taken for a loss of power.
        return None


def _records(found: Scan) -> Iterator[Record]:
    for number, payload in enumerate(found.payloads):
        try:
            yield record_from(payload)
        except ValueError as error:
            raise BytesDamaged(
                found.offsets[number], f"record {number} cannot be understood: {error}"
            ) from None
