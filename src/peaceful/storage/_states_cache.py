"""A side file that spares parsing a long YAML file which is as the program itself wrote it.

It holds the same as the YAML file, as JSON, a line per entry, and is used only while the YAML file
has the very bytes that it was made for. So it may be lost, damaged or out of date at any time.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from peaceful.model import JsonValue
from peaceful.storage._json_out import json_line
from peaceful.storage._pieces import Pieces

_FORMAT: Final = 2


class Cached(msgspec.Struct, frozen=True):
    """What a YAML file says, and how it says it.

    Attributes:
        pieces: its text, cut.
        lines: by key, key and entry as JSON.
        entries: by key, the entry.
    """

    pieces: Pieces
    lines: dict[str, str]
    entries: dict[str, JsonValue]


def digest_of(data: bytes) -> str:
    """What a file's bytes are recognised by."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def line_of(key: str, entry: str) -> str:
    """A key and its entry, which is JSON already, as one line of JSON."""
    return f"[{json_line(key)},{entry}]"


def encoded(digest: str, pieces: Pieces, lines: Sequence[str]) -> bytes:
    """The side file of a YAML file.

    Args:
        digest: of the YAML file's bytes.
        pieces: its text.
        lines: what it says, in the same order.
    """
    head = {
        "format": _FORMAT,
        "of": digest,
        "head": len(pieces.head),
        "pieces": list(map(len, pieces.texts.values())),
    }
    content = "\n".join((json.dumps(head), *lines)).encode("ascii")
    return b"%d\n%b" % (zlib.crc32(content), content)


def decoded(data: bytes, digest: str, text: str) -> Cached | None:
    """What a side file says of a YAML file, or none where it is not for this very file.

    Args:
        data: the side file.
        digest: of the YAML file's bytes.
        text: the YAML file.
    """
    check, _, content = data.partition(b"\n")
    try:
        if int(check) != zlib.crc32(content):
            return None
        first, *lines = content.decode("ascii").split("\n")
        head = json.loads(first)
        if (head["format"], head["of"]) != (_FORMAT, digest):
            return None
        pairs: list[tuple[str, JsonValue]] = json.loads(f"[{','.join(lines)}]")
    except ValueError:
        # Damaged: the YAML file itself is read instead.
        return None
    texts: dict[str, str] = {}
    start = head["head"]
    for (key, _), length in zip(pairs, head["pieces"], strict=True):
        texts[key] = text[start : start + length]
        start += length
    pieces = Pieces(text[: head["head"]], texts, text[start:])
    return Cached(pieces, dict(zip(texts, lines, strict=True)), dict(pairs))
