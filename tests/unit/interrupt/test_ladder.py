"""Which level a process signal stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peaceful.interrupt import InterruptLevel
from peaceful.interrupt._handlers import SignalEscalation

STOP, CANCEL, KILL = InterruptLevel


def ladder() -> SignalEscalation:
    """With the usual times."""
    return SignalEscalation(stop_timeout=25.0, key_repeat=0.5)


def test_presses_climb() -> None:
    """The first press is STOP, the second CANCEL, the third and all further ones KILL."""
    presses = ladder()
    assert [presses.press(at) for at in (0.0, 0.5, 9.0, 10.0)] == [STOP, CANCEL, KILL, KILL]


def test_a_key_that_is_held_down_counts_once() -> None:
    """Presses within 0.5 s of each other count once, however long it goes on."""
    presses = ladder()
    assert presses.press(0.0) is STOP
    assert [presses.press(at / 10) for at in range(1, 100)] == [None] * 99
    assert presses.press(10.4) is CANCEL


@given(st.lists(st.floats(0, 3), max_size=20))
def test_the_level_is_the_number_of_bursts(gaps: list[float]) -> None:
    """However presses are spread, each burst climbs one rung, up to KILL."""
    presses, at, bursts = ladder(), 0.0, 0
    for number, gap in enumerate(gaps):
        before, at = at, at + gap
        new = number == 0 or at - before >= 0.5
        bursts += new
        levels = [STOP, CANCEL, KILL]
        assert presses.press(at) is (levels[min(bursts, 3) - 1] if new else None)


def test_without_key_repeat_every_press_counts() -> None:
    """With a key repeat of 0, presses at the same moment count each."""
    presses = SignalEscalation(stop_timeout=1, key_repeat=0)
    assert [presses.press(7.0) for _ in range(3)] == [STOP, CANCEL, KILL]


def test_a_service_manager_gives_a_deadline() -> None:
    """SIGTERM is STOP; CANCEL is due after 60 % of the time, KILL at its end, once each."""
    signals = ladder()
    assert (signals.next_deadline, signals.due(1000.0)) == (None, None)
    assert signals.terminate(100.0) is STOP
    assert (signals.next_deadline, signals.due(114.9)) == (115.0, None)
    assert [signals.due(115.0), signals.due(115.0)] == [CANCEL, None]
    assert (signals.next_deadline, signals.due(125.0)) == (125.0, KILL)
    assert (signals.next_deadline, signals.due(1000.0)) == (None, None)


def test_the_first_deadline_stays() -> None:
    """A second SIGTERM or SIGHUP neither restarts the time nor climbs."""
    signals = ladder()
    signals.terminate(0.0)
    assert signals.terminate(14.0) is STOP
    assert signals.next_deadline == 15.0
    signals.due(30.0)
    assert signals.terminate(31.0) is STOP
    assert signals.next_deadline is None


def test_a_late_look_gives_the_last_deadline() -> None:
    """Whoever looks only after the end finds KILL at once."""
    signals = ladder()
    signals.terminate(0.0)
    assert signals.due(26.0) is KILL


def test_presses_and_deadlines_do_not_mix() -> None:
    """SIGTERM does not count as a press, nor a press as SIGTERM."""
    signals = ladder()
    assert signals.press(0.0) is STOP
    assert signals.next_deadline is None
    assert signals.terminate(0.1) is STOP
    assert signals.press(1.0) is CANCEL
