"""Reading a tar archive: its entries in order, and what they will be."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from peaceful.items._disk import DiskFailed
from peaceful.items._tar._entry import FileEntry, FolderEntry, LinkEntry
from peaceful.items._tar._errors import (
    ArchiveDamaged,
    ArchiveFailed,
    ArchiveMissing,
    ArchiveRefused,
    ArchiveTooLarge,
)
from peaceful.items._tar._names import Kind, Manifest
from peaceful.items._tar._stream import Forward, StreamInvalid, StreamTooLong, unpacked
from peaceful.present import count, one_line, size

_CHUNK: Final = 1024 * 1024
_HEADERS: Final = 4096
"""Bytes that the headers of an entry may take on average: name, times, attributes."""
_END: Final = bytes(512)
"""What an archive ends with; twice, but once is enough to know that it is whole."""


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
        size: in bytes, as it is declared.
        mode: the rights that its file will have.
        modified: when it was changed; seconds since 1970.
        content: its bytes, to be read before the next entry is.
    """

    raw_name: str
    kind: Kind
    target: str
    size: int
    mode: int
    modified: float
    content: Callable[[], Iterator[bytes]]


@contextmanager
def opened(path: Path, limits: Limits) -> Generator[tuple[Iterator[Member], Callable[[], int]]]:
    """Opens an archive.

    Yields:
        Its entries, in order; and a function that says how many of its bytes were read.

    Raises:
        ArchiveFailed: there is none, it is damaged, or becomes larger than allowed; also while it is
            read within the context.
        DiskFailed: it cannot be read.
        ExtraMissing: it is packed in a way that needs an optional dependency.
    """
    most = limits.size + (limits.files + 16) * _HEADERS
    try:
        with unpacked(path, most) as (stream, position):
            yield _members(path, stream, limits), position
    except FileNotFoundError as error:
        raise ArchiveMissing(path) from error
    except StreamTooLong as error:
        raise _too_large(path, limits) from error
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise ArchiveDamaged(path, one_line(str(error), 100) or "it ends too early") from error
    except OSError as error:
        if error.errno is None:  # Modules that unpack say so of what they cannot read.
            raise ArchiveDamaged(path, one_line(str(error), 100)) from error
        raise DiskFailed(path, "read", error) from error
    except Exception as error:
        if type(error).__name__ == "ZstdError":  # Of a module that may not be installed.
            raise ArchiveDamaged(path, one_line(str(error), 100)) from error
        raise


def _too_large(path: Path, limits: Limits) -> ArchiveFailed:
    return ArchiveTooLarge(path, size(limits.size), "max_size")


def _members(path: Path, stream: Forward, limits: Limits) -> Iterator[Member]:
    # `r:` and not `r|`: `Forward` sees how much is asked for at once.
    with tarfile.open(
        fileobj=cast("IO[bytes]", stream), mode="r:", encoding="utf-8", errors="surrogateescape"
    ) as tar:
        total = number = 0
        while (info := tar.next()) is not None:
            tar.members.clear()  # Nobody looks back; all of them would be much.
            number += 1
            total += max(0, info.size)
            if number > limits.files:
                raise ArchiveTooLarge(path, count(limits.files, "entry"), "max_files")
            if total > limits.size:
                raise _too_large(path, limits)
            yield _member(tar, info)
    if stream.last != _END:
        raise StreamInvalid("it ends too early")


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def content() -> Iterator[bytes]:
        file = tar.extractfile(info)
        assert file is not None
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return Member(
        raw_name=info.name,
        kind=_kind(info),
        target=info.linkname,
        size=info.size,
        mode=_rights(info.mode),
        modified=min(max(0.0, float(info.mtime)), 2.0**33),
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

    Nothing runs as another user, nobody else may write, and the owner may read and write. Whoever may
    not run it as its owner may not run it at all.
    """
    mode &= 0o755
    return (mode if mode & 0o100 else mode & ~0o111) | 0o600


def manifest_of(
    path: Path, limits: Limits, reserved: str, between: Callable[[int, int], None]
) -> Manifest:
    """What an archive will bring; reads all of it.

    Args:
        path: the archive.
        limits: how large it may become.
        reserved: a name that it must not have.
        between: called between entries and parts of them, with how many bytes were read, and how many
            there are.

    Raises:
        ArchiveFailed: it cannot be extracted.
        DiskFailed: it cannot be read.
        ExtraMissing: it is packed in a way that needs an optional dependency.
    """
    manifest = Manifest(reserved)
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
