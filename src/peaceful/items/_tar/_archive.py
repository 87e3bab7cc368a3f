"""Archives: their streams, unpacked and read within limits."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol, cast

from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import ExtraMissing
from peaceful._present.numbers import size
from peaceful._present.text import count, one_line
from peaceful.items._disk import DiskFailed
from peaceful.items._tar._errors import (
    ArchiveDamaged,
    ArchiveFailed,
    ArchiveMissing,
    ArchiveRefused,
    ArchiveTooLarge,
)
from peaceful.items._tar._names import FileEntry, FolderEntry, Kind, LinkEntry, Manifest

_CHUNK: Final = 1024 * 1024
_LARGEST_READ: Final = 16 * 1024 * 1024
"""Bytes: more than this are only read at once for a header that lies about its size."""
_XZ_MEMORY: Final = 1024 * 1024 * 1024
"""Bytes: a dictionary of more than this is asked for by no archive that means well."""


class StreamInvalid(ValueError):
    """The bytes are not those of an archive; the text says why."""


class StreamTooLong(ValueError):
    """There are more bytes than allowed."""


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Forward:
    """A stream that `tarfile` can read, and that only goes forward.

    An archive whose headers lead back, which made `tarfile` read in a circle (CVE-2025-8194), is
    refused.

    Attributes:
        last: what was read last.
    """

    def __init__(self, source: _Source, most: int) -> None:
        self._source = source
        self._most = most
        self._position = 0
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        """Exactly so many bytes, fewer only at the end.

        Raises:
            StreamInvalid: too many are asked for at once.
            StreamTooLong: there are more in all than allowed.
        """
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
        """How many bytes were read."""
        return self._position

    def seek(self, position: int) -> int:
        """Reads up to a place.

        Raises:
            StreamInvalid: the place lies behind.
        """
        if position < self._position:
            raise StreamInvalid("a header in it leads back")
        while position > self._position and self.read(min(_CHUNK, position - self._position)):
            pass
        return self._position


class _Xz:
    """Unpacks one or more xz streams, with a bound on the memory that they may ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = self._new()
        self._begun = False

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
    try:
        # Python 3.14 and later.
        module = importlib.import_module("compression.zstd")
    except ImportError:
        pass
    else:
        return cast("_Source", module.ZstdFile(file))
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
"""By the first bytes, how the rest is unpacked."""


@contextmanager
def unpacked(path: Path, most: int) -> Generator[tuple[Forward, Callable[[], int]]]:
    """Opens an archive, packed in whatever way its first bytes say.

    Args:
        path: the archive.
        most: how many bytes it may unpack to.

    Yields:
        The bytes, and a function that says how many of the packed ones were read.

    Raises:
        ExtraMissing: it is packed in a way that needs an optional dependency.
        OSError: it cannot be read.
    """
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        begin = file.read(6)
        file.seek(0)
        unpack = next((make for magic, make in _UNPACK if begin.startswith(magic)), None)
        yield Forward(file if unpack is None else unpack(file), most), file.tell


