"""Streams of archives: unpacked, read and checked within limits."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import os
import struct
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol, Self, cast

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
from peaceful.items._tar._names import (
    FileEntry,
    FolderEntry,
    Kind,
    LinkEntry,
    Listing,
    Manifest,
    Place,
)
from peaceful.items._tar._selection import EVERYTHING, Selection

_CHUNK: Final = 256 * 1024
_BUFFER: Final = 128 * 1024
_OFTEN: Final = 16
"""Entries between two looks whether to go on."""
_RULES: Final = 1
"""Raised when other archives are refused, or other rights are given, than before."""
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

_FIELDS: Final = struct.Struct("100s 8s 16x 12s 12s 8s c")
"""Name, rights, size, time, checksum and type of a header."""
_PREFIX: Final = 345
"""Where a header has more of the name."""

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

    They have times where others have the beginning of a long name. Headers of plain files, of which
    there may be very many, are read in a quicker way than that of `tarfile`.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) != tarfile.BLOCKSIZE:
            return super().frombuf(buf, encoding, errors)
        is_gnu = buf[257:265] == _GNU_MAGIC
        name, mode, length, modified, check, kind = _FIELDS.unpack_from(buf)
        if kind == tarfile.REGTYPE and (is_gnu or not buf[_PREFIX]):
            with suppress(ValueError):
                if _octal(check) == 256 + sum(buf) - sum(buf[148:156]):
                    info = cls(name.partition(b"\0")[0].decode(encoding, errors))
                    info.mode, info.size, info.mtime = map(_octal, (mode, length, modified))
                    return info
        info = super().frombuf(buf, encoding, errors)
        if is_gnu:
            text = name.partition(b"\0")[0].decode(encoding, errors)
            info.name = text.rstrip("/") if info.isdir() else text
        return info


def _octal(digits: bytes) -> int:
    return int(digits.rstrip(b" \0"), 8)


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Forward:
    """A bounded, forward-only stream for `tarfile`, which keeps the `last` bytes that were read.

    It refuses archives whose headers lead back, which made `tarfile` loop forever (CVE-2025-8194).
    What is not packed is passed over without being read: `skip` is then the seek of the file.
    """

    def __init__(
        self, source: _Source, most: int, skip: Callable[[int], int] | None = None
    ) -> None:
        self._source = source
        self._most = most
        self._skip = skip
        self._position = 0
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        """Return exactly so many bytes, fewer only at the end, or raise one of the above."""
        if not 0 <= size <= _LARGEST_READ:
            raise StreamInvalid("a header in it claims a size that cannot be")
        # To read nothing is an error for some decompressors.
        data = self._source.read(size) if size else b""
        while len(data) < size and (piece := self._source.read(size - len(data))):
            data += piece
        self.last = data
        self._position += len(data)
        if self._position > self._most:
            raise StreamTooLong
        return data

    def tell(self) -> int:
        """Return the number of bytes that were read or passed over."""
        return self._position

    def seek(self, position: int) -> int:
        """Go forward to a position, or raise `StreamInvalid` if that lies behind."""
        if position < self._position:
            raise StreamInvalid("a header in it leads back")
        if self._skip is not None:
            self._position = self._skip(position)
            if position > self._most:
                raise StreamTooLong
        while position > self._position and self.read(min(_CHUNK, position - self._position)):
            pass
        return self._position

    def end(self) -> None:
        """Read to the end what is packed: it has its checksum there."""
        while self._skip is None and self.read(_CHUNK):
            pass


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


class Member(NamedTuple):
    """An entry of an archive.

    `mode` has the rights that a file will have, `modified` is in seconds since 1970; `place` is
    where a file's content is.
    """

    raw_name: str
    kind: Kind
    target: str
    mode: int
    modified: float
    place: Place


class Archive:
    """An open archive, read forward. Its methods raise as `opened` says."""

    def __init__(self, path: Path, limits: Limits, file: IO[bytes], stream: Forward) -> None:
        self._path = path
        self._limits = limits
        self._file = file
        self._stream = stream

    def progress(self) -> tuple[int, int]:
        """Return the position in the file, and the file's size."""
        return self._file.tell(), os.fstat(self._file.fileno()).st_size

    def source(self, selection: Selection) -> str:
        """Return what tells this archive, and what is extracted of it, from any other."""
        return source_of(os.fstat(self._file.fileno()), self._limits, selection)

    def members(self) -> Iterator[Member]:
        """Yield the entries in order, and check at the end that the archive is whole."""
        with _archive_errors(self._path, self._limits):
            yield from _members(self._stream, self._path, self._limits)

    def content(self, place: Place) -> Iterable[bytes]:
        """Return the content of a file, which is not before what was read last."""
        if place.pieces != ((0, place.size),) or place.size > _CHUNK:
            return self._chunks(place)
        with _archive_errors(self._path, self._limits):
            self._stream.seek(place.offset)
            return (self._read(place.size),)

    def _chunks(self, place: Place) -> Iterator[bytes]:
        with _archive_errors(self._path, self._limits):
            written = 0
            self._stream.seek(place.offset)
            for begin, length in (*place.pieces, (place.size, 0)):
                yield from _zeros(begin - written)
                written = begin + length
                for done in range(0, length, _CHUNK):
                    yield self._read(min(_CHUNK, length - done))

    def _read(self, length: int) -> bytes:
        data = self._stream.read(length)
        if len(data) < length:
            raise StreamInvalid("it ends too early")
        return data


