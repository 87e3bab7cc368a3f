"""Sizes, rates, spans and times."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._present.numbers import (
    ago,
    byte_rate,
    date_and_time,
    date_time_zone,
    duration,
    estimate,
    moment,
    size,
    size_pair,
    time_left,
    time_of_day,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (999.4, "999 B"),
        (1000, "1.0 kB"),
        (3_140_000, "3.1 MB"),
        (5_000_000, "5.0 MB"),
        (62_449_999, "62.4 MB"),
        (99_950, "100 kB"),
        (99_949, "99.9 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (128e6, "128 MB"),
        (2.5e9, "2.5 GB"),
        (7e12, "7.0 TB"),
        (1e15, "1.0 PB"),
        (12_345e18, "12345 EB"),
        (-3_140_000, "-3.1 MB"),
        (-0.4, "0 B"),
        (math.nan, "?"),
        (math.inf, "?"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    """Sizes have decimal units and the digits that matter."""
    assert size(count) == text


@given(st.integers(0, 10**21 - 10**18))
def test_a_size_is_true_to_its_last_digit(count: int) -> None:
    """A size has at most four characters and a unit, and is off by half of its last digit."""
    number, unit = size(count).split()
    assert re.fullmatch(r"\d{1,3}|\d{1,2}\.\d", number)
    scale = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB", "EB"].index(unit)
    step = scale // 10 if "." in number else scale
    parts = int(number.replace(".", ""))
    assert abs(parts * step - count) * 2 <= step


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [
        (3_100_000, 5_000_000, "3.1/5.0 MB"),
        (0, 5_000_000, "0.0/5.0 MB"),
        (4_999_999, 5_000_000, "4.9/5.0 MB"),
        (4_960_000, 4_960_000, "5.0/5.0 MB"),
        (31e6, 512e6, "31/512 MB"),
        (6_000_000, 5_000_000, "6.0/5.0 MB"),
        (0, 0, "0/0 B"),
        (7, 12, "7/12 B"),
        (-1, 12, "0/12 B"),
        (3, -1, "3/0 B"),
        (math.nan, 12, "?/12 B"),
        (12, math.inf, "12 B"),
    ],
)
def test_size_pairs(done: float, total: float, text: str) -> None:
    """A part is shown in the unit of the whole, and reaches it only at the end."""
    assert size_pair(done, total) == text


def test_size_pairs_in_a_sentence() -> None:
    """What stands between the two can be chosen."""
    assert size_pair(3_100_000, 5_000_000, " of ") == "3.1 of 5.0 MB"


@given(st.integers(1, 10**18), st.data())
def test_a_pair_looks_complete_only_when_it_is(total: int, data: st.DataObject) -> None:
    """Two equal numbers mean the end where a tenth of the unit, or more, is still to come."""
    done = data.draw(st.integers(0, total))
    part, whole = size_pair(done, total).split(" ")[0].split("/")
    assert float(part) <= float(whole)
    assert done < total or part == whole


def test_rates() -> None:
    """A rate is a size a second."""
    assert byte_rate(1_234_567) == "1.2 MB/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (-3, "0.0 s"),
        (0.8, "0.8 s"),
        (4.24, "4.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.6, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7380 + 59, "2 h 03 min"),
        (86_399, "23 h 59 min"),
        (86_400 + 4 * 3600, "1 d 04 h"),
        (1234 * 86_400, "1,234 d 00 h"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """Spans have at most two units, and tenths of seconds only where they matter."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (-1, "1 s"), (0.2, "1 s"), (8.1, "9 s"), (64.5, "1 min 05 s"), (math.inf, "?")],
)
def test_estimates(seconds: float, text: str) -> None:
    """A guess is in whole seconds, and never says that nothing is left."""
    assert estimate(seconds) == text


def test_spans_in_sentences() -> None:
    """The same spans with the words around them."""
    assert time_left(9) == "9 s left"
    assert ago(0.4) == "0.4 s ago"


NOON = datetime(2025, 3, 9, 12, 2, 11, 999_999, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))
LINE_ISLANDS = timezone(timedelta(hours=14))


def test_times_are_shown_in_the_zone_of_who_reads_them() -> None:
    """A moment in UTC is shown in the zone that is given; seconds are not rounded up."""
    assert time_of_day(NOON, UTC) == "12:02:11"
    assert time_of_day(NOON, EAST) == "14:02:11"
    assert date_time_zone(NOON, UTC) == f"{NOON:%Y-%m-%d}T12:02:11Z"
    assert date_time_zone(NOON, EAST) == f"{NOON:%Y-%m-%d}T14:02:11+02:00"
    assert date_and_time(NOON, EAST) == "2025-03-09 14:02:11"
    assert date_and_time(NOON, LINE_ISLANDS) == "2025-03-10 02:02:11"


def test_the_day_is_shown_where_it_is_not_today() -> None:
    """Today's moments have no date; which day it is depends on the zone."""
    later = NOON + timedelta(hours=11)
    assert moment(NOON, UTC, later) == "12:02:11"
    assert moment(NOON, EAST, later) == "2025-03-09 14:02:11"


def test_a_moment_without_a_zone_is_refused() -> None:
    """A moment that may mean several is not guessed at."""
    with pytest.raises(ValueError, match="has no zone"):
        time_of_day(NOON.replace(tzinfo=None), UTC)
