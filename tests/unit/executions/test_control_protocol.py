"""What is said over a control socket."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._executions.control_protocol import (
    ControlRequest,
    EventsRequest,
    InterruptAnswer,
    InterruptRequest,
    SnapshotRequest,
    line_of,
    parse_answer,
    parse_request,
)
from peaceful._executions.records import REASON_LIMIT
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource, SendResult

signals = st.builds(
    InterruptSignal,
    st.sampled_from(InterruptLevel),
    st.sampled_from(InterruptSource),
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.text(max_size=REASON_LIMIT),
)
requests = st.one_of(
    st.builds(InterruptRequest, signals),
    st.just(SnapshotRequest()),
    st.just(EventsRequest()),
)
answers = st.builds(
    InterruptAnswer, st.sampled_from(SendResult), st.none() | signals, st.none() | signals
)


@given(request=requests)
def test_requests(request: ControlRequest) -> None:
    """A request comes through as it was, in one line."""
    line = line_of(request)
    assert line.index(b"\n") == len(line) - 1
    assert parse_request(line) == request


@given(answer=answers)
def test_answers(answer: InterruptAnswer) -> None:
    """An answer comes through as it was."""
    assert parse_answer(line_of({"ok": answer}), InterruptAnswer) == answer


@given(line=st.binary(max_size=200))
def test_any_bytes(line: bytes) -> None:
    """Whatever bytes come, they are a request or refused by a `ValueError`, and nothing else."""
    with contextlib.suppress(ValueError):
        parse_request(line)


SIGNAL = {"level": "stop", "source": "web", "requested_at": "2026-03-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    "message",
    [
        [],
        "interrupt",
        {},
        {"request": "dance"},
        {"request": ["interrupt"]},
        {"request": "interrupt"},
        {"request": "interrupt", "signal": []},
        {"request": "interrupt", "signal": {**SIGNAL, "level": 1}},
        {"request": "interrupt", "signal": {**SIGNAL, "level": "STOP"}},
        {"request": "interrupt", "signal": {**SIGNAL, "source": "dream"}},
        {"request": "interrupt", "signal": {**SIGNAL, "source": None}},
        {"request": "interrupt", "signal": {**SIGNAL, "requested_at": 7}},
        {"request": "interrupt", "signal": {**SIGNAL, "requested_at": "soon"}},
        {"request": "interrupt", "signal": {**SIGNAL, "requested_at": "2026-03-01T00:00:00"}},
        {"request": "interrupt", "signal": {**SIGNAL, "reason": 7}},
    ],
)
def test_bad_requests(message: object) -> None:
    """A message that is no request is refused with a reason."""
    with pytest.raises(ValueError, match=r"."):
        parse_request(json.dumps(message).encode())


@pytest.mark.parametrize("line", [b"[" * 60_000, b"9" * 60_000, b'{"request": NaN', b"\xff\xfe"])
def test_nasty_lines(line: bytes) -> None:
    """Depth, huge numbers and other encodings are refused like any other mistake."""
    with pytest.raises(ValueError, match=r"."):
        parse_request(line)


def test_long_reasons() -> None:
    """Of a long reason, the beginning is kept."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    long = InterruptSignal(InterruptLevel.STOP, InterruptSource.API, at, "x" * 5000)
    request = parse_request(line_of(InterruptRequest(long)))
    assert isinstance(request, InterruptRequest)
    assert request.signal.reason == "x" * REASON_LIMIT


@pytest.mark.parametrize("value", [None, [], {"result": "perhaps"}, {"signal": 1}])
def test_bad_answers(value: object) -> None:
    """What is no answer is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_answer(json.dumps({"ok": value}).encode(), InterruptAnswer)
