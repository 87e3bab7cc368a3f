"""The latch behind a channel: one order of all that happens to it decides every answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource, SendResult
from peaceful.interrupt._channel import Latch

STOP, CANCEL, KILL = InterruptLevel
MakeSignal = Callable[[InterruptLevel], InterruptSignal]
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

happenings = st.lists(st.none() | st.sampled_from(InterruptLevel), max_size=12)
"""What happens to a latch: a level is sent, or it is closed."""


@given(happenings)
def test_accepted_levels_rise(levels: list[InterruptLevel | None]) -> None:
    """Whatever happens, the accepted levels rise strictly, up to the highest before the end."""
    latch = Latch()
    for level in levels:
        if level is None:
            latch.close()
        else:
            latch.send(InterruptSignal(level, InterruptSource.API, NOON))
    state = latch.state
    end = levels.index(None) if None in levels else len(levels)
    before = [level for level in levels[:end] if level is not None]
    assert all(low.level < high.level for low, high in pairwise(state.accepted))
    assert (state.signal.level if state.signal else None) == max(before, default=None)
    assert state.closed == (end < len(levels))


@given(happenings)
def test_answers_and_state_agree(levels: list[InterruptLevel | None]) -> None:
    """Exactly what was told `ACCEPTED` is accepted; everything after the end is `TOO_LATE`."""
    latch = Latch()
    accepted: list[InterruptSignal] = []
    for level in levels:
        if level is None:
            assert latch.close() == (accepted[-1] if accepted else None)
            continue
        closed = latch.state.closed
        signal = InterruptSignal(level, InterruptSource.API, NOON)
        result = latch.send(signal)
        assert (result is SendResult.TOO_LATE) == closed
        if result is SendResult.ACCEPTED:
            accepted.append(signal)
    assert latch.state.accepted == tuple(accepted)


def test_a_latch_stays_small(signal_at: MakeSignal) -> None:
    """However often something is sent, it keeps no more than its levels and its end."""
    latch = Latch()
    for level in (STOP, CANCEL, KILL):
        for _ in range(1000):
            latch.send(signal_at(level))
    for _ in range(1000):
        latch.close()
        latch.send(signal_at(STOP))
    assert len(latch._states) == 5
