"""The log behind a latch: every answer is decided by the order of its entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource, SendResult
from peaceful.interrupt._latch import Entry, Latch, read, verdict

STOP, CANCEL, KILL = InterruptLevel
MakeSignal = Callable[[InterruptLevel], InterruptSignal]
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

logs = st.lists(st.none() | st.sampled_from(InterruptLevel), max_size=12).map(
    lambda levels: [
        Entry(None if level is None else InterruptSignal(level, InterruptSource.API, NOON))
        for level in levels
    ]
)


@given(logs)
def test_accepted_levels_rise(log: list[Entry]) -> None:
    """However entries follow each other, the accepted levels rise strictly, up to the highest."""
    reading = read(log)
    end = next((at for at, entry in enumerate(log) if entry.signal is None), len(log))
    before = [entry.signal.level for entry in log[:end] if entry.signal]
    assert all(low.level < high.level for low, high in pairwise(reading.accepted))
    assert (reading.signal.level if reading.signal else None) == max(before, default=None)
    assert reading.closed == (end < len(log))


@given(logs)
def test_verdicts_and_reading_agree(log: list[Entry]) -> None:
    """Exactly the entries told `ACCEPTED` are read as accepted; `TOO_LATE` is all after the end."""
    verdicts = [(entry.signal, verdict(log, entry, entry.signal)) for entry in log if entry.signal]
    accepted = [signal for signal, result in verdicts if result is SendResult.ACCEPTED]
    assert tuple(accepted) == read(log).accepted
    late = [result is SendResult.TOO_LATE for _, result in verdicts]
    assert late == sorted(late)
    assert read(log).closed or not any(late)


def test_a_send_that_was_overtaken_is_judged_by_the_log(signal_at: MakeSignal) -> None:
    """Whoever asked first but appended second is told what the log says, not what was asked."""
    log = [Entry(signal_at(STOP)), Entry(signal_at(STOP)), Entry(None), Entry(signal_at(KILL))]
    results = [verdict(log, entry, entry.signal) for entry in log if entry.signal]
    assert results == [SendResult.ACCEPTED, SendResult.UNCHANGED, SendResult.TOO_LATE]


def test_the_log_stays_short(signal_at: MakeSignal) -> None:
    """However often something is sent, the log holds no more than a few entries."""
    latch = Latch()
    for level in (STOP, CANCEL, KILL):
        for _ in range(1000):
            latch.send(signal_at(level))
    for _ in range(1000):
        latch.close()
        latch.send(signal_at(STOP))
    assert len(latch._log) == 4
