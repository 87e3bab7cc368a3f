"""References to other items' states, as checkers see them: plain values of plain types."""

# ruff: noqa: D102, RUF012 - as users write it; pydantic copies defaults

from pathlib import Path
from typing import Any, assert_type

from pydantic import BaseModel

from peaceful import Flow, Handle, Item, ItemCtx, State, mapped, stored


class Address(BaseModel):
    """A model in a state."""

    host: str
    port: int | None


class HouseState(State):
    """A state, some of whose fields are named as a reference might name its own."""

    path: Path
    name: str
    value: int
    state: bool
    type: float
    address: Address | None
    tags: dict[str, str]
    names: list[str]


class House(Item[HouseState]):
    """An item that takes values of many types."""

    into: Path
    name: str = ""
    size: int = 0
    weight: float = 0
    maybe: str | None = None
    names: list[str] = []
    address: Address | None = None

    def state_current(self, ctx: ItemCtx) -> HouseState:
        raise NotImplementedError

    def state_goal(self, ctx: ItemCtx) -> HouseState:
        raise NotImplementedError

    def apply(self, ctx: ItemCtx, current: HouseState, goal: HouseState) -> HouseState:
        return goal


def references_are_typed_as_what_they_refer_to(flow: Flow) -> None:
    house = flow.add("house", House(into=Path("/srv")))

    assert_type(house, Handle[HouseState])
    assert_type(house.id, str)
    assert_type(house.state, HouseState)
    assert_type(house.state.path, Path)
    assert_type(house.state.name, str)
    assert_type(house.state.value, int)
    assert_type(house.state.state, bool)
    assert_type(house.state.type, float)
    assert_type(house.state.address, Address | None)
    assert_type(house.state.tags, dict[str, str])


def references_go_where_their_types_go(flow: Flow) -> None:
    house = flow.add("house", House(into=Path("/srv")))
    flow.add(
        "other",
        House(
            into=house.state.path,
            name=house.state.name,
            size=house.state.value,
            weight=house.state.value,
            maybe=house.state.name,
            names=["x", house.state.name],
            address=house.state.address,
        ),
    )


def references_of_other_types_are_refused(flow: Flow) -> None:
    house = flow.add("house", House(into=Path("/srv")))
    state = house.state

    House(into=state.name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=state)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=house)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=state.path, name=state.path)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=state.path, size=state.type)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=state.path, names=state.name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=state.path, names=[state.path])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    House(into=state.path, name=state.address)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def fields_that_do_not_exist_are_refused(flow: Flow) -> None:
    house = flow.add("house", House(into=Path("/srv")))

    house.state.pth  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    house.path  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    House(into=Path("/srv"), nme="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    House(name="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def _shout(name: str, times: int = 1) -> str:
    return name.upper() * times


def mapped_values_are_what_the_function_returns(flow: Flow) -> None:
    state = flow.add("house", House(into=Path("/srv"))).state

    assert_type(mapped("shout", _shout, state.name), str)
    assert_type(mapped("shout", _shout, state.name, state.value), str)
    assert_type(mapped("sum", lambda one, other: one + other, state.value, 5), int)
    assert_type(mapped("length", len, state.names), int)
    assert_type(mapped("as_text", str, state.path), str)
    assert_type(mapped("as_path", Path, state.name), Path)
    House(into=mapped("as_path", Path, state.name), name=mapped("shout", _shout, state.name))

    mapped("shout", _shout, state.path)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    House(into=mapped("shout", _shout, state.name))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def stored_values_go_anywhere() -> None:
    assert_type(stored(), Any)
    House(into=stored(), size=stored())


def edges_are_between_items(flow: Flow) -> None:
    house = flow.add("house", House(into=Path("/srv")))
    garden = flow.add("garden", House(into=Path("/srv")))

    flow.edge(house, garden)
    flow.contains(house, "garden")
    flow.edge(house, garden.state)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    flow.add("x", House)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
