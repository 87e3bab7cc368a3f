"""What the shim wrote down: operations on files, and what was said between them, in order."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from signal import SIGKILL
from typing import Final

from processes import in_a_shell
from shell import Ended, event_in

_HEAD: Final = struct.Struct("<IIQqIII")


class Kind(StrEnum):
    """What an operation does; `OPEN` may create a file, and found it there."""

    OPEN = "o"
    CREATE = "c"
    WRITE = "w"
    TRUNCATE = "t"
    RENAME = "r"
    LINK = "l"
    UNLINK = "u"
    MKDIR = "m"
    RMDIR = "d"
    CHMOD = "h"
    SYNC = "s"
    SYNCED = "e"
    SAY = "p"


CHANGES: Final = "cwtrlumdh"
"""The kinds that change something under the folder."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that succeeded.

    Attributes:
        kind: what it did.
        thread: the thread that did it.
        inode: the file; of what was said, the stream.
        offset: where data was written; of a truncation, the new size.
        path: the file's name in the folder, empty for the folder itself.
        target: its new name, where it got one.
        data: what was written, or said.
    """

    kind: Kind
    thread: int
    inode: int
    offset: int
    path: str
    target: str
    data: bytes


def read_log(path: Path) -> Sequence[Operation]:
    """Return what was written down."""
    return tuple(_operations(path.read_bytes()))


def told_in(operations: Sequence[Operation]) -> Ended:
    """Return what was told until then, as of a process that was killed."""
    out, err = (
        b"".join(each.data for each in operations if each.kind is Kind.SAY and each.inode == stream)
        for stream in (1, 2)
    )
    events = [event_in(line) for line in err.splitlines(keepends=True)]
    return Ended(
        in_a_shell(-SIGKILL), out.decode(), err.decode(), [each for each in events if each]
    )


def _operations(data: bytes) -> Iterator[Operation]:
    place = 0
    while place < len(data):
        kind, thread, inode, offset, *sizes = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        parts: list[bytes] = []
        for size in sizes:
            parts.append(data[place : place + size])
            place += size
        path, target = (part.decode().lstrip("/") for part in parts[:2])
        yield Operation(Kind(chr(kind)), thread, inode, offset, path, target, parts[2])
