"""What is known of interrupts: levels and their words, doors, process signals."""

from __future__ import annotations

import signal

import pytest

from peaceful._model.interrupt import MAY_BE_IGNORED, PROCESS_SIGNALS
from peaceful.interrupt import InterruptLevel, InterruptSource


def test_levels_by_word() -> None:
    """Each level has its word, from the lowest to the highest."""
    assert [str(level) for level in sorted(InterruptLevel)] == ["stop", "cancel", "kill"]
    assert [InterruptLevel(word) for word in ("stop", "cancel", "kill")] == sorted(InterruptLevel)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (InterruptSource.SIGINT, 130),
        (InterruptSource.SIGTERM, 143),
        (InterruptSource.SIGHUP, 129),
        (InterruptSource.WEB, 130),
        (InterruptSource.API, 130),
        (InterruptSource.COMMAND, 130),
    ],
)
def test_exit_codes(source: InterruptSource, code: int) -> None:
    """Each signal has its exit code; every request counts as Ctrl-C."""
    assert source.exit_code == code


def test_signal_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that is a process signal has its number, where the platform knows it; no other has."""
    found = {source: source.signal_number for source in InterruptSource}
    assert {source for source in found if found[source] is not None} == {*PROCESS_SIGNALS}
    assert all(number is None or number.name == source.name for source, number in found.items())
    assert {*PROCESS_SIGNALS} > MAY_BE_IGNORED
    monkeypatch.delattr(signal, "SIGHUP")
    assert InterruptSource.SIGHUP.signal_number is None
