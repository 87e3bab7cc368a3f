"""Whether a value of one declared type can go where another is due."""

# ruff: noqa: UP007, UP045 - both ways to write unions are tested

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path, PurePath
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    LiteralString,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
)

import pytest
from pydantic import BaseModel, Field, HttpUrl, PositiveInt, SecretStr
from typing_extensions import TypeAliasType

from peaceful._annotations import (
    fields_of,
    is_assignable,
    structure_in,
    type_alternatives,
    type_name,
)


class Colour(StrEnum):
    """An enum of texts."""

    RED = "red"


class Base(BaseModel):
    """A model."""

    x: int = 0


class Derived(Base):
    """A model that is also another one."""


class Row(TypedDict):
    """A typed dictionary."""

    x: int


class Shouting(Protocol):
    """A protocol that cannot be asked while running."""

    def shout(self) -> str:
        """Shouts."""
        ...


T = TypeVar("T")
B = TypeVar("B", bound=str)


class Box(Generic[T]):
    """A generic class of somebody's own."""


UserId = NewType("UserId", int)
Names = TypeAliasType("Names", list[str])

GOES: list[tuple[Any, Any]] = [
    (str, str),
    (bool, int),
    (int, float),
    (int, complex),
    (float, complex),
    (Derived, Base),
    (Colour, str),
    (datetime, date),
    (Path, PurePath),
    (str, Any),
    (Any, int),
    (object, int),
    (int, object),
    (str, Optional[str]),
    (Optional[str], str),
    (str | None, str),
    (str | int, int),
    (int, Union[str, int]),
    (None, str),
    (str, Annotated[str, Field(min_length=1)]),
    (Annotated[int, Field(ge=0)], int),
    (PositiveInt, int),
    (Literal["a"], str),
    (str, Literal["a"]),
    (Literal["a", "b"], Literal["b", "c"]),
    (Literal[1], float),
    (UserId, int),
    (int, UserId),
    (Names, list[str]),
    (list[str], Names),
    (list[str], list[str]),
    (list[bool], list[int]),
    (list[str], list),
    (list, list[str]),
    (list[str], Sequence[str]),
    (list[str], Iterable[str]),
    (tuple[str, ...], Sequence[str]),
    (tuple[int, str], tuple[int, str]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, ...], tuple[int, int]),
    (dict[str, int], Mapping[str, float]),
    (dict[str, int], Row),
    (Row, dict[str, int]),
    (deque[str], Sequence[str]),
    (str, Sequence[str]),
    (Box[int], Box[str]),
    (T, int),
    (int, T),
    (B, str),
    ("Undefined", int),
    (int, "Undefined"),
    (int, Shouting),
    (Callable[[], int], Callable[[], str]),
    (type[int], type),
    (LiteralString, int),
]

STAYS: list[tuple[Any, Any]] = [
    (Path, str),
    (str, Path),
    (Path, str | None),
    (Path | None, str),
    (PurePath, Path),
    (str, int),
    (int, str),
    (int, bool),
    (float, int),
    (Base, Derived),
    (Base, dict[str, Any]),
    (date, datetime),
    (str, HttpUrl),
    (str, SecretStr),
    (SecretStr, str),
    (bytes, str),
    (Literal["a"], int),
    (Literal["a"], Literal["b"]),
    (int, Literal["a"]),
    (str, list[str]),
    (list[str], str),
    (list[Path], list[str]),
    (list[Path], Sequence[str]),
    (list[str], tuple[str, ...]),
    (tuple[int, str], tuple[int, int]),
    (tuple[int, str], tuple[int]),
    (tuple[int, str], Sequence[int]),
    (tuple[str, ...], tuple[int, int]),
    (dict[str, Path], dict[str, str]),
    (str, Row),
    (B, int),
    (UserId, str),
    (Annotated[Path, Field(description="x")], Annotated[str, Field(min_length=1)]),
]


@pytest.mark.parametrize(("source", "target"), GOES)
def test_what_may_fit_is_taken(source: object, target: object) -> None:
    """What may be of the type that is due is let through: its value is checked once it is known."""
    assert is_assignable(source, target)


@pytest.mark.parametrize(("source", "target"), STAYS)
def test_what_cannot_fit_is_refused(source: object, target: object) -> None:
    """What is certainly of another type is refused, though pydantic might convert it."""
    assert not is_assignable(source, target)


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (Path, "Path"),
        (None, "None"),
        (str | None, "str | None"),
        (Optional[Path], "Path | None"),
        (list[Path], "list[Path]"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Annotated[str, Field(min_length=1)], "str"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Any, "Any"),
        (UserId, "UserId"),
        (Base, "Base"),
        (T, "T"),
        ("Undefined", "Undefined"),
    ],
)
def test_types_are_named_as_people_write_them(declared: object, name: str) -> None:
    """Without modules, and without decorations."""
    assert type_name(declared) == name


def test_alternatives_are_told_one_by_one() -> None:
    """Unions are taken apart, at whatever depth; what says nothing is `object`."""
    nested = Annotated[Union[int, Annotated[str | None, 1]], 2]

    assert list(type_alternatives(nested)) == [int, str, type(None)]
    assert list(type_alternatives(Any)) == [object]


class Pair(NamedTuple):
    """A named tuple."""

    one: int
    other: str


@dataclass
class Data:
    """A data class."""

    path: Path


@dataclass
class Unclear:
    """A data class whose annotations name what is not there."""

    path: Nowhere  # type: ignore[name-defined]  # noqa: F821 - that is what is tested


def test_fields_of_structures() -> None:
    """Models, data classes and named tuples have fields; other things have none."""
    assert fields_of(Base) == {"x": int}
    assert fields_of(Data) == {"path": Path}
    assert fields_of(Pair) == {"one": int, "other": str}
    assert fields_of(Unclear) == {"path": object}
    assert fields_of(str) is None
    assert fields_of(list[str]) is None


def test_a_structure_is_found_where_there_is_one() -> None:
    """Among several, nobody can tell which it will be."""
    assert structure_in(Base | None) == (Base, {"x": int})
    assert structure_in(Base | Data) is None
    assert structure_in(str) is None
