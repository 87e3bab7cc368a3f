"""What may become of an execution's record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.errors import AlreadyEnded
from peaceful.executions import (
    ExecutionRecord,
    JsonObject,
    Machine,
    ProcessIdentity,
    finished,
    interrupted,
    lost,
)
from peaceful.model import (
    ExecutionInfo,
    ExecutionState,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    ItemStatus,
    OutcomeKind,
    StartedBy,
)

NewRecord = Callable[..., ExecutionRecord]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDINGS = (ExecutionState.COMPLETE, ExecutionState.INTERRUPTED, ExecutionState.FAILED)


def signal(level: InterruptLevel, seconds: int = 0) -> InterruptSignal:
    """A signal some seconds after the start."""
    return InterruptSignal(level, InterruptSource.WEB, START + timedelta(seconds=seconds))


CHANGES = st.lists(
    st.one_of(
        st.just("lose"),
        st.sampled_from(list(InterruptLevel)),
        st.sampled_from(ENDINGS),
    ),
    max_size=8,
)


@given(changes=CHANGES)
def test_one_ending(changes: Sequence[str | InterruptLevel]) -> None:
    """Whatever is tried: levels only rise, one ending is written, and after it nothing changes."""
    who = StartedBy("ann", "here", 1, "web")
    record = ExecutionRecord(
        ExecutionInfo("e1", "shop", "test", "deploy", "ensure", who, START),
        ProcessIdentity(1, 9, Machine("here")),
    )
    endings = 0
    for second, each in enumerate(changes):
        before = record
        try:
            record = changed(record, each, second)
        except AlreadyEnded:
            assert before.state.ended
            assert each != "lose"
            continue
        if each in ENDINGS:
            endings += 1
        elif before.state.ended:
            assert record == before
        assert level_of(record) >= level_of(before)
        assert record.state.ended >= before.state.ended
    assert endings <= 1
    assert (record.state in ENDINGS) == (endings == 1)
    assert (record.outcome is not None) == (endings == 1)
    assert (record.info.ended_at is not None) == record.state.ended


def changed(record: ExecutionRecord, change: str | InterruptLevel, second: int) -> ExecutionRecord:
    """The record after one change."""
    at = START + timedelta(seconds=second)
    match change:
        case "lose":
            return lost(record, at)
        case InterruptLevel():
            return interrupted(record, signal(change, second))
        case _:
            return finished(record, ExecutionState(change), ended_at=at, outcome={"n": second})


def level_of(record: ExecutionRecord) -> int:
    """The level at which it is interrupted."""
    return 0 if record.info.interrupt is None else record.info.interrupt.level


def test_the_first_at_its_level(new_record: NewRecord) -> None:
    """Of several interrupts at a level, the register keeps the first."""
    record = interrupted(new_record(), signal(InterruptLevel.STOP, 1))
    again = interrupted(record, signal(InterruptLevel.STOP, 2))
    assert again is record
    higher = interrupted(again, signal(InterruptLevel.KILL, 3))
    assert higher.info.interrupt == signal(InterruptLevel.KILL, 3)
    assert higher.state is ExecutionState.INTERRUPTING


def test_lost_is_no_ending(new_record: NewRecord) -> None:
    """An executor that was taken for lost may still write its ending; nobody may write "lost"."""
    found_lost = lost(new_record(), START)
    assert (found_lost.state, found_lost.info.ended_at) == (ExecutionState.LOST, START)
    later = START + timedelta(seconds=9)
    record = finished(found_lost, ExecutionState.COMPLETE, ended_at=later, outcome={})
    assert (record.state, record.info.ended_at) == (ExecutionState.COMPLETE, later)
    with pytest.raises(ValueError, match="cannot end as lost"):
        finished(new_record(), ExecutionState.LOST, ended_at=later, outcome={})


def test_an_interrupt_nobody_noted(new_record: NewRecord) -> None:
    """The ending brings the latched interrupt along, where the register did not know it yet."""
    late = signal(InterruptLevel.STOP, 3)
    ending = finished(
        new_record(), ExecutionState.INTERRUPTED, ended_at=START, outcome={}, interrupt=late
    )
    assert ending.info.interrupt == late
    noted = interrupted(new_record(), late)
    assert finished(noted, ExecutionState.FAILED, ended_at=START, outcome={}).info.interrupt == late


def test_summary(new_record: NewRecord) -> None:
    """The record of an ended execution counts its items by how they ended."""
    document: JsonObject = {
        "outcome": "block_interrupted",
        "items": {
            "a": {"status": "done"},
            "b": {"status": "done"},
            "c": {"status": "not_started"},
            "d": {"status": "a word of a later version"},
            "e": "not an item",
        },
    }
    record = finished(new_record(), ExecutionState.INTERRUPTED, ended_at=START, outcome=document)
    assert record.summary is not None
    assert record.summary.outcome is OutcomeKind.BLOCK_INTERRUPTED
    assert record.summary.counts == {ItemStatus.DONE: 2, ItemStatus.NOT_STARTED: 1}


def test_as_json(new_record: NewRecord) -> None:
    """A record as JSON has what is known, and can be interrupted only until it has ended."""
    running = new_record().to_json()
    assert running["id"] == "e1"
    assert running["state"] == "running"
    assert running["can_interrupt"] is True
    assert running["started_by"] == {
        "user": "ann",
        "host": "here",
        "pid": 4711,
        "door": "terminal",
    }
    assert "address" not in running
    outcome: JsonObject = {"outcome": "complete", "items": {}}
    ended = finished(new_record(), ExecutionState.COMPLETE, ended_at=START, outcome=outcome)
    shown = ended.to_json()
    assert shown["can_interrupt"] is False
    assert shown["outcome"] == outcome
    assert shown["summary"] == {"outcome": "complete", "counts": {}}
