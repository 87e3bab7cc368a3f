"""The framework's own data as JSON: documents and events that programs read."""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from declared_values import values_of
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus, Location, ProgressUnit, Pull, Push, Within
from peaceful._model.codec import decode_json, encode_json, from_json, to_json
from peaceful._model.document import Ending, KeptDocument, OutcomeDocument, execution_ending
from peaceful._model.events import ApprovalAsked, ApprovalEnded, Phase, SnapshotTaken, decode_event
from peaceful._model.execution import Answerer, Approval, StartedBy
from peaceful._model.location import LocationKind
from peaceful._model.outcome import Timings, outcome_kind, state_after
from peaceful.commands import (
    BlockEnded,
    BlockInterrupted,
    BlockStarted,
    ChangeStarted,
    CmdOutcome,
    Complete,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionInterrupted,
    ExecutionStarted,
    ExecutionState,
    InterruptRequested,
    ItemEnded,
    ItemError,
    ItemProgressed,
    ItemResult,
    ItemStarted,
    OutcomeKind,
    Progress,
    Warned,
)
from peaceful.errors import ChildFailed, PeacefulError
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

AT = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
TIMINGS = Timings(AT, AT + timedelta(seconds=90))
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.SIGINT, AT, "lunch")
INFO = ExecutionInfo(
    id="0197",
    app="envman",
    profile="dev",
    flow="deploy",
    command="ensure",
    started_by=StartedBy("ada", "host", 4711, "terminal"),
    started_at=AT,
)
ERROR = ChildFailed("make", 2, "no such target")

APPROVAL = Approval("a", "Deploy?", True, Answerer("web", "ada"), AT, "tested")

EVENTS: list[Event] = [
    ExecutionStarted(AT, INFO, ("a", "b"), {"b": ("a",)}),
    BlockStarted(AT, "Ensure", ("a", "b")),
    ItemStarted(AT, "a", Phase.LOOKING),
    ChangeStarted(AT, "a"),
    ItemProgressed(AT, "a", Progress(ProgressUnit.BYTES, 5, 10, 2.5, 2, "downloading")),
    ApprovalAsked(AT, "a", "Deploy?"),
    ApprovalEnded(AT, "a", APPROVAL),
    ItemEnded(AT, "a", ItemStatus.FAILED, "", "it failed", ERROR.to_json(), 1.5),
    InterruptRequested(AT, SIGNAL, ("a", "b"), ("b",)),
    Warned(AT, "b blocks everything."),
    BlockEnded(AT, "Ensure", finished=False),
    ExecutionEnded(AT, "0197", OutcomeKind.ITEM_ERROR, {ItemStatus.FAILED: 1}, SIGNAL),
]


def test_every_event_is_tried() -> None:
    """The union has no other."""
    assert {type(event) for event in EVENTS} == set(typing.get_args(Event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_json(event: Event) -> None:
    """Its word first, then its fields, all of them."""
    document = to_json(event)

    assert list(document) == ["event", *event.__struct_fields__]
    assert json.loads(encode_json(event)) == document
    assert document["at"] == "2026-01-02T03:04:05.678900Z"


def test_words_of_events_stay() -> None:
    """Programs know them."""
    assert [to_json(event)["event"] for event in EVENTS] == [
        "execution_started",
        "block_started",
        "item_started",
        "change_started",
        "item_progressed",
        "approval_asked",
        "approval_ended",
        "item_ended",
        "interrupt_requested",
        "warned",
        "block_ended",
        "execution_ended",
    ]


def test_events_hold_everything_readably() -> None:
    """Enums by their words, data within data as objects."""
    assert to_json(EVENTS[-1]) == {
        "event": "execution_ended",
        "at": "2026-01-02T03:04:05.678900Z",
        "execution_id": "0197",
        "outcome": "item_error",
        "counts": {"failed": 1},
        "interrupt": {
            "level": "stop",
            "source": "SIGINT",
            "requested_at": "2026-01-02T03:04:05.678900Z",
            "reason": "lunch",
        },
        "error": None,
        "state": "failed",
    }


DECLARED: list[type] = [
    *typing.get_args(Event),
    ExecutionInfo,
    InterruptSignal,
    KeptDocument,
    OutcomeDocument,
    Progress,
    SnapshotTaken,
]
"""What crosses the border of a process, or is kept."""


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_is_read_again(data: st.DataObject, kind: type[msgspec.Struct]) -> None:
    """Whatever is declared, with whatever text in it, half characters too, is read as it was."""
    value = data.draw(values_of(kind))
    assert decode_json(encode_json(value), kind) == value
    assert from_json(to_json(value), kind) == value


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_read_again(event: Event) -> None:
    """By its word."""
    assert decode_event(encode_json(event)) == event


def test_later_versions_are_understood() -> None:
    """As far as that goes: unknown fields and unknown events are left out."""
    started = ItemStarted(AT, "a")
    assert decode_event(encode_json(started)[:-1] + b',"mood":{"good":true}}') == started
    assert decode_event(b'{"event":"item_dreamed","item":7}') is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"event":7}',
        b'{"event":"item_started"}',
        b'{"event":"item_started","at":"2026-01-02T03:04:05","item":"a"}',
        b'{"event":"item_started","at":"soon","item":"a"}',
        b'{"event":"item_started","at":"2026-01-02T03:04:05Z","item":7}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_refused(line: bytes) -> None:
    """With the reason, and a time without its zone too."""
    with pytest.raises(ValueError, match=r"."):
        decode_event(line)


def test_times_are_told_in_utc() -> None:
    """Whatever zone they have."""
    there = datetime(2026, 1, 2, 5, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    told = to_json(InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, there))
    assert isinstance(told, dict)
    assert decode_json(encode_json(told["requested_at"]), datetime) == there


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (2.5, 2.5),
        (math.inf, None),
        (math.nan, None),
        ("text", "text"),
        (InterruptLevel.KILL, "kill"),
        (InterruptSource.WEB, "web"),
        (LocationKind.HOST, "host"),
        (ExecutionState.LOST, "lost"),
        (AT, "2026-01-02T03:04:05.678900Z"),
        ({1: (2, [3])}, {"1": [2, [3]]}),
        (ItemResult(ItemStatus.FAILED, error=ERROR),
         {"status": "failed", "state": None, "shown": "", "message": "",
          "error": to_json(ERROR.to_json()), "seconds": 0.0, "before": None, "changes": []}),
        (Push(Location.path("a", Location.host("h")), Location.group("cloud")),
         {"source": {"kind": "path", "name": "a",
                     "parent": {"kind": "host", "name": "h", "parent": None}},
          "target": {"kind": "group", "name": "cloud", "parent": None}}),
        (Within(Location.host("h")), {"location": {"kind": "host", "name": "h", "parent": None}}),
    ],
)  # fmt: skip
def test_values_have_one_form(value: object, plain: object) -> None:
    """Numbers that JSON does not have are none."""
    assert to_json(value) == plain
    assert json.loads(encode_json(value)) == plain


