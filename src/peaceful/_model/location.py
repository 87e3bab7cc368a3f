"""The things that items touch (hosts, paths, clouds) and how they touch them, for diagrams."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec


class LocationKind(enum.StrEnum):
    """What sort of place a location is."""

    GROUP = "group"
    """Something that holds other places: a cloud, an account, a region."""
    HOST = "host"
    """A machine or a service that is talked to."""
    PATH = "path"
    """A place in a file system, an object store, a database."""


class Location(msgspec.Struct, frozen=True):
    """A place, named by its way from the outside in.

    Attributes:
        kind: what sort of place it is.
        name: its name within its parent, without secrets.
        parent: the place that holds it, or none.
    """

    kind: LocationKind
    name: str
    parent: Location | None = None

    @classmethod
    def group(cls, name: str, parent: Location | None = None) -> Location:
        """A place that holds other places."""
        return cls(LocationKind.GROUP, name, parent)

    @classmethod
    def host(cls, name: str, parent: Location | None = None) -> Location:
        """A machine or a service."""
        return cls(LocationKind.HOST, name, parent)

    @classmethod
    def path(cls, name: str, parent: Location | None = None) -> Location:
        """A place in a store of files or objects."""
        return cls(LocationKind.PATH, name, parent)


class Push(msgspec.Struct, frozen=True):
    """Something is sent: an upload, a command to a server.

    Attributes:
        source: where it comes from.
        target: where it goes to.
    """

    source: Location
    target: Location


class Pull(msgspec.Struct, frozen=True):
    """Something is fetched: a download, a query.

    Attributes:
        client: who asks, and where what is fetched ends up.
        server: who answers.
    """

    client: Location
    server: Location


class Within(msgspec.Struct, frozen=True):
    """Something happens in one place.

    Attributes:
        location: that place.
    """

    location: Location


Interaction: TypeAlias = Push | Pull | Within
"""How an item touches places."""
