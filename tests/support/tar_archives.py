"""Tar archives for tests: well-meaning ones from data, and such as nobody's tar would make."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from peaceful._model.codec import JsonValue


def member(
    name: str,
    content: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
    mode: int = 0o644,
) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of an archive, of whatever kind.

    Args:
        name: its name, as it will be in the archive.
        content: its bytes.
        kind: the kind, as tar writes it.
        target: where a link leads.
        mode: its rights.
    """
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname, info.mode = len(content), kind, target, mode
    info.mtime = 1_000_000_000
    return info, content


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive of entries, in order."""
    return tar_of(members)


def tar_of(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """An archive of entries, in order."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _zstd,
}
"""By ending, how an archive is packed."""


def packed(has: Mapping[str, JsonValue], name: str) -> bytes:
    """An archive from data, packed as its name says.

    Args:
        has: by name, a text; or none for a folder; or a mapping with `text` and `mode`, `link`,
            `hard_link`, `device` or `pipe`. What follows a `#` does not belong to the name.
        name: of the archive.
    """
    data = tar_of(_from_data(entry.partition("#")[0], what) for entry, what in has.items())
    pack = PACKERS.get(name.rpartition(".")[2])
    return data if pack is None else pack(data)


def _from_data(name: str, what: JsonValue) -> tuple[tarfile.TarInfo, bytes]:
    match what:
        case None:
            return member(name, kind=tarfile.DIRTYPE, mode=0o755)
        case str():
            return member(name, what.encode())
        case {"link": str(target)}:
            return member(name, kind=tarfile.SYMTYPE, target=target)
        case {"hard_link": str(target)}:
            return member(name, kind=tarfile.LNKTYPE, target=target)
        case {"device": True}:
            return member(name, kind=tarfile.CHRTYPE)
        case {"pipe": True}:
            return member(name, kind=tarfile.FIFOTYPE)
        case {"text": str(text), "mode": str(mode)}:
            return member(name, text.encode(), mode=int(mode, 8))
        case _:
            raise ValueError(f"{name}: {what!r} is no entry")
