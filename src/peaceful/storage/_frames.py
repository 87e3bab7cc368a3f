"""How the journal is laid out in bytes: a header, then frames, each with its length and checksums.

```
file    magic (8 bytes) · version (u32) · CRC-32 of both (u32) · frame · frame · …
frame   length (u32) · number (u32) · CRC-32 of the payload (u32) · CRC-32 of the three (u32) ·
        payload
```

All numbers are big-endian. Frames are numbered from 0, so that one that is missing or twice there
is noticed. The payload is JSON in ASCII; as a number of four printable bytes would be a length of
half a gigabyte, no payload can look like a frame.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import msgspec

MAGIC: Final = b"peacefuJ"
VERSION: Final = 1

_FILE: Final = struct.Struct(">8sI")
_FRAME: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")

FILE_HEADER: Final = _FILE.size + _CRC.size
"""Bytes before the first frame."""
FRAME_HEADER: Final = _FRAME.size + _CRC.size
"""Bytes of a frame before its payload."""


class BytesDamaged(ValueError):
    """Bytes that were whole once are not so any more.

    Attributes:
        offset: where, in bytes from the beginning.
        reason: what is wrong there.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class VersionUnknown(ValueError):
    """A later version than this one wrote the file.

    Attributes:
        version: which one.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version}")
        self.version = version


class Scan(msgspec.Struct, frozen=True):
    """What a journal holds.

    Attributes:
        payloads: of each whole frame, in order.
        end: where the last whole frame ends.
        torn: the bytes after that: the beginning of a frame, or what a loss of power left of it.
        damage: where frames were lost, although whole ones follow; or none.
    """

    payloads: tuple[bytes, ...]
    end: int
    torn: bytes
    damage: BytesDamaged | None = None


def file_header(version: int = VERSION) -> bytes:
    """The first bytes of a journal."""
    head = _FILE.pack(MAGIC, version)
    return head + _CRC.pack(zlib.crc32(head))


def frame(number: int, payload: bytes) -> bytes:
    """A payload with its length and checksums."""
    head = _FRAME.pack(len(payload), number, zlib.crc32(payload))
    return b"%b%b%b" % (head, _CRC.pack(zlib.crc32(head)), payload)


def scan(data: bytes) -> Scan:
    """Takes a journal apart. Of damage in its midst, it tells; what comes before that is whole.

    Raises:
        BytesDamaged: it does not begin as a journal does.
        VersionUnknown: a later version wrote it.
    """
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
    """The file's header and its first frame, or what there is of them."""
    length = int.from_bytes(data[FILE_HEADER : FILE_HEADER + 4])
    return data[: FILE_HEADER + FRAME_HEADER + length]


def is_beginning_of_frame(torn: bytes, number: int) -> bool:
    """Whether bytes are nothing, or what a process leaves that is killed within writing a frame."""
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
    """The payload of the whole frame at an offset, or none where there is no such frame."""
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
        # Of most places the length alone tells, which is faster than a checksum.
        fits = int.from_bytes(data[place : place + 4]) <= len(data) - FRAME_HEADER - place
        if fits and _payload_at(data, place, None) is not None:
            return True
    return False
