"""What to ask a server for, and what its answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.items._download._plan import (
    PartRecord,
    SourceFacts,
    Verdict,
    facts_of,
    http_time,
    retry_after,
    start_of,
    verdict,
)

SOURCE = "https://files.example/f"
MOMENT = datetime(2024, 1, 1, 12, tzinfo=UTC)


def record(**changes: object) -> PartRecord:
    """What is known of an unfinished file of ten bytes."""
    known = {
        "source": SOURCE,
        "etag": '"v1"',
        "last_modified": None,
        "length": 10,
        "if_range": '"v1"',
    }
    return PartRecord.model_validate({**known, **changes})


@pytest.mark.parametrize(
    ("known", "present", "verified", "start"),
    [
        (None, 5, True, 0),
        (record(), 0, True, 0),
        (record(), 5, False, 5),
        (record(), 10, False, 10),
        (record(), 11, True, 0),
        (record(length=None), 11, False, 11),
        (record(source="https://other.example/f"), 5, True, 0),
        (record(if_range=None), 5, False, 0),
        (record(if_range=None), 5, True, 5),
    ],
)
def test_it_begins_where_it_is_safe_to(
    known: PartRecord | None, present: int, verified: bool, start: int
) -> None:
    """After what is there, if the rest is sure to belong to it, or a checksum would tell."""
    assert start_of(known, present, source=SOURCE, verified=verified) == start


RANGE = "content-range"


@pytest.mark.parametrize(
    ("offset", "known", "status", "headers", "meaning"),
    [
        (0, None, 200, {"content-length": "10"}, Verdict.WHOLE),
        (0, None, 200, {}, Verdict.WHOLE),
        (0, None, 206, {RANGE: "bytes 0-9/10"}, Verdict.WHOLE),
        (0, None, 206, {RANGE: "bytes 1-9/10"}, Verdict.NOT_WHOLE),
        (0, None, 206, {}, Verdict.NOT_WHOLE),
        (5, record(), 206, {RANGE: "bytes 5-9/10"}, Verdict.REST),
        (5, record(), 206, {RANGE: "Bytes 5-9/*"}, Verdict.REST),
        (5, record(), 206, {RANGE: "bytes 4-9/10"}, Verdict.START_OVER),
        (5, record(), 206, {}, Verdict.START_OVER),
        (5, record(), 206, {RANGE: "bytes 5-10/11"}, Verdict.START_OVER),
        (5, record(), 206, {RANGE: "bytes 5-9/10", "etag": '"v2"'}, Verdict.START_OVER),
        (5, record(), 200, {"content-length": "12"}, Verdict.WHOLE),
        (10, record(), 416, {RANGE: "bytes */10"}, Verdict.NOTHING_LEFT),
        (9, record(length=None), 416, {RANGE: "bytes */8"}, Verdict.START_OVER),
        (9, record(length=None), 416, {}, Verdict.START_OVER),
        (5, record(etag=None), 206, {RANGE: "bytes 5-9/10", "etag": "x"}, Verdict.REST),
        (
            5,
            record(etag=None, last_modified="monday"),
            206,
            {RANGE: "bytes 5-9/10", "last-modified": "tuesday"},
            Verdict.START_OVER,
        ),
        (
            5,
            record(last_modified="monday"),
            206,
            {RANGE: "bytes 5-9/10", "last-modified": "tuesday", "etag": '"v1"'},
            Verdict.REST,
        ),
    ],
)
def test_an_answer_means_what_it_says(
    offset: int,
    known: PartRecord | None,
    status: int,
    headers: dict[str, str],
    meaning: Verdict,
) -> None:
    """To be taken, to be asked for anew, or nonsense: bytes of two versions are never joined."""
    assert verdict(offset, known, status, headers) is meaning


def test_facts_are_read_from_headers() -> None:
    """The size of the whole, whether the whole or a part was sent."""
    told = {"etag": "e", "last-modified": "m", "date": "d"}

    assert facts_of({**told, "content-length": "3"}, 200) == SourceFacts(3, "e", "m", "d")
    assert facts_of({**told, RANGE: "bytes 0-0/9", "content-length": "1"}, 206).size == 9
    assert facts_of({RANGE: "bytes */0"}, 416).size == 0
    assert facts_of({RANGE: "bytes 5-9/*"}, 206).size is None
    assert facts_of({RANGE: "lines 1-2/3"}, 206).size is None
    for unusable in ("10, 10", "9" * 5000):
        assert facts_of({"content-length": unusable}, 200).size is None
    assert facts_of({}, 200).size is None


@given(st.integers(-5, 5), st.sampled_from([None, '"strong"', 'W/"weak"']))
def test_only_strong_versions_identify_bytes(seconds: int, etag: str | None) -> None:
    """A strong `ETag`; or without any, a time of change at least a second before the answer."""
    changed = format_datetime(MOMENT, usegmt=True)
    answered = format_datetime(MOMENT + timedelta(seconds=seconds), usegmt=True)

    found = SourceFacts(None, etag, changed, answered).if_range()

    if etag is not None:
        assert found == (None if etag.startswith("W/") else etag)
    else:
        assert found == (changed if seconds >= 1 else None)
    assert SourceFacts(None, None, changed, None).if_range() is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - as strategies take it
def test_http_dates_are_read(moment: datetime) -> None:
    """In the form that servers write."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)

    assert http_time(format_datetime(moment, usegmt=True)) == moment


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "2024-01-01", "Mon, 99 Jan 2024 12:00:00 GMT"]
)
def test_what_is_no_date_is_none(text: str | None) -> None:
    """Nobody is believed who writes something else."""
    assert http_time(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Mon, 01 Jan 2024 12:00:30 GMT", 30.0),
        ("Mon, 01 Jan 2024 11:00:00 -0000", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_wait_is_read(text: str, seconds: float | None) -> None:
    """As seconds, or as a moment by the server's own clock."""
    date = format_datetime(MOMENT, usegmt=True)

    assert retry_after({"retry-after": text, "date": date}) == seconds
    assert retry_after({"retry-after": "Mon, 01 Jan 2024 12:00:30 GMT"}) is None
    assert retry_after({}) is None
