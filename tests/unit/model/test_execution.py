"""How executions stand, and in which state each outcome ends them."""

from __future__ import annotations

import pytest

from peaceful._model.outcome import state_after
from peaceful.commands import ExecutionState, OutcomeKind


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (OutcomeKind.COMPLETE, ExecutionState.COMPLETE),
        (OutcomeKind.BLOCK_INTERRUPTED, ExecutionState.INTERRUPTED),
        (OutcomeKind.EXECUTION_INTERRUPTED, ExecutionState.INTERRUPTED),
        (OutcomeKind.ITEM_ERROR, ExecutionState.FAILED),
        (OutcomeKind.ERROR, ExecutionState.FAILED),
    ],
)
def test_the_state_after_an_outcome(kind: OutcomeKind, state: ExecutionState) -> None:
    """Each outcome ends an execution in one state."""
    assert state_after(kind) is state
    assert state_after(kind).ended


def test_what_can_be_carried_on() -> None:
    """What ended before everything was done: interrupted, failed or lost."""
    assert {state for state in ExecutionState if state.resumable} == {
        ExecutionState.INTERRUPTED,
        ExecutionState.FAILED,
        ExecutionState.LOST,
    }
