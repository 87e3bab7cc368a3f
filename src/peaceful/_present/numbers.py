"""Sizes, rates, durations and dates for people."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

UNKNOWN_NUMBER: Final = "?"
"""Replaces an infinite number or NaN, such as a rate over no time."""


def size(count: float) -> str:
    """Return an amount of bytes, with two or three digits: `512 B`, `3.1 MB`, `128 MB`."""
    if not math.isfinite(count):
        return UNKNOWN_NUMBER
    if round(count) < 0:
        return f"-{size(-count)}"
    power, decimals = _scale(count)
    return f"{_scaled(round(count), power, decimals)} {_UNITS[power]}"


def size_pair(done: float, total: float, between: str = "/") -> str:
    """Return how many bytes of a total are done, in the unit of the total: `3.1/5.0 MB`.

    What is done is rounded down, so that the two numbers meet only at the end. Negative numbers
    count as zero; without a finite total, only what is done is shown.
    """
    if not math.isfinite(total):
        return size(done)
    total = max(0, total)
    power, decimals = _scale(total)
    whole = _scaled(round(total), power, decimals)
    if not math.isfinite(done):
        part = UNKNOWN_NUMBER
    elif done == total:
        part = whole
    else:
        part = _pointed(max(0, int(done)) * 10**decimals // 1000**power, decimals)
    return f"{part}{between}{whole} {_UNITS[power]}"


def byte_rate(per_second: float) -> str:
    """Return bytes per second: `1.2 MB/s`."""
    return f"{size(per_second)}/s"


def _scale(count: float) -> tuple[int, int]:
    """Return the power of 1,000 and the number of decimals that suit an amount, after rounding."""
    whole = round(count)
    power = 0
    # What would be rounded up to 1,000 of a unit is 1.0 of the next one.
    while power < len(_UNITS) - 1 and _parts(whole, power, 1) >= 1000:
        power += 1
    decimals = 1 if power and _parts(whole, power, 10) < 1000 else 0
    return power, decimals


def _scaled(count: int, power: int, decimals: int) -> str:
    return _pointed(_parts(count, power, 10**decimals), decimals)


def _parts(count: int, power: int, per_unit: int) -> int:
    """Return the amount in parts of a unit, rounded half up, in exact integers."""
    unit: int = 1000**power
    return (2 * count * per_unit + unit) // (2 * unit)


def _pointed(parts: int, decimals: int) -> str:
    return f"{parts // 10}.{parts % 10}" if decimals else str(parts)


def duration(seconds: float) -> str:
    """Return a duration: `0.8 s`, `12 s`, `1 min 05 s`, `2 h 03 min`, `1 d 04 h`.

    Tenths below ten seconds, and never more than two units. A negative one, which a clock that was
    set back makes, is zero.
    """
    if not math.isfinite(seconds):
        return UNKNOWN_NUMBER
    tenths = round(max(0.0, seconds) * 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s"
    return _whole(round(seconds))


def estimate(seconds: float) -> str:
    """Return an estimated duration: whole seconds, and at least one."""
    return _whole(max(1, math.ceil(seconds))) if math.isfinite(seconds) else UNKNOWN_NUMBER


def time_left(seconds: float) -> str:
    """Return the time that is left: `9 s left`."""
    return f"{estimate(seconds)} left"


def ago(seconds: float) -> str:
    """Return how long ago something was: `0.4 s ago`."""
    return f"{duration(seconds)} ago"


def time_of_day(at: datetime, zone: tzinfo) -> str:
    """Return a time of day in a zone, `14:02:11`; raise `ValueError` for a time without zone."""
    return _local(at, zone).strftime("%H:%M:%S")


def date_and_time(at: datetime, zone: tzinfo) -> str:
    """Return a date and time in a zone, `2025-03-09 14:02:11`; raise `ValueError` as above."""
    return _local(at, zone).isoformat(sep=" ", timespec="seconds")[:19]


def date_time_zone(at: datetime, zone: tzinfo) -> str:
    """Return a date, time and offset, `2025-03-09T14:02:11+01:00` (RFC 3339); raise as above."""
    return _local(at, zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return a time of day, with the date unless that is today; raise `ValueError` as above."""
    if _local(at, zone).date() == _local(now, zone).date():
        return time_of_day(at, zone)
    return date_and_time(at, zone)


def _whole(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE:02} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} min"
    return f"{seconds // _DAY:,} d {seconds % _DAY // _HOUR:02} h"


def _local(at: datetime, zone: tzinfo) -> datetime:
    if at.tzinfo is None:
        # `astimezone` would take it for this machine's own time, and be silently wrong.
        raise ValueError(f"{at.isoformat()} has no zone")
    return at.astimezone(zone)
