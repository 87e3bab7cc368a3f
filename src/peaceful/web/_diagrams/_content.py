"""What is in a thing: parts side by side, each of which lines hold together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from peaceful.web._diagrams._inside import Inside
from peaceful.web._diagrams._layered import AT_PORT, layered
from peaceful.web._diagrams._mesh import Tie
from peaceful.web._diagrams._model import Point
from peaceful.web._diagrams._nest import TOP, Nest
from peaceful.web._diagrams._packing import packed

_APART: Final = 28.0
_APART_INSIDE: Final = 16.0
"""The room between parts that nothing joins: of the whole drawing, and of what is in a thing."""


class Units(Protocol):
    """What is known of the units of a level."""

    @property
    def nest(self) -> Nest:
        """All things and lines."""
        ...

    def size_of(self, one: str) -> Point:
        """The width and height of a unit."""
        ...

    def unit_of(self, one: str, level: str) -> str:
        """In which unit of a level a thing is."""
        ...

    def port_out(self, one: str, unit: str) -> float:
        """Where lines from a thing leave a unit, from its left edge."""
        ...

    def port_in(self, one: str, unit: str) -> float:
        """Where lines to a thing enter a unit, from its left edge."""
        ...


def content_of(known: Units, level: str, units: Sequence[str], limit: float) -> Inside:
    """Puts the units of a level in their places, without the border around them.

    What has lines to the outside stands at the right, over the whole height: nothing may be above
    or below it, and the title is at the left.

    Args:
        known: what is known of the units.
        level: the thing that holds them.
        units: their names.
        limit: how wide it may become, where that can be helped.
    """
    lines = _Lines(known, level)
    ported = [unit for unit in units if unit in lines.ported]
    alone = [_part(known, part, lines, limit) for part in lines.parts(units)]
    apart = _APART if level == TOP else _APART_INSIDE
    if not ported:
        return _beside(alone, limit, apart)
    first = _part(known, ported, lines, limit)
    rest = _beside(alone, max(limit - first.width, limit / 2), apart)
    # Lines that come in may have to go around the title, above everything else.
    top = AT_PORT if first.into else 0.0
    whole = Inside(first.width, max(first.height, top + rest.height))
    if alone:
        whole.take(rest, 0.0, top)
        whole.width += apart + rest.width
    whole.take(first, whole.width - first.width, 0.0)
    for one, way in whole.out.items():
        whole.out[one] = (*way, (way[-1][0], whole.height))
    return whole


class _Lines:
    """The lines at one level."""

    def __init__(self, known: Units, level: str) -> None:
        nest = known.nest

        def unit_of(one: str) -> str:
            return known.unit_of(one, level)

        self.links: Final = {
            link: ends
            for link in nest.by_level.get(level, ())
            if (ends := (unit_of(link.source), unit_of(link.target)))[0] != ends[1]
        }
        self.out: Final = {one: unit_of(one) for one in nest.leaving.get(level, ())}
        self.into: Final = {one: unit_of(one) for one in nest.entering.get(level, ())}
        self._joined = _Joined(self.links.values())
        roots = {self._joined.root(unit) for unit in (*self.out.values(), *self.into.values())}
        self.ported: Final = _Having(self._joined, roots)

    def parts(self, units: Iterable[str]) -> list[list[str]]:
        """The parts that have no lines to the outside, each with its units."""
        parts: dict[str, list[str]] = {}
        for unit in units:
            if unit not in self.ported:
                parts.setdefault(self._joined.root(unit), []).append(unit)
        return list(parts.values())


class _Joined:
    """Which units lines hold together."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._above: dict[str, str] = {}
        for one, other in pairs:
            self._above[self.root(one)] = self.root(other)

    def root(self, unit: str) -> str:
        """The one that stands for all of them."""
        while (above := self._above.get(unit, unit)) != unit:
            self._above[unit] = unit = self._above.get(above, above)
        return unit


class _Having:
    def __init__(self, joined: _Joined, roots: set[str]) -> None:
        self._joined = joined
        self._roots = roots

    def __contains__(self, unit: str) -> bool:
        return self._joined.root(unit) in self._roots


def _part(known: Units, units: Sequence[str], lines: _Lines, limit: float) -> Inside:
    """Units that lines hold together; and those that have lines to the outside."""
    number = {unit: at for at, unit in enumerate(units)}
    links = {link: ends for link, ends in lines.links.items() if ends[0] in number}
    into = [one for one, unit in lines.into.items() if unit in number]
    out = [one for one, unit in lines.out.items() if unit in number]
    begin, end = len(units), len(units) + len(into)
    ties = [
        Tie(number[a], number[b], known.port_out(link.source, a), known.port_in(link.target, b))
        for link, (a, b) in links.items()
    ]
    for at, one in enumerate(into, begin):
        unit = lines.into[one]
        ties.append(Tie(at, number[unit], 0.0, known.port_in(one, unit)))
    for at, one in enumerate(out, end):
        unit = lines.out[one]
        ties.append(Tie(number[unit], at, known.port_out(one, unit), 0.0))
    sizes = [known.size_of(unit) for unit in units] + [(0.0, 0.0)] * (len(into) + len(out))
    found = layered(sizes, ties, limit, range(begin, end), range(end, len(sizes)))
    ways = found.ways
    return Inside(
        found.width,
        found.height,
        spots=dict(zip(units, found.spots, strict=False)),
        sizes=dict(zip(units, sizes, strict=False)),
        links=dict(zip(links, ways, strict=False)),
        into=dict(zip(into, ways[len(links) :], strict=False)),
        out=dict(zip(out, ways[len(links) + len(into) :], strict=False)),
    )


def _beside(parts: Sequence[Inside], limit: float, apart: float) -> Inside:
    width, height, spots = packed([(one.width, one.height) for one in parts], limit, apart)
    whole = Inside(width, height)
    for part, (x, y) in zip(parts, spots, strict=True):
        whole.take(part, x, y)
    return whole