_HEADERS: Final = 4096
"""Bytes that the headers of an entry may take on average: name, times, attributes."""
_END: Final = bytes(512)
"""What an archive ends with; twice, but once is enough to know that it is whole."""
_LAST_TIME: Final = 2.0**33
"""Seconds since 1970: some file systems know no later times."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an archive may become.

    Attributes:
        size: bytes of all files together.
        files: how many entries.
    """

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive, while it is the one being read.

    Attributes:
        raw_name: its name, as the archive has it.
        kind: what it is.
        target: where a link leads.
        mode: the rights that its file will have.
        modified: when it was changed; seconds since 1970.
        content: its bytes, to be read before the next entry is.
    """

    raw_name: str
    kind: Kind
    target: str
    mode: int
    modified: float
    content: Callable[[], Iterator[bytes]]


@contextmanager
def opened(path: Path, limits: Limits) -> Generator[tuple[Iterator[Member], Callable[[], int]]]:
    """Opens an archive.

    Yields:
        Its entries, in order; and a function that says how many of its bytes were read. Reading the
        entries and their content raises what opening raises.

    Raises:
        ArchiveFailed: there is none, it is damaged, or becomes larger than allowed.
        DiskFailed: it cannot be read.
        ExtraMissing: it is packed in a way that needs an optional dependency.
    """
    reading = _Reading(path, limits)
    with ExitStack() as stack:
        with reading:
            most = limits.size + (limits.files + 16) * _HEADERS
            stream, position = stack.enter_context(unpacked(path, most))
        yield _members(stream, reading), position


@dataclass(frozen=True, slots=True)
class _Reading:
    """Tells of whatever goes wrong within it as a failure of the archive."""

    path: Path
    limits: Limits

    def too_large(self) -> ArchiveFailed:
        return ArchiveTooLarge(self.path, size(self.limits.size), "max_size")

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        match error:
            case FileNotFoundError():
                raise ArchiveMissing(self.path) from error
            case StreamTooLong():
                raise self.too_large() from error
            case OSError() if error.errno is not None:
                raise DiskFailed(self.path, "read", error) from error
            case Exception() if not isinstance(error, PeacefulError):
                # Modules that unpack raise errors of their own, and `tarfile` whatever its parts
                # raise of a header that makes no sense.
                reason = one_line(str(error), 100) or "it ends too early"
                raise ArchiveDamaged(self.path, reason) from error
            case _:
                return


def _members(stream: Forward, reading: _Reading) -> Iterator[Member]:
    limits = reading.limits
    with reading:
        # `r:` and not `r|`, so that `Forward` sees how much is asked for at once.
        tar = tarfile.open(  # noqa: SIM115 - it holds nothing that would have to be closed
            fileobj=cast("IO[bytes]", stream), mode="r:", encoding="utf-8", errors="surrogateescape"
        )
    total = number = 0
    while True:
        with reading:
            info = tar.next()
            vars(tar)["members"].clear()  # Nobody looks back; all of them would be much.
            if info is not None and info.size < 0:
                raise StreamInvalid("a header in it claims a size that cannot be")
        if info is None:
            break
        number += 1
        total += info.size if info.isreg() else 0
        if number > limits.files:
            raise ArchiveTooLarge(reading.path, count(limits.files, "entry"), "max_files")
        if total > limits.size:
            raise reading.too_large()
        yield _member(tar, info, reading)
    with reading:
        # `tarfile` takes a broken header for the end; and what is packed has its checksum there.
        if stream.last != _END:
            raise StreamInvalid("it ends too early, or in the middle of something else")
        while stream.read(_CHUNK):
            pass


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo, reading: _Reading) -> Member:
    def content() -> Iterator[bytes]:
        with reading:
            file = tar.extractfile(info)
            assert file is not None
        while True:
            with reading:
                chunk = file.read(_CHUNK)
            if not chunk:
                return
            yield chunk

    return Member(
        raw_name=info.name,
        kind=_kind(info),
        target=info.linkname,
        mode=_rights(info.mode),
        modified=min(max(0.0, float(info.mtime)), _LAST_TIME),
        content=content,
    )


def _kind(info: tarfile.TarInfo) -> Kind:
    if info.type in tarfile.REGULAR_TYPES:
        return Kind.FILE
    return _KINDS.get(info.type, Kind.UNKNOWN)


_KINDS: Final = {
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.LINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
    tarfile.CHRTYPE: Kind.DEVICE,
    tarfile.BLKTYPE: Kind.DEVICE,
    tarfile.FIFOTYPE: Kind.PIPE,
}


def _rights(mode: int) -> int:
    """The rights of a file, as `tarfile.data_filter` gives them.

    Nothing runs as another user, nobody else may write, and the owner may read and write. Whoever
    may not run it as its owner may not run it at all.
    """
    mode &= 0o755
    return (mode if mode & 0o100 else mode & ~0o111) | 0o600


def manifest_of(
    path: Path,
    limits: Limits,
    between: Callable[[int, int], None],
) -> Manifest:
    """What an archive will bring; reads all of it.

    Args:
        path: the archive.
        limits: how large it may become.
        between: called between entries and parts of them, with how many bytes were read, and how
            many there are.

    Raises:
        ArchiveFailed: it cannot be extracted.
        DiskFailed: it cannot be read.
        ExtraMissing: it is packed in a way that needs an optional dependency.
    """
    manifest = Manifest()
    with opened(path, limits) as (members, position):
        packed = path.stat().st_size
        for member in members:
            between(position(), packed)
            name = manifest.name_of(member.raw_name, member.kind)
            if name is None:
                continue
            match member.kind:
                case Kind.FILE:
                    digest = hashlib.sha256()
                    length = 0
                    for chunk in member.content():
                        digest.update(chunk)
                        length += len(chunk)
                        between(position(), packed)
                    manifest.add(name, FileEntry(member.mode, length, digest.hexdigest()))
                case Kind.LINK:
                    manifest.add(name, LinkEntry(member.target))
                case Kind.HARD_LINK:
                    manifest.add_twin(name, member.target)
                case _:
                    manifest.add(name, FolderEntry())
    manifest.close()
    if manifest.refused:
        raise ArchiveRefused(path, manifest.refused)
    return manifest