def _zeros(length: int) -> Iterator[bytes]:
    while length > 0:
        yield bytes(min(_CHUNK, length))
        length -= _CHUNK


def source_of(facts: os.stat_result, limits: Limits, selection: Selection) -> str:
    """Return what tells an archive, and what is extracted of it, from any other."""
    patterns = [[each.text for each in some] for some in (selection.include, selection.exclude)]
    facts_ = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    what = (_RULES, facts_, limits.size, limits.files, selection.strip, *patterns)
    return hashlib.sha256(repr(what).encode()).hexdigest()


@contextmanager
def opened(path: Path, limits: Limits) -> Generator[Archive]:
    """Open an archive.

    Not only opening, but also reading entries and their content raises `ArchiveFailed`,
    `DiskFailed`, or `ExtraMissing` if the compression needs an optional dependency.
    """
    with ExitStack() as stack:
        with _archive_errors(path, limits):
            file = stack.enter_context(path.open("rb", buffering=_BUFFER))
            magic = file.read(6)
            file.seek(0)
            unpack = next((unpack for begin, unpack in _UNPACK if magic.startswith(begin)), None)
            most = limits.size + (limits.files + 16) * _HEADERS
            if unpack is None:
                stream = Forward(file, most, file.seek)
            else:
                stream = Forward(unpack(file), most)
        yield Archive(path, limits, file, stream)


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
            place=Place(info.offset_data, _pieces(info), info.size),
        )
    # `tarfile` takes a broken header for the end.
    if stream.last != _END:
        raise StreamInvalid("it ends too early, or in the middle of something else")
    stream.end()


def _pieces(info: tarfile.TarInfo) -> tuple[tuple[int, int], ...]:
    sparse: Sequence[tuple[int, int]] | None = getattr(info, "sparse", None)
    if sparse is None:
        return ((0, info.size),)
    pieces = tuple(piece for piece in sparse if piece[1])
    end = 0
    for begin, length in pieces:
        if begin < end or length < 0 or begin + length > info.size:
            raise StreamInvalid("a header in it has holes that cannot be")
        end = begin + length
    return pieces


def _rights(mode: int) -> int:
    """Return the rights of a file, as `tarfile.data_filter` does.

    Nothing runs as another user, nobody else may write, and the owner may read and write. Whoever
    may not run it as its owner may not run it at all.
    """
    mode &= 0o755
    return (mode if mode & 0o100 else mode & ~0o111) | 0o600


def read_listing(
    path: Path,
    limits: Limits,
    on_read: Callable[[int, int], None],
    selection: Selection = EVERYTHING,
    is_needed: Callable[[str, FileEntry], bool] = lambda _name, _entry: True,
) -> Listing:
    """Read an archive to its end, and return what is to be extracted.

    `on_read` gets the position in the file and the file's size, again and again. `is_needed` says
    by the name, rights and size of a file whether its checksum is needed; its content is passed
    over, if it is not.
    """
    manifest = Manifest(selection)
    listing, unmatched, any_file = manifest.listing, [*selection.include], False

    def with_checksum(archive: Archive, entry: FileEntry, place: Place) -> FileEntry:
        digest = hashlib.sha256()
        for chunk in archive.content(place):
            digest.update(chunk)
            on_read(*archive.progress())
        return FileEntry(entry.mode, entry.size, digest.hexdigest())

    with opened(path, limits) as archive:
        for number, member in enumerate(archive.members()):
            if number % _OFTEN == 0:
                on_read(*archive.progress())
            unmatched = [each for each in unmatched if not each.matches(member.raw_name)]
            any_file |= member.kind is not Kind.FOLDER
            name = manifest.name_of(member.raw_name, member.kind)
            file = FileEntry(member.mode, member.place.size)
            if member.kind is Kind.FILE and name is not None and is_needed(name, file):
                file = with_checksum(archive, file, member.place)
            _add(manifest, name, member, file)
        listing.source = archive.source(selection)
    manifest.close()
    if manifest.refused:
        raise ArchiveRefused(path, manifest.refused)
    if unmatched or (any_file and not listing.entries and selection is not EVERYTHING):
        raise NothingSelected(path, [each.text for each in unmatched])
    # Of a hard link, only now: when its content passed by, nobody knew of it.
    for name, file in manifest.twins_without_checksum():
        if is_needed(name, file):
            with opened(path, limits) as archive:
                place, _ = listing.places[name]
                listing.entries[name] = with_checksum(archive, file, place)
    return listing


def _add(manifest: Manifest, name: str | None, member: Member, file: FileEntry) -> None:
    raw, kind, target, _, modified, place = member
    match kind:
        case Kind.FILE:
            # Also if it is left out: a hard link may have its content from it.
            manifest.add(name, raw, file, place, modified)
        case Kind.LINK:
            manifest.add(name, raw, LinkEntry(target))
        case Kind.HARD_LINK:
            manifest.add_twin(name, raw, target, modified)
        case _:
            manifest.add(name, raw, FolderEntry())
