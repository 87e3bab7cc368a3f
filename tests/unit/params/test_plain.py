"""Values become plain data: readable, in the same order every time, and without secrets."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
    computed_field,
    field_serializer,
)

from peaceful._annotations import is_secret_type
from peaceful._params.plain import holds_secret, is_secret, plain_form
from peaceful.errors import DefinitionError

HIDDEN = "hunter2"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
)
json_values = st.recursive(
    scalars.filter(lambda value: value not in (math.inf, -math.inf)),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=20,
)


@given(json_values)
def test_plain_data_stays_as_it_is(value: object) -> None:
    """What is JSON already is its own form."""
    assert plain_form(value) == value


class Colour(StrEnum):
    """An enum of texts."""

    RED = "red"


class Level(IntEnum):
    """An enum of numbers."""

    LOW = 1


class Odd(Enum):
    """An enum of things."""

    PAIR = (1, 2)


class Pair(NamedTuple):
    """A named tuple."""

    one: int
    other: str


@dataclass
class Mount:
    """A data class."""

    path: Path
    options: frozenset[str] = frozenset({"b", "a"})


class Port(RootModel[int]):
    """A model that is a number."""


class Real(BaseModel):
    """A model with a number."""

    x: float


def a_function() -> None:
    """A function."""


class Nameless:
    """An object without a text of its own."""


class Named:
    """An object with a text of its own."""

    def __str__(self) -> str:
        return "named"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Path("/a/b"), "/a/b"),
        (PurePosixPath("c"), "c"),
        (1.5, 1.5),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (b"text", "text"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (timedelta(seconds=90), "PT1M30S"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (IPv4Address("127.0.0.1"), "127.0.0.1"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Odd.PAIR, [1, 2]),
        ((1, Path("x")), [1, "x"]),
        (deque([1]), [1]),
        (MappingProxyType({"a": Path("x")}), {"a": "x"}),
        (Pair(1, "b"), [1, "b"]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (frozenset({10, 9, 2}), [2, 9, 10]),
        ({"a", 2, None, 1}, [1, 2, None, "a"]),
        ({1: "a", None: 2, Colour.RED: 3}, {"1": "a", "None": 2, "red": 3}),
        (Port(80), 80),
        (Real(x=math.inf), {"x": "Infinity"}),
        (Mount(Path("/x")), {"path": "/x", "options": ["a", "b"]}),
        (Named(), "named"),
    ],
)
def test_values_have_readable_forms(value: object, plain: object) -> None:
    """Each kind of value has one form, which a person can read."""
    assert plain_form(value) == plain
    assert json.dumps(plain_form([value])) == json.dumps([plain])


def test_objects_without_a_form_are_named() -> None:
    """Never by their address, which would differ every time."""
    assert plain_form(a_function).endswith("test_plain.a_function")  # type: ignore[union-attr]
    assert plain_form(Nameless).endswith("test_plain.Nameless")  # type: ignore[union-attr]
    assert plain_form(Nameless()).endswith("test_plain.Nameless")  # type: ignore[union-attr]


def test_what_cannot_be_written_is_refused() -> None:
    """Bytes that are no text have no form that can be read back; the error says what to do."""
    with pytest.raises(DefinitionError, match="bytes cannot be stored") as refused:
        plain_form(b"\xff")

    assert "Base64Bytes" in refused.value.help


class Plain(BaseModel):
    """A model without anything special."""

    path: Path
    names: set[str] = set()
    inside: Plain | None = None


class Special(BaseModel):
    """A model with its own ways to be written."""

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    hour: datetime
    aliased: Annotated[int, Field(alias="from")] = 0
    tags: Annotated[set[str], Field(serialization_alias="labels")] = set()
    thing: Nameless | None = None

    @field_serializer("hour")
    def _hour(self, hour: datetime) -> int:
        return hour.hour

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation says
    @property
    def shown(self) -> str:
        """A computed field."""
        return "shown"


def test_models_can_be_read_back() -> None:
    """What is written of a model is what the model reads."""
    model = Plain(path=Path("/x"), names={"b", "a"}, inside=Plain(path=Path("y"), names={"c"}))
    plain = plain_form(model)

    assert plain == {
        "path": "/x",
        "names": ["a", "b"],
        "inside": {"path": "y", "names": ["c"], "inside": None},
    }
    assert Plain.model_validate(plain) == model


def test_models_are_written_in_their_own_way() -> None:
    """With their serialisers and aliases; without computed fields, which cannot be read back."""
    model = Special(
        hour=datetime(2026, 1, 2, 3, tzinfo=UTC),
        tags={"b", "a"},
        thing=Nameless(),
        extra={"y", "x"},  # type: ignore[call-arg]  # an extra one
        **{"from": 5},
    )

    plain = plain_form(model)

    assert isinstance(plain, dict)
    thing = plain.pop("thing")
    assert str(thing).endswith("test_plain.Nameless")
    assert plain == {"hour": 3, "from": 5, "labels": ["a", "b"], "extra": ["x", "y"]}


class Names(RootModel[set[str]]):
    """A model that is a set."""


def test_models_of_one_value_are_that_value() -> None:
    """Root models have the form of their root."""
    assert plain_form(Names({"b", "a"})) == ["a", "b"]
    assert plain_form([Port(80)]) == [80]


class Login(BaseModel):
    """A model with a secret."""

    user: str
    password: SecretStr


@dataclass
class Key:
    """A data class with a secret."""

    secret: SecretBytes


class Keyring(RootModel[list[SecretStr]]):
    """A model that is a list of secrets."""


SECRETS: list[Any] = [
    SecretStr(HIDDEN),
    SecretBytes(HIDDEN.encode()),
    Secret[str](HIDDEN),
    [SecretStr(HIDDEN)],
    {"k": (1, SecretStr(HIDDEN))},
    {SecretStr(HIDDEN)},
    Login(user="ada", password=SecretStr(HIDDEN)),
    [{"login": Login(user="ada", password=SecretStr(HIDDEN))}],
    Key(SecretBytes(HIDDEN.encode())),
    Keyring([SecretStr(HIDDEN)]),
]


@pytest.mark.parametrize("value", SECRETS)
def test_secrets_become_none(value: object) -> None:
    """At whatever depth; not even that there is one, or how long it is, is written."""
    text = json.dumps(plain_form(value))

    assert HIDDEN not in text
    assert "*" not in text
    assert "null" in text
    assert holds_secret(value)


def test_what_stands_beside_a_secret_is_written() -> None:
    """Only the secret itself is left out."""
    assert plain_form([Login(user="ada", password=SecretStr(HIDDEN))]) == [
        {"user": "ada", "password": None}
    ]


def test_secrets_are_known_by_value_and_by_type() -> None:
    """A value that is one, one that holds one, and a type whose values may."""
    assert is_secret(SecretStr("x"))
    assert not is_secret("x")
    assert not holds_secret(["x", {"y": Plain(path=Path())}, Path])
    for declared in (
        SecretStr,
        SecretStr | None,
        list[SecretBytes],
        dict[str, Login],
        Annotated[Secret[int], 1],
        Key,
        tuple[int, Key | None],
    ):
        assert is_secret_type(declared)
    for other in (str, Plain, list[Plain], Any, None, Colour):
        assert not is_secret_type(other)


def test_sets_have_the_same_order_in_every_process() -> None:
    """Though Python orders them anew in each, so that a file changes only where a fact does."""
    program = (
        "from peaceful._params.plain import plain_form\n"
        "print(plain_form({'k': [{'one', 'two', 'three', 'four'}]}))"
    )

    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert outputs == {"{'k': [['four', 'one', 'three', 'two']]}\n"}
