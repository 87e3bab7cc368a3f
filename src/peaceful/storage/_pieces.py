"""A YAML file in pieces, one per top-level entry, so that what did not change keeps its very text.

Comments, blank lines and a person's way of writing survive in every entry that is not written anew;
of one that is, the comment lines directly above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from peaceful.storage._yaml_in import Entry

_DOCUMENT_MARK: Final = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^#", re.MULTILINE)
_LEAD: Final = re.compile(r"(?:#.*\n|[ \t]*\n)*")


class Pieces(msgspec.Struct, frozen=True):
    """The text of a file: what is above its entries, each entry, what is below.

    Attributes:
        head: up to the first entry.
        texts: by key and in their order, the text of each entry, with the comments above it.
        tail: comments after the last entry.
    """

    head: str
    texts: Mapping[str, str]
    tail: str

    def joined(self) -> str:
        """The text of the file."""
        return "".join((self.head, *self.texts.values(), self.tail))


def cut(text: str, entries: Sequence[Entry]) -> Pieces | None:
    """A text in pieces, or none where it is not written with each entry on lines of its own.

    Args:
        text: YAML.
        entries: what it says.
    """
    if _DOCUMENT_MARK.search(text):
        return None
    if not entries:
        return Pieces(text, {}, "")
    starts: list[int] = []
    for number, entry in enumerate(entries):
        line = text.rfind("\n", 0, entry.start) + 1
        if text[line : entry.start] not in ("", "? "):
            return None
        starts.append(line if number == 0 else _comment(text, entries[number - 1].end, line))
    end = _comment(text, entries[-1].end, len(text))
    starts.append(end)
    texts = {
        entry.key: text[start:stop]
        for entry, (start, stop) in zip(entries, pairwise(starts), strict=True)
    }
    last = entries[-1].key
    if not texts[last].endswith("\n"):
        texts[last] += "\n"
    return Pieces(text[: starts[0]], texts, text[end:])


def renewed(old: str | None, new: str) -> str:
    """The new text of an entry, below the comments that stood above the old one."""
    if old is None:
        return new
    lead = _LEAD.match(old)
    assert lead is not None
    return lead[0] + new


def merged_order(present: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Keys in a stable order: those that are there stay where they are, new ones come in between.

    Args:
        present: the keys that are there, in their order.
        wanted: an order that some of them and the new ones should have; a new key goes behind the
            one before it here, or before all where there is none. What is in it twice counts once.
    """
    order = list(present)
    there = set(order)
    placed = set(order)
    after: dict[str | None, list[str]] = {}
    anchor: str | None = None
    for key in wanted:
        if key not in placed:
            after.setdefault(anchor, []).append(key)
            placed.add(key)
        elif key in there:
            anchor = key
    merged = list(after.get(None, ()))
    for key in order:
        merged.append(key)
        merged += after.get(key, ())
    return merged


def _comment(text: str, start: int, stop: int) -> int:
    """Where the first comment line in a gap between two entries begins, or the end of the gap."""
    found = _COMMENT.search(text, start, stop)
    return stop if found is None else found.start()
