"""Mapping functions compute values from references."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from peaceful import mapped
from peaceful._errors.usage import MappingInvalid
from peaceful._params.references import MappedReference, StateReference, reference_of
from peaceful._params.specs import references_in


def _join(first: Path, *others: str) -> Path:
    return first.joinpath(*others)


def _unclear(path: Nowhere) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821 - the point
    return path


@dataclass(frozen=True)
class Adder:
    """An object that can be called."""

    amount: int

    def __call__(self, number: int) -> int:
        """The number, and the amount."""
        return number + self.amount


def _pointing(value: object) -> MappedReference:
    reference = reference_of(value)
    assert isinstance(reference, MappedReference)
    return reference


@pytest.mark.parametrize(
    ("function", "returned"),
    [
        (_join, Path),
        (str, str),
        (Path, Path),
        (functools.partial(_join, Path("/x")), Path),
        (functools.partial(Path, "/x"), Path),
        (Adder(1), int),
        (Adder(1).__call__, int),
        (lambda value: value, object),
        (len, object),
        (_unclear, object),
    ],
)
def test_the_type_is_what_the_function_returns(
    function: Callable[..., object], returned: object, house: Any
) -> None:
    """As it is annotated; a class gives its instances; else nothing is known."""
    assert _pointing(mapped("computed", function, house.path)).type == returned


@pytest.mark.parametrize("name", ["", "1st", "two words", "a-b", "class", "None", "a.b"])
def test_names_are_identifiers(name: str, house: Any) -> None:
    """What is stored could not be read otherwise."""
    with pytest.raises(MappingInvalid, match="cannot name a mapping function"):
        mapped(name, str, house.path)


def test_a_function_must_take_what_is_given(house: Any) -> None:
    """A wrong number of arguments is found while the flow is built."""
    with pytest.raises(MappingInvalid, match="too many positional arguments"):
        mapped("two", lambda one: one, house.path, house.name)  # type: ignore[misc, arg-type]  # the point
    with pytest.raises(MappingInvalid, match="missing a required argument"):
        mapped("two", lambda one, two: (one, two), house.path)  # type: ignore[misc, arg-type]  # the point


def test_a_function_does_not_wait(house: Any) -> None:
    """An `async` function is refused."""

    async def fetch(path: Path) -> str:
        return str(path)

    with pytest.raises(MappingInvalid, match="async"):
        _ = mapped("fetch", fetch, house.path)


def test_mapped_references_can_be_nested(house: Any) -> None:
    """The references in it are found at whatever depth."""
    inner = mapped("inner", str, house.path)
    outer: Any = mapped("outer", lambda *parts: parts, inner, [house.name, {"k": house.value}], 3)

    assert str(_pointing(outer)) == (
        "outer(inner(house.state.path), [house.state.name, {'k': house.state.value}], 3)"
    )
    needed = [each.item for each in references_in([outer]) if isinstance(each, StateReference)]
    assert needed == ["house"] * 3
