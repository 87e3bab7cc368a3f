"""How far an item is, in the few words beside its bar."""

from __future__ import annotations

import math

from peaceful.model import Progress, ProgressUnit
from peaceful.present._sizes import UNKNOWN_NUMBER, byte_rate, size, size_pair


def percent(progress: Progress) -> str:
    """How much of the whole is done: `62 %`; empty where the whole is not known.

    Rounded down, so that 100 % means the end.
    """
    fraction = progress.fraction
    if fraction is None:
        return ""
    # 29 of 100 is 28.999999999999996 hundredths.
    return f"{100 if fraction == 1 else min(99, math.floor(fraction * 100 + 1e-9))} %"


def amount(progress: Progress, between: str = "/") -> str:
    """What is done, in its unit: `3.1/5.0 MB`, `3/10 steps`; empty for percent and unknown.

    Args:
        progress: how far it is.
        between: what stands between what is done and the whole.
    """
    done, total = progress.done, progress.total
    match progress.unit:
        case ProgressUnit.BYTES:
            return size(done) if total is None else size_pair(done, total, between)
        case ProgressUnit.STEPS:
            whole = "" if total is None else f"{between}{_whole(total)}"
            noun = "step" if (done if total is None else total) == 1 else "steps"
            return f"{_whole(done)}{whole} {noun}"
        case ProgressUnit.PERCENT | ProgressUnit.UNKNOWN:
            return ""


def rate(progress: Progress) -> str:
    """How fast it is: `1.2 MB/s`, `0.4 steps/s`; empty where that is not known or means nothing."""
    if progress.rate is None or not math.isfinite(progress.rate):
        return ""
    match progress.unit:
        case ProgressUnit.BYTES:
            return byte_rate(progress.rate)
        case ProgressUnit.STEPS:
            decimals = 1 if progress.rate < 10 else 0
            return f"{progress.rate:,.{decimals}f} steps/s"
        case ProgressUnit.PERCENT | ProgressUnit.UNKNOWN:
            return ""


def _whole(number: float) -> str:
    return f"{math.floor(number):,}" if math.isfinite(number) else UNKNOWN_NUMBER
