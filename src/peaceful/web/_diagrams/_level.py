"""The insides of things that hold others, from the insides of what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from peaceful.web._diagrams._content import content_of
from peaceful.web._diagrams._inside import PAD, TITLE, Inside
from peaceful.web._diagrams._model import Point
from peaceful.web._diagrams._nest import TOP, Nest, circles
from peaceful.web._diagrams._shared_rows import shared_rows

_PORT: Final = 8.0
"""The room between two lines that come in, and between a title and the first of them."""

GROUP: Final = "\r"
"""With this begins the name of a group of things that share rows."""

_NARROWER: Final = 0.9
"""How much narrower each level of nesting is than the one around it."""


class Levels:
    """The insides of all things that hold others.

    Attributes:
        nest: all things and lines.
        insides: by thing that holds others, how it looks inside; and by group of things that share
            rows, under a name of its own.
        group_of: by thing, the group of which it is a part.
    """

    def __init__(self, nest: Nest, sizes: Mapping[str, Point], limit: float) -> None:
        """Makes them, from the inside out.

        Args:
            nest: all things and lines.
            sizes: by thing, width and height; for what holds others, of its title.
            limit: how wide the drawing may become, where that can be helped.
        """
        self.nest: Final = nest
        self.insides: Final[dict[str, Inside]] = {}
        self.group_of: Final[dict[str, str]] = {}
        self._titles = sizes
        self._sizes = dict(sizes)
        self._limit = limit
        for one in reversed(nest.within(TOP)):
            if one in nest.contents:
                self._make(one)

    def size_of(self, one: str) -> Point:
        """The width and height of a thing, or of a group."""
        return self._sizes[one]

    def unit_of(self, one: str, level: str) -> str:
        """In which unit of a level a thing is."""
        unit = self.nest.units(one, level)[-1]
        return self.group_of.get(unit, unit)

    def port_out(self, one: str, unit: str) -> float:
        """Where lines from a thing leave a unit, from its left edge."""
        return self._sizes[one][0] / 2 if unit == one else self.insides[unit].out[one][-1][0]

    def port_in(self, one: str, unit: str) -> float:
        """Where lines to a thing enter a unit, from its left edge."""
        return self._sizes[one][0] / 2 if unit == one else self.insides[unit].into[one][0][0]

    def _make(self, level: str) -> None:
        units = self._with_groups(level)
        limit = self._limit * _NARROWER ** len(self.nest.around(level))
        inside = content_of(self, level, units, limit)
        if level != TOP:
            inside = self._bordered(level, inside)
        self.insides[level] = inside
        self._sizes[level] = (inside.width, inside.height)

    def _with_groups(self, level: str) -> list[str]:
        """The units of a level, with groups in the place of those that lines lead around in."""
        units = list(self.nest.contents[level])
        pairs = [
            (self.nest.units(link.source, level)[-1], self.nest.units(link.target, level)[-1])
            for link in self.nest.by_level.get(level, ())
        ]
        for group in circles(units, pairs):
            name = f"{GROUP}{group[0]}"
            inside = shared_rows(self.nest, group, self._titles)
            self.insides[name] = inside
            self._sizes[name] = (inside.width, inside.height)
            self.group_of.update(dict.fromkeys(group, name))
            units[units.index(group[0])] = name
            units = [unit for unit in units if unit not in group]
        return units

    def _bordered(self, level: str, content: Inside) -> Inside:
        """What a thing holds, with its title above and its border around."""
        title = self._titles[level][0]
        ports = _ports(content, title)
        widest = max([content.width + PAD, title, *(x + PAD / 2 for x in ports.values())])
        inside = Inside(widest + PAD, TITLE + content.height + PAD)
        inside.take(content, PAD, TITLE)
        for one, x in ports.items():
            # The first two points are where it would have come in, were there no title.
            inside.into[one] = ((x, 0.0), (x, TITLE - PAD / 2), *inside.into[one][2:])
        for one, way in inside.out.items():
            inside.out[one] = (*way, (way[-1][0], inside.height))
        return inside


def _ports(content: Inside, title: float) -> dict[str, float]:
    """Where lines come in: beside the title, not through it."""
    ports: dict[str, float] = {}
    least = title + _PORT
    for one in sorted(content.into, key=lambda each: content.into[each][0][0]):
        ports[one] = max(content.into[one][0][0] + PAD, least)
        least = ports[one] + _PORT
    return ports
