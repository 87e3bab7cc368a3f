"""Spans of time and times of day."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Final

from peaceful.present._sizes import UNKNOWN_NUMBER

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def duration(seconds: float) -> str:
    """How long something took: `0.8 s`, `12 s`, `1 min 05 s`, `2 h 03 min`, `1 d 04 h`.

    Below ten seconds a tenth counts; above, whole seconds; and never more than two units. Less than
    nothing, which a clock that was set back makes, is nothing.

    Args:
        seconds: any number; what is not finite is `?`.
    """
    if not math.isfinite(seconds):
        return UNKNOWN_NUMBER
    tenths = round(max(0.0, seconds) * 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s"
    return _whole(round(seconds))


def estimate(seconds: float) -> str:
    """How long something will take, which is a guess: whole seconds, and at least one.

    Args:
        seconds: any number; what is not finite is `?`.
    """
    return _whole(max(1, math.ceil(seconds))) if math.isfinite(seconds) else UNKNOWN_NUMBER


def time_left(seconds: float) -> str:
    """What is left of something that runs: `9 s left`."""
    return f"{estimate(seconds)} left"


def ago(seconds: float) -> str:
    """When something was: `0.4 s ago`."""
    return f"{duration(seconds)} ago"


def time_of_day(at: datetime, zone: tzinfo) -> str:
    """A time of day: `14:02:11`.

    Args:
        at: the moment, with its zone.
        zone: the zone of whoever reads it.

    Raises:
        ValueError: the moment has no zone.
    """
    return _local(at, zone).strftime("%H:%M:%S")


def date_and_time(at: datetime, zone: tzinfo) -> str:
    """A day and a time: `2025-03-09 14:02:11`.

    Args:
        at: the moment, with its zone.
        zone: the zone of whoever reads it.

    Raises:
        ValueError: the moment has no zone.
    """
    return _local(at, zone).isoformat(sep=" ", timespec="seconds")[:19]


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """A time of day, with the day where that is not today.

    Args:
        at: the moment, with its zone.
        zone: the zone of whoever reads it.
        now: the present, with its zone.

    Raises:
        ValueError: one of the moments has no zone.
    """
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
