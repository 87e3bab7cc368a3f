"""What may become of an execution's record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ending_documents import ending_document
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._errors.json import ErrorJson
from peaceful._executions.records import (
    ExecutionRecord,
    Machine,
    ProcessIdentity,
    mark_finished,
    mark_interrupted,
    mark_lost,
)
from peaceful._model.codec import to_json
from peaceful._model.document import ItemAside, ItemDocument
from peaceful._model.execution import StartedBy
from peaceful.commands import (
    ExecutionEnded,
    ExecutionInfo,
    ExecutionState,
    InterruptRequested,
    ItemEnded,
    OutcomeKind,
)
from peaceful.errors import AlreadyEnded
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NewRecord = Callable[..., ExecutionRecord]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def signal(level: InterruptLevel, seconds: int = 0) -> InterruptSignal:
    """A signal some seconds after the start."""
    return InterruptSignal(level, InterruptSource.WEB, START + timedelta(seconds=seconds))


CHANGES = st.lists(
    st.one_of(
        st.just("lose"),
        st.sampled_from(list(InterruptLevel)),
        st.sampled_from(OutcomeKind),
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
        if isinstance(each, OutcomeKind):
            endings += 1
        elif before.state.ended:
            assert record == before
        assert level_of(record) >= level_of(before)
        assert record.state.ended >= before.state.ended
    assert endings <= 1
    assert (record.state.ended and record.state is not ExecutionState.LOST) == (endings == 1)
    assert (record.outcome is not None) == (endings == 1)
    assert (record.info.ended_at is not None) == record.state.ended


def changed(record: ExecutionRecord, change: str | InterruptLevel, second: int) -> ExecutionRecord:
    """The record after one change."""
    at = START + timedelta(seconds=second)
    match change:
        case "lose":
            return mark_lost(record, at)
        case InterruptLevel():
            return mark_interrupted(record, signal(change, second))
        case _:
            return mark_finished(record, ending_document(OutcomeKind(change), ended_at=at))


def level_of(record: ExecutionRecord) -> int:
    """The level at which it is interrupted, as a number."""
    signal = record.info.interrupt
    return 0 if signal is None else 1 + list(InterruptLevel).index(signal.level)


def test_the_first_at_its_level(new_record: NewRecord) -> None:
    """Of several interrupts at a level, the register keeps the first."""
    record = mark_interrupted(new_record(), signal(InterruptLevel.STOP, 1))
    again = mark_interrupted(record, signal(InterruptLevel.STOP, 2))
    assert again is record
    higher = mark_interrupted(again, signal(InterruptLevel.KILL, 3))
    assert higher.info.interrupt == signal(InterruptLevel.KILL, 3)
    assert higher.state is ExecutionState.INTERRUPTING


def test_lost_is_no_ending(new_record: NewRecord) -> None:
    """An executor that was taken for lost may still write its ending."""
    found_lost = mark_lost(new_record(), START)
    assert (found_lost.state, found_lost.info.ended_at) == (ExecutionState.LOST, START)
    later = START + timedelta(seconds=9)
    record = mark_finished(found_lost, ending_document(ended_at=later))
    assert (record.state, record.info.ended_at) == (ExecutionState.COMPLETE, later)


def test_an_interrupt_nobody_noted(new_record: NewRecord) -> None:
    """The ending brings the latched interrupt along, where the register did not know it yet."""
    late = signal(InterruptLevel.STOP, 3)
    ending = mark_finished(
        new_record(), ending_document(OutcomeKind.BLOCK_INTERRUPTED, interrupt=late)
    )
    assert ending.info.interrupt == late
    noted = mark_interrupted(new_record(), late)
    assert mark_finished(noted, ending_document(OutcomeKind.ERROR)).info.interrupt == late


def test_summary(new_record: NewRecord) -> None:
    """The record of an ended execution counts its items by how they ended."""
    statuses = {"a": ItemStatus.DONE, "b": ItemStatus.DONE, "c": ItemStatus.NOT_STARTED}
    document = ending_document(OutcomeKind.BLOCK_INTERRUPTED, statuses)
    record = mark_finished(new_record(), document)
    assert record.summary is not None
    assert record.summary.outcome is OutcomeKind.BLOCK_INTERRUPTED
    assert record.summary.counts == {ItemStatus.DONE: 2, ItemStatus.NOT_STARTED: 1}


def test_as_json(new_record: NewRecord) -> None:
    """A record as JSON has what is known, and can be interrupted only until it has ended."""
    running = to_json(new_record().document())
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
    outcome = ending_document(told={"a": ItemAside("there", 1.0)})
    ended = mark_finished(new_record(), outcome)
    shown = to_json(ended.document())
    assert shown["can_interrupt"] is False
    assert shown["outcome"] == to_json(outcome.plain())
    assert shown["summary"] == {"outcome": "complete", "counts": {}}
    assert list(shown) == [*running]


def test_the_last_event(new_record: NewRecord) -> None:
    """It is made from the stored ending, also for who was not there; and of what was lost."""
    assert new_record().ending() is None
    error = ErrorJson("X", "no", "")
    document = ending_document(OutcomeKind.ERROR, {"a": ItemStatus.DONE}, errors={"": error})
    ended = mark_finished(new_record(), document)
    assert ended.ending() == ExecutionEnded(
        START, "e1", OutcomeKind.ERROR, {ItemStatus.DONE: 1}, None, error
    )
    gone = mark_lost(new_record(), START).ending()
    assert gone is not None
    assert (gone.outcome, gone.state) == (None, ExecutionState.LOST)
    assert gone.error is not None
    assert gone.error.code == "EXECUTION-LOST"


def test_how_everything_stood(new_record: NewRecord) -> None:
    """Of an execution that has ended, the snapshot holds each ending, with its error."""
    error = ErrorJson("B", "no", "")
    at = START + timedelta(seconds=9)
    document = ending_document(
        OutcomeKind.ITEM_ERROR,
        items={"a": ItemDocument(ItemStatus.DONE, 1, "so"), "b": ItemDocument(ItemStatus.FAILED)},
        errors={"b": error},
        told={"a": ItemAside("there", 1.5)},
        ended_at=at,
    )
    record = mark_interrupted(new_record(), signal(InterruptLevel.STOP))
    snapshot = mark_finished(record, document).snapshot()
    assert snapshot.items == ("a", "b")
    assert snapshot.ended == {
        "a": ItemEnded(at, "a", ItemStatus.DONE, "there", "so", None, 1.5),
        "b": ItemEnded(at, "b", ItemStatus.FAILED, "", "", error, 0.0),
    }
    assert snapshot.interrupt == InterruptRequested(at, signal(InterruptLevel.STOP), ())
    assert snapshot.ending is not None
    assert mark_lost(new_record(), at).snapshot().ended == {}
