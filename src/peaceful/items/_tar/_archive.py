"""Streams of archives: unpacked, read and checked within limits."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, Protocol, Self, cast

from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import ExtraMissing
from peaceful._present.numbers import size
from peaceful._present.text import count, one_line
from peaceful.items._disk import DiskFailed
from peaceful.items._tar._errors import (
    ArchiveDamaged,
    ArchiveMissing,
    ArchiveRefused,
    ArchiveTooLarge,
    NothingSelected,
)
from peaceful.items._tar._names import Entry, FileEntry, FolderEntry, Kind, LinkEntry, Manifest
from peaceful.items._tar._selection import EVERYTHING, Selection

_CHUNK: Final = 1024 * 1024
_LARGEST_READ: Final = 16 * 1024 * 1024
"""Bytes: more than this are only read at once for a header that lies about its size."""
_XZ_MEMORY: Final = 1024 * 1024 * 1024
"""Bytes: no well-meant archive needs a larger dictionary."""
_HEADERS: Final = 4096
"""Bytes that the headers of an entry may take on average: name, times, attributes."""
_END: Final = bytes(512)
"""The block that ends an archive; it comes twice, but once proves that the archive is whole."""
_LAST_TIME: Final = 2.0**33
"""Seconds since 1970: some file systems know no later times."""

_VOLUME_LABEL: Final = b"V"
_DUMPED_FOLDER: Final = b"D"
"""GNU tar's types of a label, which is no entry, and of a folder with a list of what was in it."""
_GNU_MAGIC: Final = b"ustar  \0"

_KINDS: Final = {
    **dict.fromkeys(tarfile.REGULAR_TYPES, Kind.FILE),
    tarfile.DIRTYPE: Kind.FOLDER,
    _DUMPED_FOLDER: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
    tarfile.CHRTYPE: Kind.DEVICE,
    tarfile.BLKTYPE: Kind.DEVICE,
    tarfile.FIFOTYPE: Kind.PIPE,
}


class StreamInvalid(ValueError):
    """The bytes are not those of an archive."""


class StreamTooLong(ValueError):
    """There are more bytes than allowed."""


class _Header(tarfile.TarInfo):
    """A header whose name is right in GNU tar's incremental back-ups, too.

    They have times where others have the beginning of a long name.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if buf[257:265] == _GNU_MAGIC:
            name = bytes(buf[:100]).partition(b"\0")[0].decode(encoding, errors)
            info.name = name.rstrip("/") if info.isdir() else name
        return info


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Forward:
    """A bounded, forward-only stream for `tarfile`, which keeps the `last` bytes that were read.

    It refuses archives whose headers lead back, which made `tarfile` loop forever (CVE-2025-8194).
    """

    def __init__(self, source: _Source, most: int) -> None:
        self._source = source
        self._most = most
        self._position = 0
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        """Return exactly so many bytes, fewer only at the end, or raise one of the above."""
        if not 0 <= size <= _LARGEST_READ:
            raise StreamInvalid("a header in it claims a size that cannot be")
        pieces: list[bytes] = []
        missing = size
        while missing > 0 and (piece := self._source.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        self.last = b"".join(pieces)
        self._position += len(self.last)
        if self._position > self._most:
            raise StreamTooLong
        return self.last

    def tell(self) -> int:
        """Return the number of bytes that were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Read up to a position, or raise `StreamInvalid` if that lies behind."""
        if position < self._position:
            raise StreamInvalid("a header in it leads back")
        while position > self._position and self.read(min(_CHUNK, position - self._position)):
            pass
        return self._position


class _Xz:
    """A decompressor of xz streams in a row, with bounded memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = self._new()

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        while True:
            packed = b""
            if self._unpack.eof:
                # Another stream may follow, after padding.
                packed = self._unpack.unused_data.lstrip(b"\0") or self._after_padding()
                if not packed:
                    return b""
                self._unpack = self._new()
            elif self._unpack.needs_input:
                packed = self._file.read(_CHUNK)
                if not packed:
                    raise EOFError("it ends too early")
            if data := self._unpack.decompress(packed, max_length=size):
                return data

    def _after_padding(self) -> bytes:
        while packed := self._file.read(_CHUNK):
            if rest := packed.lstrip(b"\0"):
                return rest
        return b""


def _zstd(file: IO[bytes]) -> _Source:
    with suppress(ImportError):  # Python 3.14 and later have it.
        return cast("_Source", importlib.import_module("compression.zstd").ZstdFile(file))
    try:
        module = importlib.import_module("zstandard")
    except ImportError as error:
        raise ExtraMissing("TarExtract of a zst archive", "archive", "zstandard") from error
    return cast("_Source", module.ZstdDecompressor().stream_reader(file, read_across_frames=True))


