"""References inside of other values."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pytest
from pydantic import BaseModel
from sample_state import HouseState, Known

from peaceful import mapped, stored
from peaceful._errors.usage import ReferenceUsedAsValue
from peaceful._params.specs import fill_references, is_pending, reference_places, references_in
from peaceful.errors import DefinitionError


class Pair(NamedTuple):
    """A named tuple."""

    host: str
    port: int


@dataclass(frozen=True)
class Mount:
    """A data class."""

    path: Path
    size: int = 0
    shown: str = field(default="", init=False)


class Server(BaseModel):
    """A model, which a mapping may be given for."""

    host: str


class Row(TypedDict):
    """A typed dictionary."""

    host: str


PLAIN: list[object] = [
    None, 0, 1.5, "text", b"bytes", Path("/x"), [], [1, "a"], {"a": [1]}, (1, 2), {1}, frozenset(),
    Pair("h", 1), Mount(Path("/x")), Server(host="h"), Server, Mount, deque([1]), object(),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN)
def test_plain_values_are_not_open(value: object) -> None:
    """What has no reference in it is a value, and stays as it is."""
    assert not is_pending(value)
    assert fill_references(value, lambda _: None) is value


def _containers(part: Any) -> list[object]:
    return [
        part,
        [part],
        [[1, part]],
        (1, part),
        {part},
        frozenset({part}),
        deque([part]),
        {"k": part},
        OrderedDict(k={"l": [part]}),
        Pair(part, 1),
        Mount(part),
        [Mount(part)],
    ]


@pytest.mark.parametrize("index", range(12))
def test_references_are_found_in_containers(index: int, house: HouseState) -> None:
    """Lists, tuples, sets, queues, mappings, named tuples and data classes, at whatever depth."""
    value = _containers(house.path)[index]

    assert is_pending(value)
    assert [str(reference) for reference in references_in(value)] == ["house.state.path"]


@pytest.mark.parametrize("index", range(12))
def test_containers_are_filled_in_kind(
    index: int, house: HouseState, built_house: HouseState, known: Known
) -> None:
    """A container with values for its references is a container of the same kind."""
    expected: object = _containers(built_house.path)[index]

    made: Any = fill_references(_containers(house.path)[index], known(house=built_house))

    assert made == expected
    assert isinstance(made, type(expected)) or isinstance(expected, OrderedDict)


def test_the_length_of_a_queue_stays(
    house: HouseState, built_house: HouseState, known: Known
) -> None:
    """A queue stays as long as it may become."""
    made: Any = fill_references(deque([house.path], maxlen=3), known(house=built_house))

    assert made.maxlen == 3


def test_a_reference_cannot_be_a_key(house: HouseState) -> None:
    """What is stored has texts for keys, so a reference is refused there, with what to write."""
    with pytest.raises(ReferenceUsedAsValue, match="the key of a mapping"):
        is_pending({house.name: 1})


@pytest.mark.parametrize("value", [[stored()], {"k": stored()}, (1, [stored()])])
def test_stored_is_for_a_whole_parameter(value: object) -> None:
    """`stored()` within a value would have to be merged with what was stored, part by part."""
    with pytest.raises(DefinitionError, match=r"stored\(\) stands for a whole parameter"):
        is_pending(value)


@pytest.mark.parametrize(
    ("make", "declared", "where", "due"),
    [
        (lambda ref: ref, Path, "", Path),
        (lambda ref: [0, ref], list[Path], "[1]", Path),
        (lambda ref: [ref], list[Path] | None, "[0]", Path),
        (lambda ref: [ref], Sequence[str], "[0]", str),
        (lambda ref: [ref], str | list[int], "[0]", int),
        (lambda ref: [ref], list, "[0]", object),
        (lambda ref: [ref], Any, "[0]", object),
        (lambda ref: [ref], int, "[0]", object),
        (lambda ref: (ref, 1), tuple[str, int], "[0]", str),
        (lambda ref: (1, ref), tuple[str, int], "[1]", int),
        (lambda ref: (1, ref), tuple[str, ...], "[1]", str),
        (lambda ref: (1, ref), tuple[str], "[1]", object),
        (lambda ref: Pair("h", ref), Pair, "[1]", int),
        (lambda ref: ["h", ref], Pair, "[1]", int),
        (lambda ref: {"a": ref}, dict[str, int], "['a']", int),
        (lambda ref: {"a": ref}, Mapping[str, int], "['a']", int),
        (lambda ref: {"a": ref}, dict, "['a']", object),
        (lambda ref: {"a": ref}, str, "['a']", object),
        (lambda ref: {"host": ref}, Row, "['host']", str),
        (lambda ref: {"host": ref}, Server, "['host']", str),
        (lambda ref: {"other": ref}, Server | None, "['other']", object),
        (lambda ref: {"a": [ref]}, dict[str, list[Path]], "['a'][0]", Path),
        (Mount, Mount, ".path", Path),
        (lambda ref: [Mount(ref)], list[Mount], "[0].path", Path),
        (lambda ref: [ref], list[int] | list[str], "[0]", int | str),
    ],
)
def test_the_type_due_at_each_place_is_known(
    make: Any, declared: object, where: str, due: object, house: HouseState
) -> None:
    """For each reference within a value: where it stands, and what type is declared there."""
    [(place, reference, wanted)] = reference_places(make(house.path), declared)

    assert place == where
    assert str(reference) == "house.state.path"
    assert wanted == due


def test_arguments_of_mapping_functions_have_no_place(house: HouseState) -> None:
    """Only the mapped reference itself stands in the parameter."""
    computed = mapped("text", str, house.path)

    assert [str(reference) for _, reference, _ in reference_places([computed], list[str])] == [
        "text(house.state.path)"
    ]
