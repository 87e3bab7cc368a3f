"""A state with fields of many types, to refer to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel, Field, computed_field

from peaceful import State
from peaceful._params.specs import StateLookup

Known: TypeAlias = Callable[..., StateLookup]
"""Makes a lookup of the given states, by item."""


class Point(NamedTuple):
    """A named tuple in a state."""

    x: int
    y: int


@dataclass(frozen=True)
class Disk:
    """A data class in a state."""

    path: Path
    size: int


class Server(BaseModel):
    """A model in a state."""

    host: str
    port: int
    admin: str | None = None


class HouseState(State):
    """A state with fields of many types, some named as references might have names of their own."""

    path: Path
    name: str | None = None
    value: int = 0
    type: str = ""
    state: str = ""
    item: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    files: list[Path] = Field(default_factory=list)
    server: Server | None = None
    disk: Disk | None = None
    point: Point = Point(0, 0)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation says
    @property
    def label(self) -> str:
        """A computed field."""
        return f"{self.name}!"

    def shout(self) -> str:
        """A function, which is no field."""
        return self.label.upper()
