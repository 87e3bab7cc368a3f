"""The typed map of resources."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import pytest

from peaceful import Resources
from peaceful._errors.usage import ResourceMissing
from peaceful.errors import DefinitionError


class Greeter(Protocol):
    """Something that greets."""

    def greet(self) -> str:
        """Greet."""
        ...


@dataclass(frozen=True)
class Polite:
    """A greeter that does not say so."""

    name: str

    def greet(self) -> str:
        """Greet by name."""
        return f"Good morning, {self.name}"


class VeryPolite(Polite):
    """A subclass of it."""


def test_a_value_is_found_by_its_type() -> None:
    """What was inserted comes back, as the type that it was asked for by."""
    resources = Resources()
    resources.insert(Polite("Ann"))
    resources.insert(12)
    assert resources.get(Polite).greet() == "Good morning, Ann"
    assert resources.get(int) + 1 == 13
    assert resources.kinds() == {Polite, int}


def test_only_exactly_the_type_counts() -> None:
    """A subclass is another type: which of several were meant would be a guess."""
    resources = Resources()
    resources.insert(VeryPolite("Ann"))
    assert VeryPolite in resources
    assert Polite not in resources
    assert resources.try_get(Polite) is None


def test_a_value_can_be_found_by_a_type_that_it_has_besides_its_own() -> None:
    """A protocol or a base class can be given to be asked for."""
    resources = Resources()
    resources.insert(VeryPolite("Ann"), Polite)
    resources.insert(Polite("Bob"), Greeter)  # type: ignore[type-abstract]  # mypy has no type for a protocol's own class
    assert resources.get(Polite) == VeryPolite("Ann")
    assert resources.get(Greeter).greet() == "Good morning, Bob"  # type: ignore[type-abstract]  # likewise
    assert VeryPolite not in resources


def test_a_second_value_takes_the_place_of_the_first() -> None:
    """There is one value per type and scope, the last one."""
    resources = Resources()
    resources.insert("first")
    resources.insert("second")
    assert resources.get(str) == "second"


def test_a_false_value_is_a_value() -> None:
    """Zero, nothing and none can be held."""
    resources = Resources()
    for value in (0, "", None):
        resources.insert(value)
    assert (resources.try_get(int), resources.get(str), resources.get(type(None))) == (0, "", None)


def test_a_child_sees_what_its_parent_holds_and_writes_its_own() -> None:
    """A scope reads outwards, also what comes later, and never changes what is around it."""
    outer = Resources()
    outer.insert("outer")
    middle = outer.child()
    inner = middle.child()
    inner.insert("inner")
    outer.insert(1)
    assert [scope.get(str) for scope in (outer, middle, inner)] == ["outer", "outer", "inner"]
    assert inner.get(int) == 1
    inner.insert(2.5)
    assert float not in outer
    assert float not in middle
    assert outer.kinds() == {str, int}
    assert inner.kinds() == {str, int, float}


def test_what_is_missing_is_named_with_what_there_is() -> None:
    """The error says what is missing, what there is in all scopes, and what to do."""
    outer = Resources()
    outer.insert(1)
    inner = outer.child()
    inner.insert("text")
    with pytest.raises(ResourceMissing) as found:
        inner.get(Polite)
    error = found.value
    assert isinstance(error, DefinitionError)
    assert error.code == "RESOURCE-MISSING"
    assert error.kind == f"{__name__}.Polite"
    assert error.message == f"There is no {error.kind} among the resources."
    assert error.details == (("what there is", "int, str"),)
    assert error.help.startswith("insert a ")


def test_an_empty_map_says_that_it_is_empty() -> None:
    """Where nothing was inserted, the error says so."""
    with pytest.raises(ResourceMissing, match="what there is: nothing yet"):
        Resources().get(int)


def test_no_write_is_lost_and_no_read_is_torn_between_threads() -> None:
    """Threads that insert and read at once keep every value, and always find what was there."""
    resources = Resources()
    resources.insert("always there")
    kinds = [type(f"Kind{number}", (), {}) for number in range(200)]
    written = Event()

    def write(part: list[type[object]]) -> None:
        for kind in part:
            resources.insert(kind())

    def read() -> int:
        reads = 0
        while not written.is_set():
            assert resources.get(str) == "always there"
            assert str in resources.kinds()
            reads += 1
        return reads

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for writer in [pool.submit(write, kinds[start::4]) for start in range(4)]:
                writer.result()
        finally:
            written.set()
        assert all(reader.result() >= 0 for reader in readers)
    assert resources.kinds() == {str, *kinds}
