"""Which level a process signal stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.interrupt import InterruptLevel, InterruptSource
from peaceful.interrupt._handlers import SignalEscalation

STOP, CANCEL, KILL = InterruptLevel
SIGINT, SIGTERM, SIGHUP = (
    InterruptSource.SIGINT,
    InterruptSource.SIGTERM,
    InterruptSource.SIGHUP,
)


def ladder(*, keys: bool = True, key_repeat: float = 0.5) -> SignalEscalation:
    """With the usual times; where somebody can press keys, or not."""
    return SignalEscalation(stop_timeout=25.0, key_repeat=key_repeat, can_press=lambda: keys)


def test_presses_climb() -> None:
    """The first press is STOP, the second CANCEL, the third and all further ones KILL."""
    presses = ladder()
    heard = [presses.receive(SIGINT, at) for at in (0.0, 0.5, 9.0, 10.0)]
    assert heard == [STOP, CANCEL, KILL, KILL]
    assert presses.next_deadline is None


def test_a_key_that_is_held_down_counts_once() -> None:
    """Presses within 0.5 s of each other count once, however long it goes on."""
    presses = ladder()
    assert presses.receive(SIGINT, 0.0) is STOP
    assert [presses.receive(SIGINT, at / 10) for at in range(1, 100)] == [None] * 99
    assert presses.receive(SIGINT, 10.4) is CANCEL


@given(st.lists(st.floats(0, 3), max_size=20))
def test_the_level_is_the_number_of_bursts(gaps: list[float]) -> None:
    """However presses are spread, each burst climbs one rung, up to KILL."""
    presses, at, bursts = ladder(), 0.0, 0
    for number, gap in enumerate(gaps):
        before, at = at, at + gap
        new = number == 0 or at - before >= 0.5
        bursts += new
        levels = [STOP, CANCEL, KILL]
        assert presses.receive(SIGINT, at) is (levels[min(bursts, 3) - 1] if new else None)


def test_without_key_repeat_every_press_counts() -> None:
    """With a key repeat of 0, presses at the same moment count each."""
    presses = ladder(key_repeat=0)
    assert [presses.receive(SIGINT, 7.0) for _ in range(3)] == [STOP, CANCEL, KILL]


@pytest.mark.parametrize("source", [SIGINT, SIGTERM, SIGHUP])
def test_a_service_manager_gives_a_deadline(source: InterruptSource) -> None:
    """The first signal is STOP; CANCEL is due after 60 % of the time, KILL at its end, once each.

    So is a SIGINT that nobody can have pressed.
    """
    signals = ladder(keys=False)
    assert (signals.next_deadline, signals.due(1000.0)) == (None, None)
    assert signals.receive(source, 100.0) is STOP
    assert (signals.next_deadline, signals.due(114.9)) == (115.0, None)
    assert [signals.due(115.0), signals.due(115.0)] == [CANCEL, None]
    assert (signals.next_deadline, signals.due(125.0)) == (125.0, KILL)
    assert (signals.next_deadline, signals.due(1000.0)) == (None, None)


@pytest.mark.parametrize("source", [SIGTERM, SIGHUP])
def test_the_first_deadline_stays(source: InterruptSource) -> None:
    """The same signal again neither restarts the time nor climbs."""
    signals = ladder()
    signals.receive(source, 0.0)
    assert signals.receive(source, 14.0) is STOP
    assert signals.next_deadline == 15.0
    assert [signals.due(30.0), signals.due(30.0)] == [CANCEL, KILL]
    assert signals.receive(source, 31.0) is STOP
    assert signals.next_deadline is None


def test_a_late_look_skips_no_level() -> None:
    """Whoever looks only after the end finds each level, one after the other."""
    signals = ladder()
    signals.receive(SIGTERM, 0.0)
    assert [signals.due(26.0) for _ in range(3)] == [CANCEL, KILL, None]


@given(st.permutations([SIGINT, SIGTERM, SIGHUP]), st.booleans())
def test_another_kind_climbs(kinds: list[InterruptSource], keys: bool) -> None:
    """The first signal of each further kind climbs one level at once."""
    signals = ladder(keys=keys)
    heard = [signals.receive(source, float(at)) for at, source in enumerate(kinds)]
    assert heard == [STOP, CANCEL, KILL]


@given(st.lists(st.sampled_from([SIGINT, SIGTERM, SIGHUP]), min_size=1), st.booleans())
def test_what_comes_together_counts_once(kinds: list[InterruptSource], keys: bool) -> None:
    """However many signals of whatever kinds come within half a second, that is one STOP."""
    signals = ladder(keys=keys)
    heard = [signals.receive(source, at / 1000) for at, source in enumerate(kinds)]
    assert heard[0] is STOP
    assert set(heard) <= {STOP, None}


def test_a_signal_after_a_deadline_climbs_from_there() -> None:
    """Whoever presses Ctrl-C after what a deadline has cancelled wants more than that."""
    signals = ladder()
    signals.receive(SIGTERM, 0.0)
    assert signals.due(15.0) is CANCEL
    assert signals.receive(SIGINT, 16.0) is KILL
