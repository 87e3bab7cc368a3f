"""What the journal's records mean, and which items are in doubt after an ending of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage.records import (
    Begun,
    BlockLog,
    Changing,
    Ended,
    Forgotten,
    Record,
    Recorded,
    Settled,
    Started,
    log_of,
    overlaid,
    payload_of,
    record_from,
)
from peaceful.commands import StateKind, StoredState

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ITEMS = ("a", "b", "c", "d")

BEGUN = Begun("execution", AT, "boot", applies=True, items=ITEMS)
ASKING = Begun("execution", AT, "boot", applies=False, items=ITEMS)


def _state(value: JsonValue = None, since: datetime | None = None) -> StoredState:
    return StoredState("Kind", 1, value, None, AT, since)


def _found(item: str, value: JsonValue = None) -> Recorded:
    return Recorded(item, {StateKind.CURRENT: _state(value)})


names = st.text()
times = st.datetimes(timezones=st.just(UTC))
states = st.builds(
    StoredState,
    st.text(min_size=1),
    st.integers(),
    st.none()
    | st.dictionaries(
        st.text(st.characters(codec=None, exclude_categories=())), st.floats(allow_nan=False)
    ),
    st.none() | st.dictionaries(st.text(), st.text()),
    times,
    st.none() | times,
)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(Begun, names, times, st.none() | names, st.booleans(), st.lists(names).map(tuple)),
    st.builds(Started, names, times),
    st.builds(Recorded, names, st.dictionaries(st.sampled_from(StateKind), states)),
    st.builds(Settled, names),
    st.builds(Forgotten, st.lists(names).map(tuple)),
    st.just(Changing()),
    st.just(Ended()),
)


@given(records)
def test_records_survive(record: Record) -> None:
    """What is written to the journal is what is read from it; the bytes are plain ASCII."""
    payload = payload_of(record)

    assert record_from(payload) == record
    assert payload.isascii()
    assert b"\n" not in payload


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"nonsense", "Expecting value"),
        (b"{}", "of a kind that is not known"),
        (b'["unheard of"]', "of a kind that is not known"),
        (b'["started", "a"]', "of a kind that is not known"),
        (b'["started", "a", "yesterday"]', "isoformat"),
        (b'["state", "a", {"other": {}}]', "'other' is not a valid StateKind"),
        (b'["state", "a", {"goal": {}}]', "its state is not one: `kind` is missing"),
    ],
)
def test_what_is_no_record(payload: bytes, reason: str) -> None:
    """Bytes that are whole but make no sense are refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        record_from(payload)


def _nested(depth: int) -> JsonValue:
    value: JsonValue = "x"
    for _ in range(depth):
        value = [{"y": value}]
    return value


def test_depth() -> None:
    """What cannot be written to YAML does not get into the journal; width is no depth."""
    wide: JsonValue = [[{"x": []}] for _ in range(200)]

    assert record_from(payload_of(_found("a", wide))) == _found("a", wide)
    assert record_from(payload_of(_found("a", _nested(45)))) == _found("a", _nested(45))
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        payload_of(_found("a", _nested(51)))


def test_states_of_other_types() -> None:
    """Mappings of every kind are stored; what JSON cannot say is refused by its type."""
    frozen = MappingProxyType({"x": 1})

    assert record_from(payload_of(_found("a", frozen))) == _found("a", {"x": 1})
    with pytest.raises(TypeError, match="object cannot be stored"):
        payload_of(_found("a", [object()]))  # type: ignore[list-item]  # that is what is refused


def _log(*records: Record, begun: Begun = BEGUN) -> BlockLog:
    return log_of((begun, *records))


