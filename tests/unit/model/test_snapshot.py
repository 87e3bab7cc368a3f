"""How an execution stands, made from its events."""

from __future__ import annotations

from execution_events import INFO, ITEMS, NOW, SIGNAL, event_sequences
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.codec import encode_json
from peaceful._model.events import Phase, Snapshot, SnapshotTaken, decode_event
from peaceful.commands import (
    BlockEnded,
    BlockStarted,
    ChangeStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ExecutionState,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
)


def folded(events: list[Event], snapshot: Snapshot | None = None) -> Snapshot:
    """How everything stands after events."""
    snapshot = snapshot or Snapshot()
    for event in events:
        snapshot.add(event)
    return snapshot


@given(event_sequences())
def test_a_snapshot_says_how_everything_stands(events: list[Event]) -> None:
    """Each item is waiting, running or ended, and never two of these."""
    snapshot = folded(events)
    started = [event.item for event in events if isinstance(event, ItemStarted)]
    ended = [event.item for event in events if isinstance(event, ItemEnded)]
    assert set(snapshot.ended) == set(ended)
    assert set(snapshot.running) == set(snapshot.since) == set(started) - set(ended)
    phases = {event.item: event.phase for event in events if isinstance(event, ItemStarted)}
    phases |= {event.item: Phase.CHANGING for event in events if isinstance(event, ChangeStarted)}
    assert snapshot.phases == {
        item: phase for item, phase in phases.items() if phase and item in snapshot.running
    }
    assert set(snapshot.looking) == {
        item for item, phase in snapshot.phases.items() if phase is Phase.LOOKING
    }
    assert snapshot.waiting == len(ITEMS) - len(started)
    interrupted = any(isinstance(event, InterruptRequested) for event in events)
    assert (snapshot.interrupt is not None) == interrupted
    last = events[-1]
    assert snapshot.ending == (last if isinstance(last, ExecutionEnded) else None)
    assert snapshot.block == ("" if isinstance(last, ExecutionEnded) else "B")
    assert snapshot.execution is not None
    assert (snapshot.execution.interrupt == SIGNAL) == interrupted
    if isinstance(last, ExecutionEnded):
        assert snapshot.execution.state is last.state
        assert snapshot.execution.ended_at == last.at
        assert not snapshot.execution.can_interrupt
    else:
        expected = ExecutionState.INTERRUPTING if interrupted else ExecutionState.RUNNING
        assert snapshot.execution.state is expected
    assert set(snapshot.statuses) == set(ITEMS)
    for item, status in snapshot.statuses.items():
        assert (status is ItemStatus.ABANDONED) == (item in snapshot.running)
        assert (status is ItemStatus.NOT_STARTED) == (item not in started)


@given(event_sequences(), st.integers(0, 30))
def test_who_comes_later_sees_the_same(events: list[Event], cut: int) -> None:
    """Whether all events came, or a snapshot in another process's words and then the others."""
    told = decode_event(encode_json(SnapshotTaken(folded(events[:cut]))))
    assert isinstance(told, SnapshotTaken)
    assert folded(events[cut:], told.snapshot) == folded(events)


@given(event_sequences(), st.integers(0, 30))
def test_a_copy_stays_as_it_is(events: list[Event], cut: int) -> None:
    """What is added to the one does not change the other."""
    snapshot = folded(events[:cut])
    copy = snapshot.copy()
    folded(events[cut:], snapshot)
    assert copy == folded(events[:cut])


def test_what_comes_before_the_start() -> None:
    """A snapshot of nothing is one too; progress of what does not run is not of this block."""
    snapshot = Snapshot()
    snapshot.add(InterruptRequested(NOW, SIGNAL, ()))
    assert snapshot.execution is None
    snapshot.add(ItemProgressed(NOW, "a", Progress(done=1)))
    snapshot.add(ChangeStarted(NOW, "a"))
    assert not snapshot.running
    assert not snapshot.phases
    assert snapshot.statuses == {}


def test_who_begins_before_the_start_is_told() -> None:
    """A start that a snapshot holds already takes nothing back of what came since."""
    started = ExecutionStarted(NOW, INFO, ITEMS, {})
    snapshot = folded([started, InterruptRequested(NOW, SIGNAL, ()), started])
    assert snapshot.items == ITEMS
    assert snapshot.execution is not None
    assert snapshot.execution.state is ExecutionState.INTERRUPTING


def test_blocks_without_items() -> None:
    """What items have come to stays, until the next block that has any begins."""
    ended = ItemEnded(NOW, "a", ItemStatus.DONE, "", "", None, 1.0)
    snapshot = folded(
        [
            ExecutionStarted(NOW, INFO, ITEMS, {}),
            BlockStarted(NOW, "One", ("a",)),
            ItemStarted(NOW, "a"),
            ended,
            BlockEnded(NOW, "One", finished=True),
            BlockStarted(NOW, "Tell", ()),
        ]
    )
    assert (snapshot.block, snapshot.block_items, snapshot.ended) == ("Tell", ("a",), {"a": ended})
    snapshot.add(BlockStarted(NOW, "Two", ("a", "b")))
    assert (snapshot.ended, snapshot.waiting) == ({}, 2)


def test_what_an_item_said_when_it_was_looked_at() -> None:
    """It says nothing of the change."""
    snapshot = folded(
        [ItemStarted(NOW, "a", Phase.LOOKING), ItemProgressed(NOW, "a", Progress(message="asking"))]
    )
    assert snapshot.running == {"a": Progress(message="asking")}
    snapshot.add(ChangeStarted(NOW, "a"))
    assert snapshot.running == {"a": None}


def test_what_was_lost() -> None:
    """Nobody can say how it ended."""
    snapshot = folded(
        [ExecutionStarted(NOW, INFO, ITEMS, {}), ExecutionEnded(NOW, "e1", None, {}, None)]
    )
    assert snapshot.execution is not None
    assert snapshot.execution.state is ExecutionState.LOST


def test_the_state_follows_from_the_outcome() -> None:
    """Whatever an event of another process says of it."""
    event = ExecutionEnded(NOW, "e1", OutcomeKind.COMPLETE, {}, None)
    assert event.state is ExecutionState.COMPLETE
    line = encode_json(event)
    assert decode_event(line.replace(b'"state":"complete"', b'"state":"lost"')) == event
    assert decode_event(line.replace(b',"state":"complete"', b"")) == event
