"""The places that items touch, in each other; paths of files put into folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from peaceful.model import Location, LocationKind


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a diagram.

    Attributes:
        id: unique in the diagram.
        name: its name, from where its parent ends.
        kind: what sort of place it is.
        parent: the ID of the place in which it is, or none.
    """

    id: str
    name: str
    kind: LocationKind
    parent: str | None


class Places:
    """Places of a diagram.

    Attributes:
        all: every place after the one in which it is.
    """

    def __init__(self, locations: Iterable[Location]) -> None:
        self.all: Final[list[Place]] = []
        self._ids: dict[Location, str] = {}
        within: dict[Location | None, dict[Location, None]] = {}
        for location in locations:
            for each in _way_to(location):
                within.setdefault(each.parent, {})[each] = None
        self._add(None, None, within)
        self._by_id = {place.id: place for place in self.all}

    def id_of(self, location: Location) -> str:
        """The ID of a location's place."""
        return self._ids[location]

    def around(self, place: str | None) -> Iterator[str]:
        """A place and those around it, from the inside out."""
        while place is not None:
            yield place
            place = self._by_id[place].parent

    def common(self, one: str, other: str) -> str | None:
        """The innermost place in which two places are, itself among them; or none."""
        beside = set(self.around(other))
        return next((each for each in self.around(one) if each in beside), None)

    def _add(
        self,
        around: Location | None,
        parent: str | None,
        within: Mapping[Location | None, Mapping[Location, None]],
    ) -> None:
        locations = within.get(around, {})
        paths = {each.name: each for each in locations if each.kind is LocationKind.PATH}
        for each in locations:
            if each.kind is not LocationKind.PATH:
                self._ids[each] = self._made(each.name, each.kind, parent)
                self._add(each, self._ids[each], within)
        self._add_paths(_folders(paths), parent, paths)
        for each in paths.values():
            self._add(each, self._ids[each], within)

    def _add_paths(
        self, folder: _Folder, parent: str | None, paths: Mapping[str, Location]
    ) -> None:
        for name, each in folder.parts.items():
            here = self._made(name, LocationKind.PATH, parent)
            for whole in each.names:
                self._ids[paths[whole]] = here
            self._add_paths(each, here, paths)

    def _made(self, name: str, kind: LocationKind, parent: str | None) -> str:
        place = Place(f"place-{len(self.all) + 1}", name, kind, parent)
        self.all.append(place)
        return place.id


@dataclass(slots=True)
class _Folder:
    """A folder while paths are sorted into it.

    Attributes:
        parts: what is in it, by name.
        names: the paths that mean the folder itself.
    """

    parts: dict[str, _Folder] = field(default_factory=dict[str, "_Folder"])
    names: list[str] = field(default_factory=list[str])


def _folders(names: Iterable[str]) -> _Folder:
    """Paths by the folders that they share; a folder of one thing is no folder of its own."""
    root = _Folder()
    for name in names:
        here = root
        for part in _split(name):
            here = here.parts.setdefault(part, _Folder())
        here.names.append(name)
    whole = _Folder()
    for name, each in root.parts.items():
        if name == "/" and not each.names:
            # That all of them begin at the root says nothing.
            whole.parts |= {f"/{inner}": part for inner, part in _merged_parts(each).items()}
        else:
            joined, found = _merged(name, each)
            whole.parts[joined] = found
    return whole


def _merged_parts(folder: _Folder) -> dict[str, _Folder]:
    return dict(_merged(name, each) for name, each in folder.parts.items())


def _merged(name: str, folder: _Folder) -> tuple[str, _Folder]:
    while len(folder.parts) == 1 and not folder.names:
        ((inner, folder),) = folder.parts.items()
        name = f"/{inner}" if name == "/" else f"{name}/{inner}"
    return name, _Folder(_merged_parts(folder), folder.names)


def _split(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return ["/", *parts] if path.startswith("/") else parts or [path]


def _way_to(location: Location) -> list[Location]:
    """A location and those around it, from the outside in."""
    way: list[Location] = []
    here: Location | None = location
    while here is not None:
        way.append(here)
        here = here.parent
    return way[::-1]
