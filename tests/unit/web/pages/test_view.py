"""What the page of an execution says."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from ending_documents import ending_document
from execution_events import INFO, NOW, SIGNAL, event_sequences
from hypothesis import given
from msgspec.structs import replace

from peaceful import ItemStatus
from peaceful._errors.json import ErrorJson
from peaceful._executions.records import ExecutionRecord, Machine, ProcessIdentity
from peaceful._model.document import ItemAside
from peaceful._model.events import Snapshot
from peaceful._present.summary import interrupted_how, level_label
from peaceful._web.pages.view import STILL, ExecutionView, Verbs
from peaceful.commands import BlockStarted, Event, ExecutionState, ItemEnded, OutcomeKind, Warned
from peaceful.interrupt import InterruptLevel

VERBS = Verbs("deploy")
PROCESS = ProcessIdentity(4711, 5, Machine("here"))


def view(state: ExecutionState, items: dict[str, str] | None = None, **more: Any) -> ExecutionView:
    """An execution that has ended, or stands so, with items that ended so."""
    ended_at = NOW + timedelta(seconds=4.2) if state.ended else None
    interrupted = state in {ExecutionState.INTERRUPTED, ExecutionState.INTERRUPTING}
    info = replace(
        INFO,
        state=state,
        ended_at=ended_at,
        interrupt=SIGNAL if interrupted else None,
        dry_run=more.pop("dry_run", False),
    )
    statuses = {item: ItemStatus(status) for item, status in (items or {}).items()}
    failed = ItemStatus.FAILED in statuses.values()
    outcome = ending_document(
        OutcomeKind.ITEM_ERROR if failed else OutcomeKind.COMPLETE,
        statuses,
        errors={"a": ErrorJson("A", "It broke.", "mend it")} if failed else {},
        told=dict.fromkeys(statuses, ItemAside(seconds=1.0)),
    )
    record = ExecutionRecord(info, PROCESS, outcome=outcome, only=more.pop("only", ()))
    return ExecutionView(record, record.snapshot(), VERBS, NOW + timedelta(seconds=9), **more)


@given(event_sequences())
def test_whatever_happens_can_be_told(events: list[Event]) -> None:
    """At every moment there is a title, a sentence and a number for each way of standing."""
    made, record = Snapshot(), ExecutionRecord(INFO, PROCESS)
    for event in events:
        made.add(event)
        shown = ExecutionView(record, made, VERBS, NOW)
        assert shown.title
        assert sum(shown.counts.values()) == len(shown.rows) == sum(n for n, _, _ in shown.legend)
        assert shown.can_interrupt == (shown.state is ExecutionState.RUNNING)
        assert shown.tab.startswith(shown.state.value.capitalize())
        assert shown.note.text or not shown.state.ended


@pytest.mark.parametrize(
    ("state", "items", "title"),
    [
        (ExecutionState.RUNNING, {}, "Deploying dev"),
        (ExecutionState.INTERRUPTING, {}, "Interrupting…"),
        (ExecutionState.COMPLETE, {"a": "done"}, "dev is as it should be"),
        (ExecutionState.INTERRUPTED, {"a": "not_started"}, "Interrupted, safely"),
        (ExecutionState.INTERRUPTED, {"a": "stopped"}, "Interrupted, safely"),
        (ExecutionState.INTERRUPTED, {"a": "abandoned"}, "Interrupted"),
        (ExecutionState.FAILED, {"a": "failed"}, "a failed"),
        (ExecutionState.FAILED, {}, "Failed"),
        (ExecutionState.LOST, {}, "Its process was killed"),
    ],
)
def test_titles(state: ExecutionState, items: dict[str, str], title: str) -> None:
    """What it comes to, in the application's own words."""
    assert view(state, items).title == title


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("clean", "dev is cleaned up"),
        ("discover", "Discovered dev"),
        ("diff", "Compared dev"),
    ],
)
def test_titles_of_other_commands(command: str, title: str) -> None:
    """Each command has its own good end."""
    shown = view(ExecutionState.COMPLETE)
    record = replace(shown.record, info=replace(shown.record.info, command=command))
    assert ExecutionView(record, shown.snapshot, VERBS, NOW).title == title


def test_what_was_cut_is_not_called_safe() -> None:
    """What ended at a safe point is; what was cancelled or killed may be half done."""
    shown = view(ExecutionState.INTERRUPTED, {"a": "abandoned"})
    harder = dataclasses.replace(SIGNAL, level=InterruptLevel.CANCEL)
    record = replace(shown.record, info=replace(shown.record.info, interrupt=harder))
    assert ExecutionView(record, record.snapshot(), VERBS, NOW).title == "Interrupted"


def test_what_was_not_everything() -> None:
    """A dry run, and one that was limited to some items, do not say that everything is well."""
    assert view(ExecutionState.COMPLETE, dry_run=True).title == (
        "Dry run complete: nothing was changed"
    )
    assert view(ExecutionState.COMPLETE, only=("a", "b")).title == "Deployed a and b"


