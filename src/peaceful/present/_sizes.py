"""Amounts of bytes, and how fast they move, in decimal units (IEC 80000-13): 1 kB is 1,000 B."""

from __future__ import annotations

import math
from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")

UNKNOWN_NUMBER: Final = "?"
"""What stands for a number that is infinite or not a number: a rate over no time, for example."""


def size(count: float) -> str:
    """An amount of bytes with two or three digits that matter: `512 B`, `3.1 MB`, `128 MB`.

    Args:
        count: bytes.
    """
    if not math.isfinite(count):
        return UNKNOWN_NUMBER
    if round(count) < 0:
        return f"-{size(-count)}"
    power, decimals = _scale(count)
    return f"{_scaled(round(count), power, decimals)} {_UNITS[power]}"


def size_pair(done: float, total: float, between: str = "/") -> str:
    """How much of a whole there is, in the unit of the whole: `3.1/5.0 MB`.

    What is done is rounded down, so that the two numbers meet only at the end.

    Args:
        done: bytes; less than nothing is nothing.
        total: bytes, likewise. Where it is not finite, only what is done is shown.
        between: what stands between the two; ` of ` gives `3.1 of 5.0 MB`.
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
        part = _rounded_down(max(0, int(done)), power, decimals)
    return f"{part}{between}{whole} {_UNITS[power]}"


def byte_rate(per_second: float) -> str:
    """How fast bytes move: `1.2 MB/s`.

    Args:
        per_second: bytes a second.
    """
    return f"{size(per_second)}/s"


def _scale(count: float) -> tuple[int, int]:
    """The power of 1,000 and the decimals that suit an amount, after rounding."""
    whole = round(count)
    power = 0
    # What would be rounded up to 1,000 of a unit is 1.0 of the next one.
    while power < len(_UNITS) - 1 and _parts(whole, power, 1) >= 1000:
        power += 1
    decimals = 1 if power and _parts(whole, power, 10) < 1000 else 0
    return power, decimals


def _scaled(count: int, power: int, decimals: int) -> str:
    return _pointed(_parts(count, power, 10**decimals), decimals)


def _rounded_down(count: int, power: int, decimals: int) -> str:
    return _pointed(count * 10**decimals // 1000**power, decimals)


def _parts(count: int, power: int, per_unit: int) -> int:
    """The amount in parts of a unit, rounded half up; whole numbers, so that nothing is lost."""
    unit: int = 1000**power
    return (2 * count * per_unit + unit) // (2 * unit)


def _pointed(parts: int, decimals: int) -> str:
    return f"{parts // 10}.{parts % 10}" if decimals else str(parts)