@pytest.mark.parametrize("value", [object(), Path("/x"), Location, 1j])
def test_what_is_no_data_is_refused(value: object) -> None:
    """Rather than shown by chance."""
    for made in (to_json, encode_json):
        with pytest.raises(TypeError):
            made(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=10,
)  # fmt: skip


@given(plain)
def test_plain_data_stays_as_it_is(value: object) -> None:
    """It is JSON already."""
    assert to_json(value) == value


# ---- documents

ITEMS = ("a", "b", "c")
RESULTS = {
    "a": ItemResult(ItemStatus.DONE, {"size": 1}, "1 byte", "written", seconds=2.3456),
    "b": ItemResult(ItemStatus.FAILED, message="make ended", error=ERROR),
}


def ending_of(outcome: OutcomeKind | PeacefulError, items: Sequence[str] = ITEMS) -> Ending:
    """The ending of an execution in which `a` was done and `b` failed."""
    return execution_ending(INFO, items, RESULTS, outcome, interrupt=SIGNAL, timings=TIMINGS)


@pytest.mark.parametrize("kind", OutcomeKind)
def test_the_document_of_an_outcome(kind: OutcomeKind) -> None:
    """It has the keys of the contract, in order, and each item of the flow."""
    document = to_json(ending_of(kind).document.plain())

    assert list(document) == [
        "execution_id", "app", "profile", "flow", "command", "dry_run", "outcome", "interrupt",
        "items", "errors", "started_at", "ended_at", "warnings", "approvals", "by_plan",
    ]  # fmt: skip
    assert document["outcome"] == str(kind)
    assert document["started_at"] == "2026-01-02T03:04:05.678900Z"
    assert document["ended_at"] == "2026-01-02T03:05:35.678900Z"
    assert json.loads(json.dumps(document)) == document
    items = _mapping(document["items"])
    assert list(items) == list(ITEMS)
    for item in ITEMS:
        assert list(_mapping(items[item])) == ["status", "state", "message"]


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("outcome", [OutcomeKind.ITEM_ERROR, PeacefulError("No.", help="x")])
def test_the_document_says_what_became_of_each_item(outcome: OutcomeKind | PeacefulError) -> None:
    """What has no result was not started; errors are by item.

    That is so also where the command failed as a whole: that error is added, under an empty name.
    """
    ending = ending_of(outcome)
    document = to_json(ending.document.plain())

    assert document["items"] == {
        "a": {"status": "done", "state": {"size": 1}, "message": "written"},
        "b": {"status": "failed", "state": None, "message": "make ended"},
        "c": {"status": "not_started", "state": None, "message": ""},
    }
    errors = _mapping(document["errors"])
    assert errors["b"] == {
        "code": "CHILD-FAILED",
        "message": "make ended with exit code 2. (its last output: no such target)",
        "help": "read its last output above",
    }
    if isinstance(outcome, PeacefulError):
        assert document["outcome"] == "error"
        assert list(errors) == ["", "b"]
        assert errors[""] == {"code": "ERROR", "message": "No.", "help": "x"}
        assert ending.errors == {"": outcome, "b": ERROR}
    else:
        assert ending.errors == {"b": ERROR}
    interrupt = _mapping(document["interrupt"])
    assert set(interrupt) == {"level", "source", "reason", "requested_at"}