_UNPACK: Final[tuple[tuple[bytes, Callable[[IO[bytes]], _Source]], ...]] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", _Xz),
    (b"\x28\xb5\x2f\xfd", _zstd),
)
"""Decompressors by the first bytes of what they read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes of all files together, and the most entries, that an archive may have."""

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of an archive; its content must be read before the next entry is.

    `mode` has the rights that a file will have, `modified` is in seconds since 1970.
    """

    raw_name: str
    kind: Kind
    target: str
    mode: int
    modified: float
    content: Callable[[], Iterator[bytes]]


@contextmanager
def opened(path: Path, limits: Limits) -> Generator[tuple[Iterator[Member], Callable[[], int]]]:
    """Open an archive, and yield its entries in order, and a function for the position in the file.

    Not only opening, but also reading entries and their content raises `ArchiveFailed`,
    `DiskFailed`, or `ExtraMissing` if the compression needs an optional dependency.
    """
    with ExitStack() as stack:
        with _archive_errors(path, limits):
            file = stack.enter_context(path.open("rb"))
            magic = file.read(6)
            file.seek(0)
            unpack = next((unpack for begin, unpack in _UNPACK if magic.startswith(begin)), None)
            most = limits.size + (limits.files + 16) * _HEADERS
            stream = Forward(file if unpack is None else unpack(file), most)
        yield _members(stream, path, limits), file.tell


@contextmanager
def _archive_errors(path: Path, limits: Limits) -> Generator[None]:
    try:
        yield
    except PeacefulError:
        raise
    except FileNotFoundError as error:
        raise ArchiveMissing(path) from error
    except StreamTooLong as error:
        raise ArchiveTooLarge(path, size(limits.size), "max_size") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise DiskFailed(path, "read", error) from error
        # Decompressors raise errors of their own, and `tarfile` whatever its parts raise of a
        # header that makes no sense.
        reason = one_line(str(error), 100) or "it ends too early"
        raise ArchiveDamaged(path, reason) from error


def _members(stream: Forward, path: Path, limits: Limits) -> Iterator[Member]:
    with _archive_errors(path, limits):
        # `r:` and not `r|`, so that `Forward` sees how much is asked for at once.
        tar = tarfile.open(  # noqa: SIM115 - it holds nothing that would have to be closed
            fileobj=cast("IO[bytes]", stream),
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
            tarinfo=_Header,
        )
        total = number = 0
        while (info := tar.next()) is not None:
            vars(tar)["members"].clear()  # Nobody looks back; all of them would be much.
            if info.size < 0:
                raise StreamInvalid("a header in it claims a size that cannot be")
            number += 1
            total += info.size if info.isreg() else 0
            if number > limits.files:
                raise ArchiveTooLarge(path, count(limits.files, "entry"), "max_files")
            if total > limits.size:
                raise ArchiveTooLarge(path, size(limits.size), "max_size")
            if info.type == _VOLUME_LABEL:
                continue
            yield Member(
                raw_name=info.name,
                kind=_KINDS.get(info.type, Kind.UNKNOWN),
                target=info.linkname,
                mode=_rights(info.mode),
                modified=min(max(0.0, float(info.mtime)), _LAST_TIME),
                content=partial(_content, tar, info, path, limits),
            )
        # `tarfile` takes a broken header for the end; and what is packed has its checksum there.
        if stream.last != _END:
            raise StreamInvalid("it ends too early, or in the middle of something else")
        while stream.read(_CHUNK):
            pass


def _content(
    tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path, limits: Limits
) -> Iterator[bytes]:
    with _archive_errors(path, limits):
        file = tar.extractfile(info)
        assert file is not None
        while chunk := file.read(_CHUNK):
            yield chunk


def _rights(mode: int) -> int:
    """Return the rights of a file, as `tarfile.data_filter` does.

    Nothing runs as another user, nobody else may write, and the owner may read and write. Whoever
    may not run it as its owner may not run it at all.
    """
    mode &= 0o755
    return (mode if mode & 0o100 else mode & ~0o111) | 0o600


def read_entries(
    path: Path,
    limits: Limits,
    on_read: Callable[[int, int], None],
    selection: Selection = EVERYTHING,
) -> Mapping[str, Entry]:
    """Read an archive to its end, and return the entries to be extracted by their names.

    `on_read` gets the position in the file and the file's size, again and again.
    """
    manifest = Manifest(selection)
    unmatched = selection.include
    any_file = False
    with opened(path, limits) as (members, position):
        packed = path.stat().st_size

        def file_entry(member: Member) -> FileEntry:
            digest = hashlib.sha256()
            length = 0
            for chunk in member.content():
                digest.update(chunk)
                length += len(chunk)
                on_read(position(), packed)
            return FileEntry(member.mode, length, digest.hexdigest())

        for member in members:
            on_read(position(), packed)
            unmatched = [each for each in unmatched if not each.matches(member.raw_name)]
            any_file |= member.kind is not Kind.FOLDER
            name = manifest.name_of(member.raw_name, member.kind)
            match member.kind:
                case Kind.FILE:
                    # Also if it is left out: a hard link may have its content from it.
                    manifest.add(name, member.raw_name, file_entry(member))
                case Kind.LINK:
                    manifest.add(name, member.raw_name, LinkEntry(member.target))
                case Kind.HARD_LINK:
                    manifest.add_twin(name, member.raw_name, member.target)
                case _:
                    manifest.add(name, member.raw_name, FolderEntry())
    manifest.close()
    if manifest.refused:
        raise ArchiveRefused(path, manifest.refused)
    if unmatched:
        raise NothingSelected(path, [each.text for each in unmatched])
    if any_file and not manifest.entries and selection is not EVERYTHING:
        raise NothingSelected(path, ())
    return manifest.entries
