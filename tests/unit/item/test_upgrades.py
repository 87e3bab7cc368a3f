"""Stored states of earlier versions of their class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, SecretStr, create_model, field_validator

from peaceful import State, upgrades
from peaceful._item.upgrades import Reading, read_state
from peaceful._model.codec import JsonValue
from peaceful.errors import DefinitionError


class Page(State):
    """The third version of a page."""

    state_version: ClassVar[int] = 3

    text: str | None
    size: int = 0


class PageOf2(State):
    """How it was in version 2."""

    state_version: ClassVar[int] = 2

    text: str | None


@pytest.fixture
def page() -> type[Page]:
    """The class, of which no function is known yet."""

    class Fresh(Page):
        pass

    return Fresh


def _lines_are_text(old: dict[str, Any]) -> Mapping[str, Any]:
    return {"text": "\n".join(old.pop("lines"))}


def _with_size(old: dict[str, Any]) -> Mapping[str, Any]:
    return {**old, "size": len(old["text"])}


def test_functions_lead_from_version_to_version(page: type[Page]) -> None:
    """1 → 2 → 3, in any order of registration; what is stored stays as it is."""
    upgrades(page, from_version=2)(_with_size)
    upgrades(page, from_version=1)(_lines_are_text)
    stored: dict[str, JsonValue] = {"lines": ["a", "b"]}

    assert read_state(page, 1, stored) == Reading(
        page(text="a\nb", size=3), "upgraded from version 1 to 3"
    )
    assert stored == {"lines": ["a", "b"]}
    assert read_state(page, 2, {"text": "a"}).state == page(text="a", size=1)
    assert read_state(page, 3, {"text": "a"}) == Reading(page(text="a"))


def test_functions_may_return_states(page: type[Page]) -> None:
    """Those of the next version: of today's class, or of one that is kept for it."""
    upgrades(page, from_version=1)(lambda old: PageOf2(text=old["lines"][0]))
    upgrades(page, from_version=2)(lambda old: page(text=old["text"], size=7))

    assert read_state(page, 1, {"lines": ["a"]}).state == page(text="a", size=7)


@given(st.integers(2, 12), st.data())
def test_a_chain_of_any_length(now: int, data: st.DataObject) -> None:
    """Each function is called once, in order; versions without one are taken as they are."""
    made: Any = create_model("Counted", __base__=State, n=list[int])
    made.state_version = now
    known = data.draw(st.sets(st.integers(1, now - 1)))
    for version in known:

        def step(old: dict[str, Any], version: int = version) -> dict[str, Any]:
            return {"n": [*old["n"], version]}

        upgrades(made, from_version=version)(step)
    begin = data.draw(st.integers(1, now - 1))

    state = read_state(made, begin, {"n": []}).state

    assert state == made(n=[version for version in range(begin, now) if version in known])


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        ({"text": "a"}, Page(text="a")),
        ({"text": None, "size": 2}, Page(text=None, size=2)),
    ],
)
def test_without_a_function_what_fits_exactly_is_read(
    page: type[Page], stored: dict[str, Any], state: Page
) -> None:
    """All that was stored is said by the state; fields that are new have their defaults."""
    read = read_state(page, 1, stored)

    assert read.state is not None
    assert read.state.model_dump() == state.model_dump()
    assert read.note == "upgraded from version 1 to 3"


