"""How items stand, as rows."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from execution_events import SIGNAL, event_sequences
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus, ProgressUnit
from peaceful._model.events import ApprovalAsked, Phase, Snapshot
from peaceful._web.pages.rows import (
    IN_PROGRESS,
    WIDTH,
    DisplayStatus,
    ItemRow,
    ended_row,
    rows_of,
    segments,
)
from peaceful.commands import (
    Event,
    ExecutionEnded,
    InterruptRequested,
    ItemEnded,
    OutcomeKind,
    Progress,
)

PROGRESSES = st.builds(
    Progress,
    st.sampled_from(ProgressUnit),
    st.floats(0, 1e12),
    st.one_of(st.none(), st.floats(0, 1e12)),
    st.one_of(st.none(), st.floats(0, 1e12)),
    st.one_of(st.none(), st.floats(0, 1e12)),
    st.text(max_size=10),
    st.one_of(st.none(), st.floats(0, 1e6)),
)


def snapshot(**parts: Any) -> Snapshot:
    """How an execution of three items stands: b waits for a."""
    return Snapshot(items=("a", "b", "c"), waits_for={"b": ("a",)}, **parts)


def stands(rows: tuple[ItemRow, ...]) -> list[str]:
    """How the items of rows stand."""
    return [str(row.status) for row in rows]


AT = datetime(2026, 1, 1, tzinfo=UTC)


def done(item: str, status: ItemStatus = ItemStatus.DONE, message: str = "") -> ItemEnded:
    """The ending of an item."""
    return ItemEnded(AT, item, status, "there", message, None, 1.5)


@given(event_sequences())
def test_every_item_has_one_row(events: list[Event]) -> None:
    """Whatever has happened; what the snapshot says of it, the row says too."""
    made = Snapshot()
    for event in events:
        made.add(event)
        rows = rows_of(made)
        assert [row.item for row in rows] == list(made.items)
        for row in rows:
            assert (row.status in IN_PROGRESS) == (row.item in made.running)
            if row.item in made.ended:
                assert row.status.value == made.ended[row.item].status.value


@given(PROGRESSES)
def test_any_progress_can_be_shown(progress: Progress) -> None:
    """In one line, with a bar from 0 to 1 where the whole is known."""
    (row, *_) = rows_of(snapshot(running={"a": progress}))
    assert "\n" not in row.message
    assert row.fraction is None or 0 <= row.fraction <= 1


def test_waiting() -> None:
    """For other items, by their names; or for a place."""
    rows = rows_of(snapshot())
    assert stands(rows) == ["queued", "pending", "queued"]
    assert rows[1].message == "after a"
    assert stands(rows_of(snapshot(ended={"a": done("a")}))) == ["done", "queued", "queued"]


def test_after_an_interrupt() -> None:
    """What runs is finishing; what waits will not start."""
    rows = rows_of(
        snapshot(
            running={"a": None}, since={"a": AT}, interrupt=InterruptRequested(AT, SIGNAL, ("a",))
        )
    )
    assert stands(rows) == ["finishing", "not_started", "not_started"]
    assert [row.word for row in rows] == ["finishing", "will not start", "will not start"]
    assert rows[0].since == AT.isoformat()


def test_looking_and_changing() -> None:
    """What is only looked at says so, also after an interrupt: it does not finish anything."""
    started: dict[str, Any] = {
        "running": {"a": None, "b": None},
        "phases": {"a": Phase.LOOKING, "b": Phase.CHANGING},
    }
    rows = rows_of(snapshot(**started))
    assert stands(rows)[:2] == ["looking", "running"]
    assert [row.word for row in rows][:2] == ["looking", "changing"]
    assert all(row.in_progress for row in rows[:2])
    rows = rows_of(snapshot(**started, interrupt=InterruptRequested(AT, SIGNAL, ("a", "b"))))
    assert [row.word for row in rows][:2] == ["looking", "finishing"]
    assert stands(rows)[:2] == ["looking", "finishing"]


def test_after_the_end() -> None:
    """What has not ended was not started."""
    rows = rows_of(
        snapshot(
            ended={"a": done("a")},
            ending=ExecutionEnded(AT, "e1", OutcomeKind.COMPLETE, {}, None),
        )
    )
    assert stands(rows) == ["done", "not_started", "not_started"]
    assert rows[1].word == "not started"
    assert (rows[0].message, rows[0].aside) == ("there", "1.5 s")


def test_only_some_items() -> None:
    """An execution that is limited to some shows no others; what is gone from the flow it shows."""
    rows = rows_of(snapshot(ended={"gone": done("gone")}), only=["b", "gone"])
    assert [row.item for row in rows] == ["b", "gone"]
    assert rows[0].status is DisplayStatus.QUEUED


def test_stalled() -> None:
    """It says for how long nothing has moved, in place of time left."""
    stalled = Progress(ProgressUnit.BYTES, 5, 10, 1.0, 5.0, "copying", 42.0)
    row = rows_of(snapshot(running={"a": stalled}))[0]
    assert row.stalled
    assert row.message.endswith("last moved 42 s ago")
    assert row.aside == ""


@pytest.mark.parametrize("status", ItemStatus)
def test_every_ending_has_a_row(status: ItemStatus) -> None:
    """In one line."""
    row = ended_row(done("a", status, "so\nit was"))
    assert row.status.value == status.value
    assert "\n" not in row.message


@given(
    st.lists(st.tuples(st.sampled_from(DisplayStatus), st.floats(0, 1)), min_size=1, max_size=250)
)
def test_the_bar_is_filled(items: list[tuple[DisplayStatus, float]]) -> None:
    """From end to end, without parts that lie over each other."""
    rows = [ItemRow(str(n), status, "", fraction=done) for n, (status, done) in enumerate(items)]
    parts = segments(rows)
    assert parts[0].x == 0
    assert abs(parts[-1].x + parts[-1].width - WIDTH) < 1
    for part, following in pairwise(parts):
        assert part.x + part.width <= following.x + 0.2
    assert all(part.done <= part.width + 0.1 for part in parts)
    assert {part.status for part in parts} == {row.status for row in rows}


def test_waiting_for_a_person() -> None:
    """An item that asks says what, and since when; it has no bar, as it does not work."""
    asked = ApprovalAsked(AT, "a", "Deploy?")
    parts: dict[str, Any] = {"running": {"a": Progress(done=1, total=2)}, "asking": {"a": asked}}
    row = rows_of(snapshot(**parts))[0]
    assert (row.status, row.word) == (DisplayStatus.ASKING, "waiting for an approval")
    assert (row.message, row.since) == ("Deploy?", AT.isoformat())
    assert not row.in_progress
    stopping = rows_of(snapshot(**parts, interrupt=InterruptRequested(AT, SIGNAL, ("a",))))[0]
    assert stopping.status is DisplayStatus.FINISHING
