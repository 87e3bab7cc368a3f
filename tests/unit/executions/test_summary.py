"""An outcome in few words."""

from __future__ import annotations

import pytest

from peaceful.executions import ending_state, summary_of
from peaceful.model import ExecutionState, OutcomeKind


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
def test_ending_state(kind: OutcomeKind, state: ExecutionState) -> None:
    """Each outcome ends an execution in one state."""
    assert ending_state(kind) is state


def test_unknown_words() -> None:
    """A document that says nothing known is summed up as such."""
    summary = summary_of({"outcome": "a word of a later version", "items": None})
    assert summary.outcome is None
    assert summary.counts == {}
