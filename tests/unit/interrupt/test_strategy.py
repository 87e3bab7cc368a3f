"""Strategies and interruptibility, as data."""

from __future__ import annotations

import pytest

from peaceful.errors import DefinitionError
from peaceful.interrupt import FinishCurrent, Interruptible, PollNextN, interrupt_channel


@pytest.mark.parametrize("n", [0, 1, 1_000_000])
def test_any_number_of_further_starts_can_be_given(n: int) -> None:
    """`PollNextN` takes 0 and more."""
    assert PollNextN(n).n == n


def test_fewer_than_no_starts_cannot_be_given() -> None:
    """A negative number is refused, and the error says what to give instead."""
    with pytest.raises(DefinitionError, match=r"PollNextN\(-1\)") as caught:
        PollNextN(-1)
    assert "0 or more" in caught.value.help


def test_finishing_what_is_in_progress_is_the_default() -> None:
    """`Interruptible` with a receiver alone has the strategy `FinishCurrent`."""
    _, receiver = interrupt_channel()
    assert Interruptible(receiver) == Interruptible(receiver, FinishCurrent())
