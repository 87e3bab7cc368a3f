"""Things whose lines lead around in a circle, as seen from outside: out of one, and back into it.

They cannot stand below each other. They stand side by side, and all that is in them shares rows, so
that every line still goes down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from peaceful.web._diagrams._inside import PAD, TITLE, Inside, Way
from peaceful.web._diagrams._model import Link, Point
from peaceful.web._diagrams._nest import Nest
from peaceful.web._diagrams._ranks import topological

_BESIDE: Final = 16.0
_BELOW: Final = 30.0


def shared_rows(nest: Nest, units: Sequence[str], sizes: Mapping[str, Point]) -> Inside:
    """Puts units side by side, with rows that go through all of them.

    Args:
        nest: all things and lines.
        units: some that are in the same one.
        sizes: by thing, width and height; for what holds others, of its title.
    """
    parts = [part for unit in units for part in nest.within(unit)]
    rows = _Rows(nest, parts, sizes)
    inside = Inside(0.0, 0.0)
    rows.place(units, inside, 0.0)
    inside.width = max(inside.spots[one][0] + inside.sizes[one][0] for one in units)
    inside.height = max(inside.spots[one][1] + inside.sizes[one][1] for one in units)
    known = set(parts)
    for link in nest.links:
        comes, goes = link.target in known, link.source in known
        if comes and goes:
            inside.links[link] = _between(nest, link, inside)
        elif goes:
            x, y = _leaving(link.source, inside)
            inside.out[link.source] = ((x, y), (x, inside.height))
        elif comes:
            x, y = _entering(link.target, inside)
            inside.into[link.target] = ((x, 0.0), (x, y))
    return inside


class _Rows:
    def __init__(self, nest: Nest, parts: Sequence[str], sizes: Mapping[str, Point]) -> None:
        self.nest: Final = nest
        self.sizes: Final = sizes
        self.rank: Final = _ranks(nest, parts)
        number = max(self.rank.values()) + 1
        heights = [0.0] * number
        for part in parts:
            high = TITLE if self._holds(part) else sizes[part][1]
            heights[self.rank[part]] = max(heights[self.rank[part]], high)
        deep = max(len(nest.around(part)) for part in parts)
        self.tops: Final = [0.0]
        for height in heights:
            self.tops.append(self.tops[-1] + height + _BELOW + PAD * deep)

    def place(self, units: Sequence[str], inside: Inside, left: float) -> float:
        """Puts units beside each other, and tells where the next one could stand."""
        ends: dict[int, float] = {}
        for unit in units:
            if not self._holds(unit):
                rank, (width, height) = self.rank[unit], self.sizes[unit]
                inside.spots[unit] = (ends.get(rank, left), self.tops[rank])
                inside.sizes[unit] = (width, height)
                ends[rank] = ends.get(rank, left) + width + _BESIDE
        left = max(ends.values(), default=left)
        for unit in units:
            if self._holds(unit):
                left = self._place_holder(unit, inside, left) + _BESIDE
        return left

    def _place_holder(self, unit: str, inside: Inside, left: float) -> float:
        contents = self.nest.contents[unit]
        right = self.place(contents, inside, left + PAD) - _BESIDE + PAD
        top = self.tops[self.rank[unit]]
        bottom = PAD + max(inside.spots[one][1] + inside.sizes[one][1] for one in contents)
        width = max(right - left, self.sizes[unit][0])
        inside.spots[unit] = (left, top)
        inside.sizes[unit] = (width, bottom - top)
        return left + width

    def _holds(self, part: str) -> bool:
        return part in self.nest.contents


def _ranks(nest: Nest, parts: Sequence[str]) -> dict[str, int]:
    """By part, its row: below all that it comes after, and below the title of what it is in."""
    number = {part: at for at, part in enumerate(parts)}
    pairs = [(link.source, link.target) for link in nest.links]
    pairs += [(nest.inside[part], part) for part in parts]
    before: list[list[int]] = [[] for _ in parts]
    after: list[list[int]] = [[] for _ in parts]
    for source, target in pairs:
        if source in number and target in number:
            before[number[target]].append(number[source])
            after[number[source]].append(number[target])
    ranks = [0] * len(parts)
    for here in topological(before, after):
        ranks[here] = max((ranks[one] + 1 for one in before[here]), default=0)
    return {part: ranks[at] for part, at in number.items()}


def _between(nest: Nest, link: Link, inside: Inside) -> Way:
    x, y = _entering(link.target, inside)
    if link.source not in nest.contents:
        return (_leaving(link.source, inside), (x, y))
    # From the side of a title: below it are the things that it holds.
    left, top = inside.spots[link.source]
    width = inside.sizes[link.source][0]
    return ((left if x < left + width / 2 else left + width, top + TITLE / 2), (x, y))


def _leaving(one: str, inside: Inside) -> Point:
    (x, y), (width, height) = inside.spots[one], inside.sizes[one]
    return (x + width / 2, y + height)


def _entering(one: str, inside: Inside) -> Point:
    (x, y), (width, _) = inside.spots[one], inside.sizes[one]
    return (x + width / 2, y)
