"""How an item ended, by what its work raised: the table of `ending_of`."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._item.safe_point import EndedWithChild, StoppedAtSafePoint
from peaceful._runtime.block import ending_of
from peaceful.errors import ChildFailed, ItemCrashed, ItemFailure, ValueUnresolved

ERRORS: list[BaseException] = [
    ItemFailure("It does not want to."),
    ValueUnresolved("Not known."),
    ChildFailed("make", 2, "no rule"),
    ValueError("odd"),
    SystemExit(1),
    asyncio.CancelledError(),
    StoppedAtSafePoint(None, "half way"),
    StoppedAtSafePoint(None, ""),
    EndedWithChild("make"),
]


def _by_child(error: ItemFailure) -> ItemFailure:
    error.__cause__ = ItemFailure("again")
    error.__cause__.__cause__ = ChildFailed("make", -15, "")
    return error


@given(st.sampled_from(ERRORS), st.booleans(), st.booleans())
def test_an_error_is_there_exactly_where_it_failed(
    error: BaseException, cancelled: bool, asked: bool
) -> None:
    """An item that failed says why; one that ended for an interrupt is no error: it says where."""
    result = ending_of(error, "it", "apply", cancelled=cancelled, asked_to_end=asked)
    assert result.status in {ItemStatus.FAILED, ItemStatus.STOPPED, ItemStatus.ABANDONED}
    assert (result.error is not None) == (result.status is ItemStatus.FAILED)
    assert result.message


@pytest.mark.parametrize(
    ("where", "message"),
    [("half way", "half way"), ("", "at a safe point")],
)
def test_a_safe_point(where: str, message: str) -> None:
    """The item stopped, with what it was doing, at any level."""
    error = StoppedAtSafePoint(None, where)
    for cancelled in (False, True):
        result = ending_of(error, "it", "apply", cancelled=cancelled, asked_to_end=cancelled)
        assert (result.status, result.message) == (ItemStatus.STOPPED, message)


@pytest.mark.parametrize("asked", [True, False])
def test_a_child_process_that_the_interrupt_ended(asked: bool) -> None:
    """That was no safe point: the item is abandoned, and says which child."""
    error = EndedWithChild("make")
    result = ending_of(error, "it", "apply", cancelled=False, asked_to_end=asked)
    assert result.status is ItemStatus.ABANDONED
    assert result.message == "make was ended by the interrupt"


@pytest.mark.parametrize(
    ("cancelled", "status"), [(True, ItemStatus.ABANDONED), (False, ItemStatus.FAILED)]
)
def test_a_cancellation(cancelled: bool, status: ItemStatus) -> None:
    """One that somebody asked for abandons the item; one of its own is a crash."""
    error = asyncio.CancelledError()
    result = ending_of(error, "it", "apply", cancelled=cancelled, asked_to_end=False)
    assert result.status is status
    assert cancelled or isinstance(result.error, ItemCrashed)


@pytest.mark.parametrize(
    "error", [ChildFailed("make", -15, ""), _by_child(ItemFailure("It cannot be built."))]
)
@pytest.mark.parametrize("asked", [True, False])
def test_a_child_process_that_failed(error: ItemFailure, asked: bool) -> None:
    """After children were asked to end, that is no failure; also where the item says it anew."""
    result = ending_of(error, "it", "apply", cancelled=False, asked_to_end=asked)
    if asked:
        assert result.status is ItemStatus.ABANDONED
        assert result.message == "its child process was ended"
    else:
        assert result.error is error


def test_a_failure_of_another_kind_while_asked_to_end() -> None:
    """It is a failure nevertheless: an interrupt does not hide it."""
    error = ItemFailure("The disk is broken.")
    result = ending_of(error, "it", "apply", cancelled=True, asked_to_end=True)
    assert result.error is error
