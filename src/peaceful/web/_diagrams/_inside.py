"""The inside of a thing: where its parts are, and how lines go through it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from peaceful.web._diagrams._model import Link, Point

TITLE: Final = 27.0
"""The height of the title of what holds others."""

PAD: Final = 12.0
"""The room between the edge of what holds others, and these."""

Way = tuple[Point, ...]
"""The points of a line, downwards."""


@dataclass(slots=True)
class Inside:
    """How a thing looks inside, seen from its upper left corner.

    Attributes:
        width: its own.
        height: its own.
        spots: by thing directly in it, the upper left corner of that; in a group whose parts share
            rows, by whatever is in these.
        sizes: likewise, width and height.
        links: the lines between its parts, or the piece of each that is at this level.
        out: by thing from which lines go out, the piece from its unit to the lower edge.
        into: by thing to which lines come, the piece from the upper edge to its unit.
    """

    width: float
    height: float
    spots: dict[str, Point] = field(default_factory=dict[str, Point])
    sizes: dict[str, Point] = field(default_factory=dict[str, Point])
    links: dict[Link, Way] = field(default_factory=dict[Link, Way])
    out: dict[str, Way] = field(default_factory=dict[str, Way])
    into: dict[str, Way] = field(default_factory=dict[str, Way])

    def take(self, other: Inside, x: float, y: float) -> None:
        """Takes over what is in another one, which stands at a place in this one."""
        self.spots.update({one: (a + x, b + y) for one, (a, b) in other.spots.items()})
        self.sizes.update(other.sizes)
        for mine, theirs in ((self.out, other.out), (self.into, other.into)):
            mine.update({one: moved(way, x, y) for one, way in theirs.items()})
        self.links.update({one: moved(way, x, y) for one, way in other.links.items()})


def moved(way: Way, x: float, y: float) -> Way:
    """A line, moved to the right and down."""
    return tuple((a + x, b + y) for a, b in way)
