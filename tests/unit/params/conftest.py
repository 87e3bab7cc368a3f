"""What the tests of parameters share: a state to refer to, and what it is once it is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from sample_state import Disk, HouseState, Known, Point, Server

from peaceful import State
from peaceful._params.references import reference_to_state
from peaceful._params.specs import StateLookup
from peaceful.commands import ItemId


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


@pytest.fixture
def known() -> Known:
    """Makes a lookup of the given states, by item."""

    def lookup(**states: State) -> StateLookup:
        by_item: Mapping[ItemId, State] = states
        return by_item.get

    return lookup
