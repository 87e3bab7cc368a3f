"""Examples of states are made from their types, for diagrams drawn before anything exists."""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import (
    AnyUrl,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    create_model,
)

from peaceful import State
from peaceful._item.example import example_model


def example_of(declared: Any) -> Any:
    """The example value of a field of that type."""
    config = ConfigDict(arbitrary_types_allowed=True)
    model = create_model("Holder", __config__=config, it=(declared, ...))
    return getattr(example_model(model), "it")  # noqa: B009  # the model is made here


class Colour(Enum):
    """An enum."""

    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    """A named tuple."""

    host: str
    port: int


@dataclass
class Mount:
    """A data class."""

    path: Path
    shown: str = field(default="", init=False)


class Server(BaseModel):
    """A model."""

    host: str


class Node(BaseModel):
    """A model that may contain itself."""

    name: str
    parent: Node | None
    children: list[Node]
    either: Node | str


class Odd:
    """A type of which nothing is known."""


MOMENT = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("declared", "example"),
    [
        (str, "example_it"),
        (bytes, b"it"),
        (int, 1),
        (bool, True),
        (float, 1.0),
        (Decimal, Decimal(1)),
        (Path, Path("/example/it")),
        (PurePosixPath, Path("/example/it")),
        (Colour, Colour.RED),
        (Literal["b", "a"], "b"),
        (Annotated[int, Field(ge=5)], 1),
        (str | None, "example_it"),
        (None | int, 1),
        (None, None),
        (Any, "example_it"),
        (list[int], [1]),
        (list, []),
        (Sequence[Path], [Path("/example/it")]),
        (set[str], {"example_it"}),
        (frozenset[int], frozenset({1})),
        (deque[int], deque([1])),
        (tuple[int, str], (1, "example_it")),
        (tuple[int, ...], (1,)),
        (dict[str, int], {"example_it": 1}),
        (Mapping[str, list[int]], {"example_it": [1]}),
        (dict, {}),
        (Pair, Pair("example_host", 1)),
        (Mount, Mount(Path("/example/path"))),
        (Server, Server(host="example_host")),
        (list[Server], [Server(host="example_host")]),
        (dt.datetime, MOMENT),
        (dt.date, MOMENT.date()),
        (dt.time, MOMENT.time()),
        (dt.timedelta, dt.timedelta(seconds=1)),
        (uuid.UUID, uuid.UUID(int=1)),
        (ipaddress.IPv4Address, ipaddress.IPv4Address("192.0.2.1")),
        (ipaddress.IPv6Address, ipaddress.IPv6Address("2001:db8::1")),
        (AnyUrl, AnyUrl("https://example.org/it")),
        (SecretStr, SecretStr("example")),
        (SecretBytes, SecretBytes(b"example")),
        (ByteSize, ByteSize(1024)),
        (Odd, None),
        (type[int], None),
    ],
)
def test_each_type_has_an_example(declared: Any, example: object) -> None:
    """One that a person recognises as such."""
    assert example_of(declared) == example


@pytest.mark.parametrize(
    "declared",
    [list[int], dict[str, Path], Pair, Mount, Server, dt.datetime, set[Colour], ByteSize],
)
def test_examples_are_of_their_type(declared: Any) -> None:
    """So that whoever is given one can work with it."""
    example = example_of(declared)

    assert TypeAdapter(declared).validate_python(example, strict=True) == example


def test_urls_are_urls() -> None:
    """Also of the more special types."""
    assert str(example_of(HttpUrl)) == "https://example.org/it"


def test_models_that_contain_themselves_have_examples_that_end() -> None:
    """The alternative is taken that does not."""
    assert example_model(Node).model_dump() == {
        "name": "example_name",
        "parent": None,
        "children": [],
        "either": "example_either",
    }


def test_an_example_of_a_state_need_not_be_valid() -> None:
    """It is only shown."""

    class Strict(State):
        code: Annotated[str, Field(pattern="^[0-9]+$")]

    assert example_model(Strict).code == "example_code"
