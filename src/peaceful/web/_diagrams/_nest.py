"""Which thing is in which, and which borders a line goes through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from peaceful.web._diagrams._model import Link

TOP: Final = ""
"""Stands for the whole drawing, in which everything is."""


class Nest:
    """Things in things, and the lines between them.

    Attributes:
        inside: by thing, that in which it is; `TOP` for what is in nothing.
        contents: by thing, what is in it directly, in order; nothing for what holds nothing.
        links: the lines that are drawn: a line from a thing into itself is not, since it is in it.
    """

    def __init__(self, inside: Mapping[str, str], links: Iterable[Link]) -> None:
        self.inside: Final = dict(inside)
        contents: dict[str, list[str]] = {TOP: []}
        for one, around in self.inside.items():
            contents.setdefault(around, []).append(one)
        self.contents: Final[Mapping[str, Sequence[str]]] = contents
        self.links: Final = tuple(
            link
            for link in links
            if link.source not in self.around(link.target)
            and link.target not in self.around(link.source)
        )

    def around(self, one: str) -> list[str]:
        """What a thing is in, from the inside out; the last is `TOP`."""
        found: list[str] = []
        while one != TOP:
            one = self.inside[one]
            found.append(one)
        return found

    def within(self, one: str) -> list[str]:
        """A thing and all that is in it, each after what it is in."""
        found = [one]
        for each in found:
            found += self.contents.get(each, ())
        return found

    def units(self, one: str, level: str) -> list[str]:
        """A thing and what it is in, from the inside out, up to what is in a level directly."""
        found = [one]
        while self.inside[found[-1]] != level:
            found.append(self.inside[found[-1]])
        return found

    def level_of(self, link: Link) -> str:
        """The innermost thing in which both ends of a line are."""
        beside = set(self.around(link.target))
        return next(each for each in self.around(link.source) if each in beside)

    @cached_property
    def by_level(self) -> Mapping[str, Sequence[Link]]:
        """By thing, the lines whose ends are in different parts of it."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(self.level_of(link), []).append(link)
        return found

    @cached_property
    def leaving(self) -> Mapping[str, Sequence[str]]:
        """By thing, what in it has lines that go out of it."""
        return self._through(outwards=True)

    @cached_property
    def entering(self) -> Mapping[str, Sequence[str]]:
        """By thing, what in it has lines that come in from outside."""
        return self._through(outwards=False)

    def _through(self, *, outwards: bool) -> Mapping[str, Sequence[str]]:
        found: dict[str, dict[str, None]] = {}
        for link in self.links:
            end = link.source if outwards else link.target
            for each in self.units(end, self.level_of(link))[1:]:
                found.setdefault(each, {})[end] = None
        return {each: tuple(ends) for each, ends in found.items()}


def circles(units: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The groups of things that lines lead around in: strongly connected parts of two or more.

    Kosaraju and Sharir's way: a walk forwards tells the order, one backwards the groups.
    """
    after: dict[str, list[str]] = {unit: [] for unit in units}
    before: dict[str, list[str]] = {unit: [] for unit in units}
    for source, target in pairs:
        after[source].append(target)
        before[target].append(source)
    seen: set[str] = set()
    order = [one for unit in units for one in _left(unit, after, seen)]
    seen.clear()
    groups = [_left(unit, before, seen) for unit in reversed(order)]
    place = {unit: at for at, unit in enumerate(units)}
    return [sorted(group, key=place.__getitem__) for group in groups if len(group) > 1]


def _left(start: str, neighbours: Mapping[str, Sequence[str]], seen: set[str]) -> list[str]:
    """What a walk in depth comes to, in the order in which it leaves them for good."""
    if start in seen:
        return []
    seen.add(start)
    found: list[str] = []
    way = [(start, iter(neighbours[start]))]
    while way:
        here, rest = way[-1]
        following = next((one for one in rest if one not in seen), None)
        if following is None:
            found.append(here)
            way.pop()
        else:
            seen.add(following)
            way.append((following, iter(neighbours[following])))
    return found
