"""The checksums of a file, as S3 will make them of the object."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peaceful.items._disk import disk_errors
from peaceful.items.aws._errors import UploadSourceMissing

_MEBIBYTE: Final = 1024 * 1024
_PART: Final = 8 * _MEBIBYTE
_MOST_PARTS: Final = 10_000
_READ: Final = _MEBIBYTE


def part_size(size: int) -> int:
    """How large the parts are in which a file of that many bytes is uploaded.

    It follows from the size alone, because the checksum of the object depends on it.
    """
    least = -(-size // _MOST_PARTS)
    return max(_PART, -(-least // _MEBIBYTE) * _MEBIBYTE)


@dataclass(frozen=True, slots=True)
class PartDigest:
    """The checksums of one part of a file.

    Attributes:
        sha256: its SHA-256.
        md5: its MD5, which tells parts apart where a server keeps no other checksum.
    """

    sha256: bytes
    md5: bytes

    @classmethod
    def of(cls, data: bytes) -> PartDigest:
        """Those of some bytes."""
        md5 = hashlib.md5(data, usedforsecurity=False)
        return cls(hashlib.sha256(data).digest(), md5.digest())

    @property
    def checksum(self) -> str:
        """The SHA-256 as S3 writes it."""
        return base64.b64encode(self.sha256).decode()

    def is_of(self, part: dict[str, object]) -> bool:
        """Whether a part that S3 has is the same, by the best checksum that it tells."""
        told = part.get("ChecksumSHA256")
        if told is not None:
            return told == self.checksum
        return str(part.get("ETag", "")).strip('"') == self.md5.hex()


@dataclass(frozen=True, slots=True)
class ObjectDigest:
    """What S3 tells of an object.

    Attributes:
        size: in bytes.
        checksum: the SHA-256 in base64; of an object in parts, that of the parts' SHA-256, a
            hyphen, and how many they are.
        etag: the same of MD5, in hexadecimal digits.
    """

    size: int
    checksum: str
    etag: str

    @classmethod
    def of(cls, size: int, parts: list[PartDigest]) -> ObjectDigest:
        """Of an object that is uploaded in these parts."""
        if size <= part_size(size):
            [part] = parts
            return cls(size, part.checksum, part.md5.hex())
        sha256 = hashlib.sha256(b"".join(part.sha256 for part in parts)).digest()
        md5 = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False)
        count = f"-{len(parts)}"
        return cls(size, base64.b64encode(sha256).decode() + count, md5.hexdigest() + count)


def digest_of(path: Path, between: Callable[[int, int], None]) -> ObjectDigest:
    """The checksums of a file.

    Args:
        path: the file.
        between: told after each read how many bytes came, and how many there are in all; what it
            raises ends the reading.

    Raises:
        UploadSourceMissing: there is no such file.
        DiskFailed: it cannot be read.
    """
    with disk_errors(path, "read"):
        try:
            size = path.stat().st_size
            parts = list(_parts(path, size, between))
        except FileNotFoundError:
            raise UploadSourceMissing(path) from None
    read = sum(length for length, _ in parts)
    return ObjectDigest.of(read, [digest for _, digest in parts])


def _parts(
    path: Path, size: int, between: Callable[[int, int], None]
) -> Iterator[tuple[int, PartDigest]]:
    with path.open("rb") as file:
        while True:
            sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            left = length = part_size(size)
            while left and (data := file.read(min(_READ, left))):
                sha256.update(data)
                md5.update(data)
                left -= len(data)
                between(len(data), size)
            read = length - left
            if read or size == 0:
                yield read, PartDigest(sha256.digest(), md5.digest())
            if left or size == 0:
                return
