"""The places that items touch (hosts, paths, clouds), and how, for diagrams."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec


class LocationKind(enum.StrEnum):
    """The kind of a location."""

    GROUP = "group"
    """A container of other places: a cloud, an account, a region."""
    HOST = "host"
    """A machine or a service."""
    PATH = "path"
    """A place in a file system, an object store, a database."""


class Location(msgspec.Struct, frozen=True):
    """A place, within its parent.

    Attributes:
        name: its name within its parent, without secrets.
        parent: the place that contains it, or `None`.
    """

    kind: LocationKind
    name: str
    parent: Location | None = None

    @classmethod
    def group(cls, name: str, parent: Location | None = None) -> Location:
        """Return a place that contains other places."""
        return cls(LocationKind.GROUP, name, parent)

    @classmethod
    def host(cls, name: str, parent: Location | None = None) -> Location:
        """Return a machine or a service."""
        return cls(LocationKind.HOST, name, parent)

    @classmethod
    def path(cls, name: str, parent: Location | None = None) -> Location:
        """Return a place in a store of files or objects."""
        return cls(LocationKind.PATH, name, parent)


class Push(msgspec.Struct, frozen=True):
    """Something is sent: an upload, a command to a server."""

    source: Location
    target: Location


class Pull(msgspec.Struct, frozen=True):
    """Something is fetched: a download, a query.

    Attributes:
        client: who asks and receives.
        server: who answers.
    """

    client: Location
    server: Location


class Within(msgspec.Struct, frozen=True):
    """Something happens in one place."""

    location: Location


Interaction: TypeAlias = Push | Pull | Within
"""One use of a place by an item."""