@pytest.mark.parametrize("outcome", [OutcomeKind.COMPLETE, PeacefulError("No.")])
def test_the_last_event_says_the_same(outcome: OutcomeKind | PeacefulError) -> None:
    """It is made from the document."""
    ending = ending_of(outcome)
    event = ending.event()

    assert event.outcome is ending.document.outcome
    assert event.counts == {
        ItemStatus.DONE: 1, ItemStatus.FAILED: 1, ItemStatus.NOT_STARTED: 1
    }  # fmt: skip
    assert event.error == ending.document.errors.get("")
    assert (event.at, event.interrupt) == (TIMINGS.ended_at, SIGNAL)


def test_a_register_keeps_more() -> None:
    """What only pages tell stands beside the document, which stays as it was given."""
    kept = ending_of(OutcomeKind.ITEM_ERROR).document
    told = {"a": {"shown": "1 byte", "seconds": 2.346}}
    assert to_json(kept) == {**to_json(kept.plain()), "told": told, "plan": None}
    assert type(kept.plain()) is OutcomeDocument


def test_items_that_left_the_flow_are_told_of() -> None:
    """They were cleaned up, say."""
    document = ending_of(OutcomeKind.COMPLETE, ("b",)).document

    assert list(document.items) == ["b", "a"]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Complete((), {}, None, TIMINGS, value=5), OutcomeKind.COMPLETE),
        (
            BlockInterrupted((), {}, SIGNAL, TIMINGS, blocks_not_processed=("Ensure",), value=None),
            OutcomeKind.BLOCK_INTERRUPTED,
        ),
        (
            ExecutionInterrupted(
                (), {}, SIGNAL, TIMINGS, blocks_not_processed=("Ensure",), value=None
            ),
            OutcomeKind.EXECUTION_INTERRUPTED,
        ),
        (
            ItemError(
                (), {}, None, TIMINGS, blocks_not_processed=("Ensure",), value=None, errors={}
            ),
            OutcomeKind.ITEM_ERROR,
        ),
    ],
)
def test_each_outcome_has_a_word(outcome: CmdOutcome[int], kind: OutcomeKind) -> None:
    """A command that failed as a whole has none: it raised."""
    assert outcome_kind(outcome) is kind


def test_outcomes_say_which_items_ended_how() -> None:
    """In the flow's order."""
    outcome = Complete(("Ensure",), RESULTS, None, TIMINGS, value=5)

    assert outcome.items_with(ItemStatus.DONE) == ("a",)
    assert outcome.items_with(ItemStatus.NOT_STARTED) == ()
    assert outcome.timings.seconds == 90


def test_interactions_are_between_places() -> None:
    """Each place is named by its way from the outside in."""
    server = Location.host("example.org", Location.group("cloud"))
    pull = Pull(client=Location.path("/x"), server=server)

    assert pull.server.parent == Location(LocationKind.GROUP, "cloud")
    assert pull.client.kind is LocationKind.PATH


def test_levels_are_in_order() -> None:
    """The ladder only goes up."""
    assert InterruptLevel.STOP < InterruptLevel.CANCEL < InterruptLevel.KILL
    assert InterruptLevel.KILL >= InterruptLevel.KILL > InterruptLevel.CANCEL
    assert [level.above for level in InterruptLevel] == [*list(InterruptLevel)[1:], None]
    assert [str(level) for level in InterruptLevel] == ["stop", "cancel", "kill"]


def test_states_of_executions_end() -> None:
    """Those that will not change any more."""
    assert [state for state in ExecutionState if not state.ended] == [
        ExecutionState.RUNNING,
        ExecutionState.INTERRUPTING,
    ]
    assert str(INFO.started_by) == "ada (pid 4711)"


@pytest.mark.parametrize(
    ("done", "total", "fraction"),
    [(0, 10, 0.0), (5, 10, 0.5), (20, 10, 1.0), (-1, 10, 0.0), (5, None, None), (5, 0, None)],
)
def test_a_fraction_is_from_0_to_1(done: float, total: float | None, fraction: float) -> None:
    """Or none, where the whole is not known."""
    assert Progress(done=done, total=total).fraction == fraction


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (OutcomeKind.COMPLETE, ExecutionState.COMPLETE),
        (OutcomeKind.BLOCK_INTERRUPTED, ExecutionState.INTERRUPTED),
        (OutcomeKind.EXECUTION_INTERRUPTED, ExecutionState.INTERRUPTED),
        (OutcomeKind.ITEM_ERROR, ExecutionState.FAILED),
        (OutcomeKind.ERROR, ExecutionState.FAILED),
        (None, ExecutionState.LOST),
    ],
)
def test_each_outcome_ends_in_one_state(kind: OutcomeKind | None, state: ExecutionState) -> None:
    """And what was lost, too."""
    assert state_after(kind) is state
