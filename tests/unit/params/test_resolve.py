"""References become values once the states that they point to are known."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sample_state import HouseState, Known
from sigint import by_the_program, sigint_by

from peaceful import State, mapped, stored
from peaceful._params.specs import Unknown, fill_references


def test_a_value_is_itself() -> None:
    """A plain value needs nothing to be known."""
    assert fill_references(3, lambda _: None) == 3


def test_a_reference_is_what_it_points_to(
    house: Any, built_house: HouseState, known: Known
) -> None:
    """Also within models, data classes and named tuples; and the whole state."""
    states = known(house=built_house)

    for reference, value in [
        (house, built_house),
        (house.path, Path("/srv/house")),
        (house.server.port, 80),
        (house.disk.size, 5),
        (house.point.y, 2),
        (house.label, "Ada!"),
        (house.tags, {"a": "b"}),
    ]:
        assert fill_references(reference, states) == value


def test_what_was_never_stored_is_not_known() -> None:
    """`stored()` without a stored value is no value."""
    with pytest.raises(Unknown, match="no value was stored"):
        fill_references(stored(), lambda _: None)


def test_the_state_of_an_item_may_not_be_known(house: Any) -> None:
    """The reason names the item and the reference."""
    with pytest.raises(Unknown) as unknown:
        fill_references([house.path], lambda _: None)

    assert unknown.value.reason == (
        "the state of house is not known yet, so house.state.path is not"
    )


def test_none_is_no_value_where_it_may_not_be(
    house: Any, bare_house: HouseState, known: Known
) -> None:
    """A state that has none for it has no value to give, unless none may be given there."""
    states = known(house=bare_house)

    with pytest.raises(Unknown, match=r"house\.state\.name has no value in the present state"):
        fill_references(house.name, states, str)
    assert fill_references(house.name, states, str | None) is None
    assert fill_references([house.name], states, list[str | None]) == [None]
    with pytest.raises(Unknown):
        fill_references([house.name], states, list[str])
    assert fill_references({"k": house.name}, states, dict[str, Any]) == {"k": None}


def test_there_is_nothing_inside_of_none(house: Any, bare_house: HouseState, known: Known) -> None:
    """A part of what is not there is not known, wherever it is to go."""
    states = known(house=bare_house)

    with pytest.raises(Unknown, match=r"house\.state\.server\.admin has no value"):
        fill_references(house.server.admin, states, str | None)


def test_a_state_of_another_shape_gives_nothing(house: Any, known: Known) -> None:
    """As where a state was stored by an earlier version of the program."""

    class Other(State):
        pass

    with pytest.raises(Unknown, match=r"house\.state\.path has no value"):
        fill_references(house.path, known(house=Other()), Any)


def _sized(size: int | None) -> str:
    return f"{size}"


def _strict(name: str) -> str:
    return name.upper()


def _nothing(name: str) -> str | None:
    return None


def test_mapping_functions_are_called_with_values(
    house: Any, built_house: HouseState, known: Known
) -> None:
    """With the values of references, at whatever depth, and with plain values as they are."""
    calls: list[tuple[object, ...]] = []

    def record(*arguments: object) -> str:
        calls.append(arguments)
        return "made"

    inner: Any = mapped("inner", _strict, house.name)
    outer = mapped("record", record, inner, [house.value, {"k": house.path}], None, 5)

    assert fill_references(outer, known(house=built_house), str) == "made"
    assert calls == [("ADA", [7, {"k": Path("/srv/house")}], None, 5)]


def test_mapping_functions_get_none_only_where_they_take_it(
    house: Any, bare_house: HouseState, known: Known
) -> None:
    """A function that does not say that it takes none is not called with it."""
    states = known(house=bare_house)

    assert fill_references(mapped("sized", _sized, house.name), states, str) == "None"
    with pytest.raises(Unknown, match="no value in the present state"):
        fill_references(mapped("strict", _strict, house.name), states, str)
    with pytest.raises(Unknown, match="no value in the present state"):
        fill_references(mapped("unclear", lambda name: name, house.name), states, str)


@dataclass(frozen=True)
class Greeting:
    """A data class, whose class is a mapping function."""

    name: str
    loud: str | None = None


def test_classes_and_partial_functions_can_map(
    house: Any, built_house: HouseState, bare_house: HouseState, known: Known
) -> None:
    """Whatever can be called; of what it takes, it says what Python knows of it."""
    there, bare = known(house=built_house), known(house=bare_house)
    loud = functools.partial(Greeting, "Bob")

    assert fill_references(mapped("text", str, house.value), there, str) == "7"
    assert fill_references(mapped("greeting", Greeting, house.name), there) == Greeting("Ada")
    assert fill_references(mapped("loud", loud, house.name), bare) == Greeting("Bob", None)
    with pytest.raises(Unknown):
        fill_references(mapped("greeting", Greeting, house.name), bare)


def test_mapping_functions_may_give_none(house: Any, built_house: HouseState, known: Known) -> None:
    """Which is no value where none may not be."""
    states = known(house=built_house)
    nothing = mapped("nothing", _nothing, house.name)

    assert fill_references(nothing, states, str | None) is None
    with pytest.raises(Unknown, match=r"nothing\(house\.state\.name\) gives no value"):
        fill_references(nothing, states, str)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("too small"), "ValueError: too small"),
        (KeyError(), "KeyError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (BaseExceptionGroup("two", [SystemExit(1)]), "BaseExceptionGroup: two (1 sub-exception)"),
    ],
)
def test_a_failing_mapping_function_is_named(
    error: BaseException, said: str, house: Any, built_house: HouseState, known: Known
) -> None:
    """Whatever it raises belongs to the value, with its place; the error is kept as the cause."""

    def fail(_: object) -> str:
        raise error

    with sigint_by(by_the_program), pytest.raises(Unknown) as unknown:
        fill_references(mapped("fail", fail, house.name), known(house=built_house))

    reason, _, place = unknown.value.reason.rpartition(", at ")
    assert reason == f"the mapping function fail failed: {said}"
    assert place.startswith(f"{__file__}:")
    assert unknown.value.__cause__ is error


def test_a_failing_mapping_function_that_repeats_a_secret() -> None:
    """The secret is hidden in what is said, and in what a traceback shows."""

    def fail(key: SecretStr) -> str:
        raise ValueError(f"{key.get_secret_value()} is too short")

    with pytest.raises(Unknown) as unknown:
        fill_references(mapped("fail", fail, SecretStr("hunter2")), lambda _: None)

    assert unknown.value.reason.startswith(
        "the mapping function fail failed: ValueError: ********** is too short, at "
    )
    assert "hunter2 is" not in "".join(traceback.format_exception(unknown.value))


@dataclass(frozen=True)
class Checked:
    """A data class that checks its values."""

    name: object

    def __post_init__(self) -> None:
        if isinstance(self.name, str):
            raise ValueError("not her")  # noqa: TRY004 - of a value


@pytest.mark.parametrize("make", [lambda ref: {ref.files}, lambda ref: [Checked(ref.name)]])
def test_values_that_do_not_fit_together_are_no_value(
    make: Callable[[Any], object], house: Any, built_house: HouseState, known: Known
) -> None:
    """A set cannot hold a list, and a data class may refuse a value."""
    with pytest.raises(Unknown, match="cannot be put together"):
        fill_references(make(house), known(house=built_house))