def test_time_left() -> None:
    """While it runs, the page says how long it still takes, where that is known."""
    made = Snapshot()
    at_work = ExecutionView(ExecutionRecord(INFO, PROCESS), made, VERBS, NOW)
    assert not at_work.time_left
    made.add(BlockStarted(NOW, "B", ("a", "b"), 1, {"a": 3.0, "b": 12.0}))
    made.add(ItemEnded(NOW, "a", ItemStatus.DONE, "", "", None, 3.0))
    at_work = ExecutionView(ExecutionRecord(INFO, PROCESS), made, VERBS, NOW)
    assert at_work.time_left == "about 12 s left"
    assert not view(ExecutionState.COMPLETE, {"a": "done"}).time_left


def test_warnings() -> None:
    """What people should know is on the page while it runs and once it has ended."""
    made = Snapshot()
    made.add(Warned(NOW, "a blocks\neverything."))
    at_work = ExecutionView(ExecutionRecord(INFO, PROCESS), made, VERBS, NOW)
    assert at_work.warnings == ["a blocks everything."]
    outcome = replace(ending_document(), warnings=("It left a thread.",))
    ended = ExecutionRecord(replace(INFO, state=ExecutionState.COMPLETE), PROCESS, outcome=outcome)
    assert ExecutionView(ended, ended.snapshot(), VERBS, NOW).warnings == ["It left a thread."]


def test_an_interrupted_dry_run() -> None:
    """Nothing was done that could stay done, and to resume it looks at everything again."""
    shown = view(
        ExecutionState.INTERRUPTED, {"a": "would_create", "c": "not_started"}, dry_run=True
    )
    assert shown.note.text == "0 of 2 would stay as they are. It would create a. c was not started."
    assert (
        "done" not in view(ExecutionState.INTERRUPTING, {"a": "unchanged"}, dry_run=True).note.text
    )


def test_after_an_interrupt() -> None:
    """It says what was done, what was not, and how to carry on."""
    shown = view(ExecutionState.INTERRUPTED, {"a": "done", "b": "unchanged", "c": "not_started"})
    assert shown.note is not None
    assert shown.note.kind == "stop"
    assert shown.note.text == (
        "2 of 3 are as they should be. c was not started. "
        "Resume carries on from here and repeats nothing."
    )
    assert shown.can_resume
    assert shown.signal is not None
    assert interrupted_how(shown.signal) == "from a web page"
    assert shown.summary.seconds == 4.2


def test_a_failure() -> None:
    """It says what failed, and what to do."""
    shown = view(ExecutionState.FAILED, {"a": "failed", "b": "not_started"})
    (failure,) = shown.failures
    assert (failure.item, failure.code, failure.help) == ("a", "A", "mend it")
    assert shown.note is not None
    assert shown.note.kind == "bad"
    assert shown.can_resume


def test_the_next_level_is_offered() -> None:
    """While it is interrupted, and not above the highest."""
    assert view(ExecutionState.RUNNING).above is None
    stopping = view(ExecutionState.INTERRUPTING)
    assert stopping.above is InterruptLevel.CANCEL
    assert level_label(stopping.above) == "Stop now"
    killed = dataclasses.replace(SIGNAL, level=InterruptLevel.KILL)
    record = replace(stopping.record, info=replace(stopping.record.info, interrupt=killed))
    highest = ExecutionView(record, record.snapshot(), VERBS, NOW)
    assert highest.above is None


def test_an_interrupt_that_is_waited_for_in_vain() -> None:
    """The page says that nothing moves, once: a screen reader would read each number aloud."""
    assert not view(ExecutionState.INTERRUPTING, idle_seconds=STILL - 1).overdue
    waiting = view(ExecutionState.INTERRUPTING, idle_seconds=90.0)
    assert waiting.overdue
    assert waiting.note is not None
    assert waiting.note.text.endswith("Nothing has moved for a while.")
    assert not view(ExecutionState.RUNNING, idle_seconds=90.0).overdue


def test_the_newest_interrupt_counts() -> None:
    """That of the snapshot, which is newer than what the register held when the page was made."""
    signal = dataclasses.replace(SIGNAL, level=InterruptLevel.CANCEL, reason="wrong version")
    info = replace(INFO, state=ExecutionState.INTERRUPTING, interrupt=signal)
    shown = ExecutionView(ExecutionRecord(INFO, PROCESS), Snapshot(execution=info), VERBS, NOW)
    assert shown.signal == signal
    assert shown.above is InterruptLevel.KILL


def test_looking_leaves_nothing_to_carry_on() -> None:
    """A comparison that was interrupted is not resumed: nothing of it is kept."""
    shown = view(ExecutionState.INTERRUPTED, {"a": "not_started"})
    record = replace(shown.record, info=replace(shown.record.info, command="diff"))
    looked = ExecutionView(record, shown.snapshot, VERBS, NOW)
    assert not looked.can_resume
    assert looked.note is not None
    assert "Resume" not in looked.note.text


@pytest.mark.parametrize(
    ("name", "doing", "done"),
    [("deploy", "Deploying", "Deployed"), ("ensure", "Ensuring", "Ensured"),
     ("roll_out", "Rolling out", "Rolled out")],
)  # fmt: skip
def test_verbs(name: str, doing: str, done: str) -> None:
    """An application's own name for its command is used in sentences."""
    assert Verbs(name).doing("ensure") == doing
    assert Verbs(name).done("ensure") == done