@pytest.mark.parametrize(
    ("records", "killed", "power_lost"),
    [
        ((), "", "abcd"),
        ((Started("a", LATER),), "a", "abcd"),
        ((Started("a", LATER), _found("a")), "", "bcd"),
        ((Started("a", LATER), Settled("a")), "", "bcd"),
        ((Settled("a"),), "", "bcd"),
        ((_found("a"),), "", "abcd"),
        ((_found("a"), Started("a", LATER)), "a", "abcd"),
        ((Started("a", LATER), Recorded("a", {StateKind.GOAL: _state()})), "a", "abcd"),
        ((Started("a", LATER), Forgotten(("a", "b"))), "", "bcd"),
        ((Started("a", LATER), _found("a"), Started("a", LATER)), "a", "abcd"),
        ((Started("a", LATER), Ended()), "a", "a"),
        ((Started("a", LATER), _found("a"), Ended()), "", ""),
        ((Started("x", LATER),), "x", "abcdx"),
    ],
)
def test_doubt(records: Sequence[Record], killed: str, power_lost: str) -> None:
    """In doubt is what was started and did not end; without power, what may have been started.

    Only a record that comes after the start of its item tells that it ended: an earlier one may be
    of a state that was found before.
    """
    block = _log(Changing(), *records)

    assert "".join(sorted(block.in_doubt(all_records=True))) == killed
    assert "".join(sorted(block.in_doubt(all_records=False))) == power_lost


def test_doubt_has_a_time() -> None:
    """In doubt is an item since it was started; where that may be lost, since the block began."""
    block = _log(Changing(), Started("a", LATER))

    assert block.in_doubt(all_records=False) == {"a": LATER, "b": AT, "c": AT, "d": AT}


def test_until_the_first_change() -> None:
    """Until the journal says that items are changed, none is in doubt; older ones never said it."""
    records = (BEGUN, _found("a"), Settled("b"))

    assert log_of(records).in_doubt(all_records=False) == {}
    before = log_of(records, says_changing=False)
    assert before.in_doubt(all_records=False) == dict.fromkeys("acd", AT)


def test_asking_changes_nothing() -> None:
    """A block that only asks items leaves none in doubt, however it ends."""
    block = _log(_found("a"), begun=ASKING)

    assert block.in_doubt(all_records=False) == {}


def test_a_block_has_one_beginning() -> None:
    """Records of a block begin with how it began, and no other does."""
    for records in ((), (Ended(),), (BEGUN, BEGUN)):
        with pytest.raises(ValueError, match="begin"):
            log_of(records)


def test_what_changes() -> None:
    """New states replace old ones, doubt is added to what is there, the earliest doubt stays."""
    stored = {
        "a": _state("old"),
        "b": _state("old"),
        "c": _state("old", since=AT),
        "gone": _state("old"),
        "half": replace(_state("half", since=AT), stopped=True),
    }
    changes = {"a": _state("new"), "new": _state("new"), "gone": None}
    doubt = dict.fromkeys(("b", "c", "half", "new", "unheard_of"), LATER)

    assert overlaid(stored, changes, doubt) == {
        "a": _state("new"),
        "b": _state("old", since=LATER),
        "half": _state("half", since=AT),
        "new": _state("new", since=LATER),
        "unheard_of": StoredState.in_progress(LATER),
        "gone": None,
    }


actions = st.lists(
    st.tuples(st.sampled_from(ITEMS), st.sampled_from(["start", "record", "settle", "fail"])),
    max_size=12,
)


@given(actions, st.integers(0, 12), st.integers(0, 12))
def test_no_change_passes_unseen(steps: list[tuple[str, str]], synced: int, killed_at: int) -> None:
    """Wherever it ends, an item that was changed since its state was stored is in doubt.

    After a kill every record is there; after a loss of power, what was recorded is, and that items
    are changed, and of the rest any number of records from the end may be gone.
    """
    made: list[Record] = []
    running: set[str] = set()
    done: set[str] = set()
    truth: dict[int, set[str]] = {0: set()}
    durable = 0
    for item, step in steps:
        if step == "start" and item not in running | done:
            if not running | done:
                made.append(Changing())
                durable = len(made)
            made.append(Started(item, LATER))
            running.add(item)
        elif step == "record":
            made.append(_found(item, "new"))
            if item in running:
                running.discard(item)
                done.add(item)
            durable = len(made)
        elif step == "settle" and item in running:
            made.append(Settled(item))
            running.discard(item)
            done.add(item)
        truth[len(made)] = set(running)
    unsynced = made[durable:]
    after_kill = _log(*made).in_doubt(all_records=True)
    kept = made[: durable + synced % (len(unsynced) + 1)]
    after_power_loss = _log(*kept).in_doubt(all_records=False)

    assert set(after_kill) == truth[len(made)]
    assert set(after_power_loss) >= truth[len(made)]
