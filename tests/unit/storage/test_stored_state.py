"""The form of a stored state, and what is no stored state."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage.stored_state import (
    EntryInvalid,
    facts_of,
    json_line,
    stored_of,
    time_from,
    time_text,
    unknown_keys,
)
from peaceful.commands import StoredState

AT = datetime(2026, 1, 31, 12, 0, 0, 250, UTC)
LATER = AT + timedelta(hours=1)

times = st.datetimes(timezones=st.just(UTC))
states = st.builds(
    StoredState,
    kind=st.text(min_size=1),
    version=st.integers(),
    state=st.none() | st.dictionaries(st.text(), st.integers()),
    params=st.none() | st.dictionaries(st.text(), st.text()),
    at=times,
    needs=st.lists(st.text(), max_size=3).map(tuple),
)
in_doubt = st.builds(replace, states, in_progress_since=times, stopped=st.booleans())
unknown = times.map(StoredState.in_progress)


def _entry_of(stored: StoredState) -> dict[str, JsonValue]:
    entry: dict[str, JsonValue] = json.loads(json_line(facts_of(stored)))
    return entry


@given(states | in_doubt | unknown)
def test_stored_states_survive(stored: StoredState) -> None:
    """What is stored is what is loaded."""
    assert stored_of(_entry_of(stored)) == stored


def test_form() -> None:
    """The entry reads from what it is to what it was made with."""
    stored = StoredState("File", 2, {"size": 3}, {"path": "a"}, AT, LATER, stopped=True)

    assert list(_entry_of(stored).items()) == [
        ("kind", "File"),
        ("version", 2),
        ("at", "2026-01-31T12:00:00.000250Z"),
        ("in_progress_since", "2026-01-31T13:00:00.000250Z"),
        ("stopped", True),
        ("state", {"size": 3}),
        ("params", {"path": "a"}),
    ]


def test_nothing_is_known_yet() -> None:
    """An item that was in progress before any state was stored has an entry all the same."""
    stored = StoredState.in_progress(AT)

    assert _entry_of(stored) == {"in_progress_since": "2026-01-31T12:00:00.000250Z"}
    assert not stored.known
    assert StoredState("File", 1, None, None, AT).known


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00.00025Z", AT),
        ("2026-01-31 14:00:00.000250+02:00", AT),
        ("2026-01-31T12:00:00.000250", AT),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_times_as_people_write_them(text: str, time: datetime) -> None:
    """A time may have another zone, or none, which is UTC."""
    assert time_from(text) == time
    assert time_from(text).tzinfo is UTC


def test_times_of_other_zones() -> None:
    """Times are written in UTC, whatever their zone."""
    zone = timezone(timedelta(hours=2))

    assert time_text(datetime(2026, 1, 31, 14, tzinfo=zone)) == "2026-01-31T12:00:00Z"


GOOD: dict[str, JsonValue] = {
    "kind": "File",
    "version": 1,
    "at": "2026-01-31T12:00:00Z",
    "state": None,
}


@pytest.mark.parametrize(
    ("entry", "field", "reason"),
    [
        (None, "", "it must have `kind`, `version`, `at` and `state`"),
        ("text", "", "it must have"),
        ([], "", "it must have"),
        ({}, "", "`kind` is missing"),
        ({key: GOOD[key] for key in ("kind", "version", "at")}, "", "`state` is missing"),
        ({key: GOOD[key] for key in ("kind", "version", "state")}, "", "`at` is missing"),
        ({key: GOOD[key] for key in ("kind", "at", "state")}, "", "`version` is missing"),
        (GOOD | {"kind": ""}, "kind", "the name of an item's class"),
        (GOOD | {"kind": 1}, "kind", "the name of an item's class"),
        (GOOD | {"version": "1"}, "version", "a whole number"),
        (GOOD | {"version": True}, "version", "a whole number"),
        (GOOD | {"version": 1.0}, "version", "a whole number"),
        (GOOD | {"at": 5}, "at", "a time such as"),
        (GOOD | {"at": "yesterday"}, "at", "a time such as"),
        (GOOD | {"at": "0001-01-01T00:00:00+10:00"}, "at", "a time such as"),
        (GOOD | {"in_progress_since": None}, "in_progress_since", "a time such as"),
        (GOOD | {"params": []}, "params", "names and values"),
        (GOOD | {"needs": "a"}, "needs", "a list of items"),
        (GOOD | {"needs": ["a", 1]}, "needs", "a list of items"),
    ],
)
def test_what_is_no_stored_state(entry: JsonValue, field: str, reason: str) -> None:
    """An entry with something wrong is refused by the field and the reason."""
    with pytest.raises(EntryInvalid) as caught:
        stored_of(entry)

    assert caught.value.field == field
    assert reason in caught.value.reason


def test_unknown_keys() -> None:
    """What an entry says beyond that is found, so that it can be kept."""
    assert unknown_keys(GOOD) == {}
    assert unknown_keys({**GOOD, "note": "mine", "params": None}) == {"note": "mine"}
