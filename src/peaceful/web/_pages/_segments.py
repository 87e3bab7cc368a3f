"""The bar over all items: a segment for each, or, of many, one for all that stand alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from peaceful.web._pages._rows import BY_PROGRESS, ItemRow, Stand

WIDTH: Final = 1000.0
"""Units that the bar is wide."""

_GAP: Final = 3.0
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bar.

    Attributes:
        stand: how the items stand that it is for.
        x: where it begins.
        width: how wide it is.
        done: how much of it is filled, as of an item in progress.
    """

    stand: Stand
    x: float
    width: float
    done: float = 0.0


def segments(rows: Sequence[ItemRow]) -> tuple[Segment, ...]:
    """The bar over all items."""
    return tuple(_each(rows) if len(rows) <= _MOST else _alike(rows))


def _each(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    wide = (WIDTH - _GAP * (len(rows) - 1)) / max(1, len(rows))
    for place, row in enumerate(rows):
        done = wide * (row.fraction or 0) if row.in_progress else 0.0
        yield Segment(row.stand, _round(place * (wide + _GAP)), _round(wide), _round(done))


def _alike(rows: Sequence[ItemRow]) -> Iterator[Segment]:
    counts = Counter(row.stand for row in rows)
    room = WIDTH - _GAP * (len(counts) - 1)
    x = 0.0
    for stand in BY_PROGRESS:
        if counts[stand]:
            wide = room * counts[stand] / len(rows)
            yield Segment(stand, _round(x), _round(wide))
            x += wide + _GAP


def _round(number: float) -> float:
    return round(number, 1)
