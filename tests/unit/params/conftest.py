"""What the tests of parameters share: states, and values to refer to them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from pydantic import BaseModel, computed_field

from peaceful.model import ItemId
from peaceful.model.state import State
from peaceful.params import StateLookup, reference_to_state


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
    tags: dict[str, str] = {}
    files: list[Path] = []
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


@pytest.fixture
def house() -> HouseState:
    """A reference to the state of the item `house`."""
    return reference_to_state("house", HouseState)


@pytest.fixture
def built_house() -> HouseState:
    """The state of the item `house` once it is known."""
    return HouseState(
        path=Path("/srv/house"),
        name="Ada",
        value=7,
        tags={"a": "b"},
        files=[Path("/a")],
        server=Server(host="h", port=80),
        disk=Disk(Path("/dev/x"), 5),
        point=Point(1, 2),
    )


@pytest.fixture
def bare_house() -> HouseState:
    """The state of the item `house` with little in it."""
    return HouseState(path=Path("/x"))


Known: TypeAlias = Callable[..., StateLookup]


@pytest.fixture
def known() -> Known:
    """Makes a lookup of the given states, by item."""

    def lookup(**states: State) -> StateLookup:
        by_item: Mapping[ItemId, State] = states
        return by_item.get

    return lookup