class Lenient(State):
    """A class that reads more than it should."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")
    state_version: ClassVar[int] = 2

    text: str
    size: int | None = None
    parts: tuple[float, ...] = ()
    path: Path | None = None

    @field_validator("text")
    @classmethod
    def _trimmed(cls, text: str) -> str:
        return text.strip()


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({}, "text: it has no value"),
        ({"text": 1}, "text: it must be a text"),
        ({"text": "a", "colour": "red"}, "its fields would be read as others"),
        ({"text": "a", "size": "1"}, "its fields would be read as others"),
        ({"text": "a", "size": True}, "its fields would be read as others"),
        ({"text": "a", "parts": ["1"]}, "its fields would be read as others"),
        ({"text": " a"}, "its fields would be read as others"),
        (["text"], "it must be names with values"),
        (None, "it must be names with values"),
    ],
)
def test_without_a_function_nothing_is_guessed(stored: Any, reason: str) -> None:
    """What is missing, of another type or unknown now makes a state unreadable, and it is said."""
    state, note = read_state(Lenient, 1, stored)

    assert state is None
    assert "version 1 of Lenient, which is of version 2 here: no function upgrades it from" in note
    assert reason in note
    fits: dict[str, JsonValue] = {"text": "a", "size": 1, "parts": [1, 2.5], "path": "/x"}
    assert read_state(Lenient, 1, fits).state is not None


def _raises(_: dict[str, Any]) -> dict[str, Any]:
    raise KeyError("lines")


def _nothing(_: dict[str, Any]) -> Any:
    return None


def _misfit(_: dict[str, Any]) -> dict[str, Any]:
    return {"text": [1]}


def _back(_: dict[str, Any]) -> State:
    return Page(text="")


def _bytes(_: dict[str, Any]) -> dict[str, Any]:
    return {"text": b"\xff"}


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_raises, "failed: KeyError: 'lines' ("),
        (_nothing, "returned NoneType, not the fields of version 2"),
        (_back, "returned Page of version 3, not the fields of version 2"),
        (_bytes, "returned cannot be stored"),
        (SystemExit, "SystemExit"),
    ],
)
def test_functions_that_go_wrong_are_named(page: type[Page], function: Any, reason: str) -> None:
    """Whatever they raise or return: the state cannot be read, and nothing else happens."""
    upgrades(page, from_version=1)(function)

    state, note = read_state(page, 1, {"lines": []})

    assert state is None
    assert function.__qualname__ in note
    assert reason in note


def test_the_last_function_must_return_what_fits(page: type[Page]) -> None:
    """It is named, and the field."""
    upgrades(page, from_version=2)(_misfit)

    state, note = read_state(page, 2, {"text": "a"})

    assert state is None
    assert "_misfit returned does not fit: text: it must be a text" in note


def test_a_state_of_a_later_version(page: type[Page]) -> None:
    """Nobody here can know what it says."""
    assert read_state(page, 4, {"text": "a"}) == Reading(
        None,
        "it was stored by version 4 of Fresh, which is of version 3 here: "
        "a later version of the application wrote it",
    )


def test_a_state_of_today_that_does_not_fit(page: type[Page]) -> None:
    """As where a class kept its version when it changed; secrets, never stored, are expected."""

    class Guarded(State):
        key: SecretStr

    assert "it does not fit Fresh: text: it has no value" in read_state(page, 3, {}).note
    assert read_state(Guarded, 1, {"key": None}) == Reading(None)


def test_a_validator_that_fails(page: type[Page]) -> None:
    """The class's own code may raise anything, too."""

    class Odd(page):  # type: ignore[misc, valid-type]  # a class that the fixture gives
        @field_validator("text")
        @classmethod
        def _odd(cls, text: str) -> str:
            raise ZeroDivisionError(text)

    assert "ZeroDivisionError: odd" in read_state(Odd, 3, {"text": "odd"}).note


async def _waits(old: dict[str, Any]) -> dict[str, Any]:
    return old


@pytest.mark.parametrize(
    ("version", "function", "reason"),
    [
        (3, _with_size, "Nothing leads on from version 3 of Fresh: it is of version 3"),
        (4, _with_size, "Nothing leads on from version 4"),
        (True, _with_size, "Nothing leads on from version True"),
        (1, _waits, "_waits cannot upgrade Fresh"),
        (1, None, "None cannot upgrade Fresh"),
    ],
)
def test_what_cannot_upgrade(page: type[Page], version: int, function: Any, reason: str) -> None:
    """No function leads beyond today's version, so none goes in a circle."""
    with pytest.raises(DefinitionError, match=reason):
        upgrades(page, from_version=version)(function)


def test_one_function_for_each_version(page: type[Page]) -> None:
    """Both are named."""
    upgrades(page, from_version=1)(_lines_are_text)
    with pytest.raises(DefinitionError, match=r"_lines_are_text and .*_with_size"):
        upgrades(page, from_version=1)(_with_size)
    with pytest.raises(DefinitionError, match="takes the class of a state"):
        upgrades(page(text=""), from_version=1)  # type: ignore[arg-type]  # as who forgets it


def test_functions_of_another_class_do_not_count(page: type[Page]) -> None:
    """Those of a base class make its states, not this one's."""
    upgrades(page, from_version=2)(_with_size)

    class Derived(page):  # type: ignore[misc, valid-type]  # a class that the fixture gives
        pass

    assert read_state(Derived, 2, {"text": "abc"}).state == Derived(text="abc")
