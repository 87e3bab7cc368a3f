"""A state is what an item is, or should be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from peaceful import State


class FileState(State):
    """A state."""

    path: str | None = None
    size: int | None = None


def test_states_are_compared_by_what_they_say() -> None:
    """And can be in a set."""
    assert FileState(path="a") == FileState(path="a")
    assert FileState(path="a") != FileState(path="b")
    assert len({FileState(size=1), FileState(size=1)}) == 1


def test_states_do_not_change() -> None:
    """A new one is made where something is another way."""
    with pytest.raises(ValidationError, match="frozen"):
        FileState().size = 1


def test_states_take_nothing_else() -> None:
    """So that a stored state of another shape is noticed."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        FileState.model_validate({"path": "a", "other": 1})


def test_states_show_what_is_set() -> None:
    """In a few words; absent where nothing is."""
    assert str(FileState(path="a", size=0)) == "path=a, size=0"
    assert str(FileState()) == "absent"
    assert FileState.state_version == 1
