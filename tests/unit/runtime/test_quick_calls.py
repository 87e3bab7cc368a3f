"""`diff` and `apply_check` of items: plain, quick, and of a developer's own."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from sigint import by_the_program, sigint_by

from peaceful import Item, ItemCtx, ItemFailure, PeacefulError, State, StateDiff
from peaceful._runtime.block import diff_of, needs_apply
from peaceful.errors import DefinitionError, ItemCrashed


class NumberState(State):
    """A number."""

    number: int | None = None


ONE, TWO = NumberState(number=1), NumberState(number=2)


class Number(Item[NumberState]):
    """A number."""

    def state_current(self, ctx: ItemCtx) -> NumberState:
        """One."""
        return ONE

    def state_goal(self, ctx: ItemCtx) -> NumberState:
        """Two."""
        return TWO

    def apply(self, ctx: ItemCtx, current: NumberState, goal: NumberState) -> NumberState:
        """The goal."""
        return goal


def _with(**functions: Callable[..., object]) -> Number:
    """An item of a class with the given functions."""
    kind: Any = type("Other", (Number,), dict(functions))  # Any: made here
    item: Number = kind()
    return item


def test_where_nothing_differs() -> None:
    """There is no diff, and nothing to apply."""
    assert diff_of(Number(), "it", ONE, ONE) is None
    assert not needs_apply(Number(), "it", ONE, ONE, None)


def test_where_something_differs() -> None:
    """There is a diff, and something to apply, unless the item sees it otherwise."""
    diff = diff_of(Number(), "it", ONE, TWO)
    assert isinstance(diff, StateDiff)
    assert needs_apply(Number(), "it", ONE, TWO, diff)
    patient = _with(apply_check=lambda *_: 0)
    assert not needs_apply(patient, "it", ONE, TWO, diff)


class _Quit(BaseException):
    """Of a developer's own."""


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(1), _Quit("odd")])
@pytest.mark.parametrize("function", ["diff", "apply_check"])
def test_one_that_crashes(function: str, error: BaseException) -> None:
    """Whatever it raises ends the item, and names the function."""

    def crash(*_: object) -> None:
        raise error

    item = _with(**{function: crash})
    with pytest.raises(ItemCrashed, match=f"it failed in {function}") as caught:
        _call(item, function)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [ItemFailure("It cannot be compared."), KeyboardInterrupt()])
@pytest.mark.parametrize("function", ["diff", "apply_check"])
def test_what_is_passed_on(function: str, error: BaseException) -> None:
    """A failure that explains itself, and somebody who wants the program to end."""

    def fail(*_: object) -> None:
        raise error

    with sigint_by(signal.default_int_handler), pytest.raises(type(error)) as caught:
        _call(_with(**{function: fail}), function)
    assert caught.value is error


@pytest.mark.parametrize("function", ["diff", "apply_check"])
def test_an_interrupt_of_its_own(function: str) -> None:
    """Where the program handles Ctrl-C, Python raises nothing for it: the item does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with sigint_by(by_the_program), pytest.raises(ItemCrashed) as caught:
        _call(_with(**{function: interrupt}), function)
    assert dict(caught.value.details)["at"].startswith(f"{__file__}:")


def _call(item: Number, function: str) -> object:
    if function == "diff":
        return diff_of(item, "it", ONE, TWO)
    return needs_apply(item, "it", ONE, TWO, None)


@pytest.mark.parametrize("function", ["diff", "apply_check"])
def test_one_that_would_have_to_be_awaited(function: str) -> None:
    """It is a mistake in the item's class, which is told without calling it."""

    async def wait(*_: object) -> None:
        raise AssertionError

    with pytest.raises(DefinitionError, match=f"Other.{function} is a coroutine function"):
        _call(_with(**{function: wait}), function)


@pytest.mark.parametrize("odd", ["a text", True, ONE])
def test_a_diff_that_is_none(odd: object) -> None:
    """What is neither a diff nor none is told by its class."""
    with pytest.raises(PeacefulError, match=f"returned {type(odd).__name__}, not StateDiff"):
        diff_of(_with(diff=lambda *_: odd), "it", ONE, TWO)
