"""The bytes of an archive, unpacked, in one direction, and never more than allowed."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, Protocol, cast

from peaceful.errors import ExtraMissing

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
