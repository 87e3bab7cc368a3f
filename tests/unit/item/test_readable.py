"""A state reads back from what is stored as it was, or what does not is named."""

from __future__ import annotations

import enum
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

import pytest
from declared_values import TEXTS
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, SecretStr, create_model
from pydantic.dataclasses import dataclass

from peaceful import State
from peaceful._item.readable import loss_of
from peaceful._params.plain import plain_form
from peaceful._storage.yaml import dump, parse


class Colour(enum.Enum):
    """A choice."""

    RED = "red"


class Base(BaseModel):
    """A part."""

    name: str


class Derived(Base):
    """A part that says more."""

    size: int


class Twin(BaseModel):
    """Looks as `Base` does, once it is stored."""

    name: str


@dataclass
class Point:
    """A data class."""

    x: int


@dataclass
class Point3(Point):
    """One that says more."""

    z: int = 0


def _state(declared: Any, value: object) -> State:
    """A state with one field, which holds a value that nothing has checked."""
    kind: Any = create_model("Made", __base__=State, field=(declared, ...))
    made: State = kind.model_construct(field=value)
    return made


SCALARS = {
    str: TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(),
    type(None): st.none(),
    Path: TEXTS.map(lambda text: Path(text.replace("\0", ""))),
}

ANY = st.one_of(*SCALARS.values())

DECLARED = st.lists(st.sampled_from(list(SCALARS)), min_size=1, max_size=3).map(
    lambda kinds: kinds[0] if len(kinds) == 1 else kinds[0] | kinds[1] | kinds[-1]
)


def _shapes(kind: Any) -> dict[str, tuple[object, st.SearchStrategy[Any]]]:
    """What a field may be declared as that holds values declared as `kind`, with what it holds."""
    several: Any = tuple[kind, ...]
    return {
        "alone": (kind, ANY),
        "list": (list[kind], st.lists(ANY, max_size=3)),
        "tuple": (several | None, st.lists(ANY, max_size=3).map(tuple)),
        "dict": (dict[str, kind], st.dictionaries(TEXTS, ANY, max_size=3)),
        "keys": (dict[kind, int], st.dictionaries(ANY, st.integers(), max_size=3)),
    }


def _same(one: object, other: object) -> bool:
    """Equal, and where both are not a number, too."""
    return repr(one) == repr(other) or one == other


@examples(100)
@given(DECLARED, st.sampled_from(sorted(_shapes(str))), st.data())
def test_what_is_said_to_read_back_does(kind: Any, shape: str, data: st.DataObject) -> None:
    """Whatever a field is declared as and holds: through the journal's JSON and the files' YAML."""
    declared, values = _shapes(kind)[shape]
    state = _state(declared, data.draw(values))

    if loss_of(state, type(state)) is None:
        stored = parse(dump({"state": json.loads(json.dumps(plain_form(state)))}))
        back = type(state).model_validate({entry.key: entry.value for entry in stored}["state"])
        assert _same(back.__dict__["field"], state.__dict__["field"])


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Base, Derived(name="a", size=1)),
        (list[Base], [Base(name="a")]),
        (dict[int, str], {1: "a"}),
        (tuple[int, str], (1, "a")),
        (frozenset[Path], frozenset({Path("a"), Path("b")})),
        (Colour | None, Colour.RED),
        (datetime, datetime(2020, 1, 1, tzinfo=UTC)),
        (date | None, date(2020, 1, 1)),
        (Decimal, Decimal("1.10")),
        (bytes, b"text"),
        (float, float("nan")),
        (list[float], [float("nan"), float("-inf"), -0.0]),
        (Point, Point(1)),
        (Literal["a", 1], 1),
        (SecretStr, SecretStr("hunter2")),
        (Annotated[int, Field(ge=1)], 1),
    ],
)
def test_values_that_read_back(declared: object, value: object) -> None:
    """What JSON has no form for is stored in one from which the declared type is made again."""
    if isinstance(value, Derived):
        declared = Derived
    state = _state(declared, value)

    assert loss_of(state, type(state)) is None


@pytest.mark.parametrize(
    ("declared", "value", "field", "reason"),
    [
        (list[Base], [Base(name="b"), Derived(name="a", size=1)], "field[1]", "as Base(name='a')"),
        (dict[str, Base], {"k": Derived(name="a", size=1)}, "field['k']", "Derived(name='a', size"),
        (Base | Twin, Twin(name="a"), "field", "Twin(name='a') would come back as Base(name='a')"),
        (list[Point], [Point3(1, 2)], "field[0]", "Point3(x=1, z=2) would"),
        (str | Path, Path("a"), "field", "PosixPath('a') would come back as 'a'"),
        (list[str | Path], [Path("a")], "field[0]", "would come back as 'a'"),
        (str | float, float("inf"), "field", "inf would come back as 'Infinity'"),
        (str | Colour, Colour.RED, "field", "would come back as 'red'"),
        (dict[Any, int], {1: 2}, "field", "{1: 2} would come back as {'1': 2}"),
        (dict[tuple[int, int], int], {(1, 2): 3}, "field", "cannot be read"),
        (bytes, b"\xff", "field", "cannot be stored"),
        (Any, object, "field", "would come back as 'builtins.object'"),
        (int, "many", "field", "cannot be read"),
        (Annotated[str, AfterValidator(lambda text: text + "!")], "a", "field", "as 'a!'"),
        (Annotated[int, PlainSerializer(lambda n: n // 2)], 5, "field", "5 would come back as 2"),
    ],
)
def test_values_that_do_not_read_back(
    declared: object, value: object, field: str, reason: str
) -> None:
    """The field is named, with the path inside it, and what would become of it."""
    state = _state(declared, value)

    loss = loss_of(state, type(state))

    assert loss is not None
    assert loss.field.split(".")[0] == field
    assert reason in loss.reason


def test_a_state_of_a_derived_class() -> None:
    """What it says beyond the class by which it is read is lost."""

    class Item(State):
        name: str

    class Special(Item):
        size: int

    class Named(Item):
        pass

    loss = loss_of(Special(name="a", size=1), Item)
    assert loss is not None
    assert loss.field == "size"
    assert loss_of(Named(name="a"), Item) is None


def test_long_values_are_cut() -> None:
    """An error can be read, whatever the state holds."""
    state = _state(str | Path, Path("a" * 100_000))

    loss = loss_of(state, type(state))

    assert loss is not None
    assert len(loss.reason) < 200


def test_a_path_in_a_text_is_told_wherever_it_is() -> None:
    """Paths of no file system, too: the type is what counts."""
    state = _state(PurePath | str, PurePath("/x"))

    assert loss_of(state, type(state)) is not None
