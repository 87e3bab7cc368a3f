"""What fails may be tried again, as often as allowed, with longer and longer waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from item_contexts import Bench

from peaceful import Backoff
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful.errors import ItemFailure, RetriesExhausted

plans = st.builds(
    Backoff,
    attempts=st.integers(1, 60),
    delay=st.floats(0, 100).map(lambda seconds: round(seconds, 3)),
    factor=st.floats(1, 10),
    max_delay=st.floats(0, 1000),
    jitter=st.floats(0, 1),
)


@given(plans, st.randoms())
def test_waits_are_within_their_limits(plan: Backoff, chance: Any) -> None:
    """One fewer than there are attempts; none longer than allowed; chance takes only its share."""
    delays = list(plan.delays(chance.random))

    assert len(delays) == plan.attempts - 1
    for delay in delays:
        assert 0 <= delay <= plan.max_delay
    for number, delay in enumerate(delays):
        planned = min(plan.delay * plan.factor**number, plan.max_delay)
        assert delay <= planned * 1.001
        assert delay >= planned * (1 - plan.jitter) * 0.999


@given(plans)
def test_without_chance_waits_only_grow(plan: Backoff) -> None:
    """Until they are as long as the longest."""
    delays = list(plan.delays(lambda: 0.0))

    assert delays == sorted(delays)


def test_chance_takes_its_share_of_a_wait() -> None:
    """So that many that failed together do not try again together."""
    plan = Backoff(attempts=3, delay=10, factor=1, jitter=0.3)

    assert [*plan.delays(lambda: 0.0)] == pytest.approx([10, 10])
    assert [*plan.delays(lambda: 0.5)] == pytest.approx([8.5, 8.5])
    assert [*plan.delays(lambda: 1.0)] == pytest.approx([7, 7])


def test_waits_double_by_default() -> None:
    """Up to half a minute."""
    assert list(Backoff(attempts=9, jitter=0).delays()) == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"delay": -1},
        {"factor": -1},
        {"max_delay": -1},
        {"jitter": 2},
        {"jitter": -1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """At once."""
    with pytest.raises(ValueError, match="must"):
        Backoff(**wrong)


QUICK = Backoff(attempts=3, delay=0, jitter=0)


class Flaky:
    """Fails some times before it succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        """Fails, or succeeds."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_it_is_tried_until_it_succeeds(bench: Bench) -> None:
    """And each failure is told, with what comes next."""
    attempt = Flaky(OSError("no route"), ConnectionError())

    result = await bench.ctx.retry(attempt, on=OSError, backoff=QUICK, doing="the download")

    assert result == "done"
    assert attempt.calls == 3
    assert bench.messages == [
        "the download failed (no route); attempt 2 of 3 in 0.0 s",
        "the download failed (ConnectionError); attempt 3 of 3 in 0.0 s",
    ]


async def test_what_fails_each_time_fails(bench: Bench) -> None:
    """With the number of attempts, and the last error as its cause."""
    last = ItemFailure("gone\nfor good")

    with pytest.raises(RetriesExhausted) as exhausted:
        await bench.ctx.retry(
            Flaky(OSError("a"), OSError("b"), last), on=(OSError, ItemFailure), backoff=QUICK
        )

    assert exhausted.value.message == ("the attempt failed 3 times; the last time: gone for good")
    assert exhausted.value.details == (("attempts", "3"),)
    assert exhausted.value.__cause__ is last


async def test_one_attempt_is_one_attempt(bench: Bench) -> None:
    """Nothing is waited for then."""
    with pytest.raises(RetriesExhausted, match="the attempt failed once: x"):
        await bench.ctx.retry(Flaky(OSError("x")), on=OSError, backoff=Backoff(attempts=1))
    assert bench.events == []


async def test_other_errors_are_passed_on(bench: Bench) -> None:
    """Trying again would make no sense."""
    for error in (ValueError("x"), asyncio.CancelledError()):
        attempt = Flaky(error)  # type: ignore[arg-type]  # it is raised all the same
        with pytest.raises(type(error)):
            await bench.ctx.retry(attempt, on=OSError, backoff=QUICK)
        assert attempt.calls == 1


async def test_an_error_may_say_how_long_to_wait(bench: Bench) -> None:
    """The wait is at least that."""
    attempt = Flaky(OSError("5"))
    waiting = asyncio.ensure_future(
        bench.ctx.retry(
            attempt, on=OSError, backoff=QUICK, at_least=lambda error: float(str(error)) * 1000
        )
    )
    await bench.until(lambda: bool(bench.messages))

    assert bench.messages == ["the attempt failed (5); attempt 2 of 3 in 5000.0 s"]
    bench.interrupt()
    with pytest.raises(StoppedAtSafePoint) as stopped:
        await waiting
    assert stopped.value.where == "before attempt 2 of 3 of the attempt"
    assert attempt.calls == 1
