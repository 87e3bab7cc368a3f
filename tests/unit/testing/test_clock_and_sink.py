"""The clock that is turned by hand, and the sink that keeps what it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from peaceful._model.clock import Clock
from peaceful.commands import BlockEnded, BlockStarted, OutputSink
from peaceful.testing import ManualClock, RecordingSink

MOMENT = datetime(2030, 5, 6, tzinfo=UTC)


def test_time_passes_only_when_it_is_told_to() -> None:
    """Both ways of telling the time move together."""
    clock = ManualClock(MOMENT)
    port: Clock = clock

    assert (port.now(), port.monotonic()) == (MOMENT, 0.0)
    clock.advance(90)
    assert (port.now(), port.monotonic()) == (MOMENT + timedelta(seconds=90), 90.0)


def test_time_does_not_go_back() -> None:
    """A mistake in a test is told."""
    with pytest.raises(ValueError, match="-1"):
        ManualClock().advance(-1)


def test_what_a_sink_is_told_can_be_looked_at_by_kind() -> None:
    """All of it in order, or only one kind."""
    sink = RecordingSink()
    port: OutputSink = sink
    first, second = BlockStarted(MOMENT, "one", ()), BlockEnded(MOMENT, "one", finished=True)

    port.receive([first])
    port.receive([second])
    port.close()

    assert sink.events == [first, second]
    assert sink.of(BlockEnded) == [second]
    assert sink.closed == 1
