"""What an item says of its progress is passed on, not too often, and in the end always."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ProgressUnit
from peaceful._item.progress import PUBLISH_EVERY, SHOWN_AFTER, ProgressReporter, Rate
from peaceful.commands import Progress


@dataclass
class Stage:
    """A reporter with a clock, and what it passes on."""

    seconds: float = 0.0
    pictures: list[Progress] = field(default_factory=list)
    held_back: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reporter = ProgressReporter(
            self.pictures.append,
            lambda: self.seconds,
            lambda seconds, function: self.held_back.append((self.seconds + seconds, function)),
        )

    def wait(self, seconds: float) -> None:
        """Lets time pass, and what is due happen."""
        end = self.seconds + seconds
        for due, function in [each for each in self.held_back if each[0] <= end]:
            self.held_back.remove((due, function))
            self.seconds = due
            function()
        self.seconds = end


@pytest.fixture
def stage() -> Stage:
    """A reporter that has said nothing yet."""
    return Stage()


def test_nothing_is_known_at_first(stage: Stage) -> None:
    """Neither how much there is, nor how fast it goes."""
    assert stage.reporter.snapshot() == Progress()
    assert stage.pictures == []


def test_a_misspelt_name_is_an_error(stage: Stage) -> None:
    """It does not seem to be taken."""
    with pytest.raises(AttributeError):
        setattr(stage.reporter, "totl", 3)  # noqa: B010 - type checkers know that there is none


def test_bytes_steps_and_percent_are_counted(stage: Stage) -> None:
    """Each with its unit."""
    reporter = stage.reporter

    reporter.bytes(1000)
    reporter.advance(10)
    assert _counted(reporter) == (ProgressUnit.BYTES, 10, 1000)
    reporter.steps(None)
    reporter.done(3)
    assert _counted(reporter) == (ProgressUnit.STEPS, 3, None)
    reporter.percent(12.5)
    assert _counted(reporter) == (ProgressUnit.PERCENT, 12.5, 100)
    reporter.total(None, ProgressUnit.PERCENT)
    assert _counted(reporter) == (ProgressUnit.PERCENT, 12.5, 100)
    reporter.total(5)
    assert _counted(reporter) == (ProgressUnit.STEPS, 12.5, 5)


def _counted(reporter: ProgressReporter) -> tuple[ProgressUnit, float, float | None]:
    picture = reporter.snapshot()
    return picture.unit, picture.done, picture.total


def test_pictures_are_passed_on_now_and_then(stage: Stage) -> None:
    """However often the item says something: not more often than an eye can use."""
    stage.reporter.steps(10_000)
    for _ in range(5000):
        stage.reporter.advance()
        stage.wait(0.001)

    assert len(stage.pictures) <= 5 / PUBLISH_EVERY + 2
    assert len(stage.pictures) >= 5 / PUBLISH_EVERY * 0.9


def test_the_newest_picture_is_passed_on_in_the_end(stage: Stage) -> None:
    """Also where the item says nothing for a long time then."""
    stage.reporter.steps(10)
    stage.reporter.advance()
    stage.reporter.advance()
    assert [picture.done for picture in stage.pictures] == [0]
    assert len(stage.held_back) == 1

    stage.wait(PUBLISH_EVERY)

    assert [picture.done for picture in stage.pictures] == [0, 2]
    stage.wait(1000)
    assert len(stage.pictures) == 2


def test_what_was_held_back_is_not_said_twice(stage: Stage) -> None:
    """A message in between passes on what was held back, too."""
    stage.reporter.steps(10)
    stage.reporter.advance()
    stage.reporter.message("now")
    stage.wait(1)

    assert [(picture.done, picture.message) for picture in stage.pictures] == [(0, ""), (1, "now")]


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 3)), max_size=60))
def test_the_last_picture_is_how_it_stands(moves: list[tuple[float, int]]) -> None:
    """Whatever the item does, and when, once some time has passed."""
    stage = Stage()
    for seconds, kind in moves:
        stage.wait(seconds)
        if kind == 0:
            stage.reporter.message(f"at {stage.seconds}")
        else:
            stage.reporter.advance(kind)
    stage.wait(PUBLISH_EVERY)

    if moves:
        last = stage.pictures[-1]
        assert last.done == stage.reporter.snapshot().done
        assert last.message == stage.reporter.last_message


def test_without_a_timer_the_next_word_passes_it_on() -> None:
    """A reporter that cannot be called later holds back until something is said again."""
    pictures: list[Progress] = []
    seconds = iter([0.0] * 20 + [10.0] * 20)
    reporter = ProgressReporter(pictures.append, lambda: next(seconds))

    reporter.steps(5)
    while len(pictures) < 2:
        reporter.advance(0.1)

    assert pictures[-1].done > 0.2


def test_messages_are_passed_on_at_once(stage: Stage) -> None:
    """But not twice; saying the same again is a sign of life."""
    stage.reporter.message("connecting")
    stage.reporter.message("sending")
    stage.wait(5)
    stage.reporter.message("sending")

    assert [picture.message for picture in stage.pictures][:2] == ["connecting", "sending"]
    assert stage.reporter.stalled_for() == 0
    assert stage.reporter.last_message == "sending"


def test_the_whole_is_passed_on_at_once_and_once(stage: Stage) -> None:
    """What goes on beyond the whole is passed on now and then."""
    stage.reporter.steps(2)
    stage.reporter.advance(2)
    for _ in range(100):
        stage.reporter.advance()

    assert [picture.done for picture in stage.pictures] == [0, 2]


def test_a_stall_is_told_in_seconds(stage: Stage) -> None:
    """Since the item last said anything."""
    stage.reporter.advance()
    stage.wait(40)

    assert stage.reporter.stalled_for() == 40
    assert stage.reporter.snapshot(stalled_for=40).stalled_for == 40


def test_a_steady_rate_is_what_it_is(stage: Stage) -> None:
    """And with it, how long it will take."""
    stage.reporter.bytes(1000)
    for _ in range(100):
        stage.wait(0.1)
        stage.reporter.advance(5)

    picture = stage.reporter.snapshot()
    assert picture.rate == pytest.approx(50)
    assert picture.seconds_left == pytest.approx(10)


def test_what_was_done_before_does_not_count_into_the_rate(stage: Stage) -> None:
    """Work that carries on begins at what is there already."""
    stage.reporter.bytes(1000, done=900)
    stage.wait(1)
    stage.reporter.advance(10)

    picture = stage.reporter.snapshot()
    assert (picture.done, picture.rate, picture.seconds_left) == (910, 10, 9)


def test_another_unit_has_another_rate(stage: Stage) -> None:
    """Bytes are no steps."""
    stage.reporter.bytes(None)
    stage.wait(1)
    stage.reporter.advance(1_000_000)
    stage.reporter.steps(10, done=0)
    stage.wait(1)
    stage.reporter.advance(1)

    assert stage.reporter.snapshot().rate == 1


def test_the_time_left_is_never_less_than_nothing(stage: Stage) -> None:
    """Where there was more to do than was known."""
    stage.reporter.steps(1)
    stage.wait(1)
    stage.reporter.advance(3)

    assert stage.reporter.snapshot().seconds_left == 0


def test_nothing_is_lost_between_threads() -> None:
    """Several may say something at the same time."""
    pictures: list[Progress] = []
    reporter = ProgressReporter(pictures.append, lambda: 0.0)
    reporter.steps(None)
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(2000):
            reporter.advance()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    assert reporter.snapshot().done == 8000


def test_whoever_takes_a_picture_may_say_something() -> None:
    """Without waiting for itself."""
    reporter: list[ProgressReporter] = []
    pictures: list[Progress] = []

    def publish(picture: Progress) -> None:
        pictures.append(picture)
        if len(pictures) < 3:
            reporter[0].message(f"taken {len(pictures)}")

    reporter.append(ProgressReporter(publish, lambda: 0.0))
    reporter[0].steps(1)

    assert [picture.message for picture in pictures] == ["", "taken 1", "taken 2"]


moves = st.lists(st.tuples(st.floats(0.001, 5), st.floats(0, 1000)), min_size=1, max_size=30)


@given(moves, st.floats(0, 10))
def test_a_rate_is_between_the_slowest_and_the_fastest(
    moved: list[tuple[float, float]], still: float
) -> None:
    """And falls to nothing where nothing is done."""
    rate, now = Rate(0.0), 0.0
    for seconds, amount in moved:
        now += seconds
        rate.add(now, amount)

    found = rate.per_second(now)
    if found is not None:
        speeds = [amount / seconds for seconds, amount in moved]
        assert min(speeds) * 0.999 <= found <= max(speeds) * 1.001
        later = rate.per_second(now + still)
        assert later is not None
        assert later <= found
        assert rate.per_second(now + 1000) == pytest.approx(0, abs=found * 0.001 + 1e-9)


@given(st.floats(0.1, 1000), st.lists(st.floats(0.01, 3), min_size=1, max_size=30))
def test_a_steady_rate_is_found_however_unevenly_it_is_told(
    speed: float, pauses: list[float]
) -> None:
    """From the beginning."""
    rate, now = Rate(0.0), 0.0
    for seconds in pauses:
        now += seconds
        rate.add(now, speed * seconds)
        if now > SHOWN_AFTER * 1.01:
            assert rate.per_second(now) == pytest.approx(speed)


def test_too_little_tells_nothing_of_the_rate() -> None:
    """The first moments are chance; and where nothing is counted, nothing is fast or slow."""
    rate = Rate(10.0)
    rate.add(10.0, 5)

    assert rate.per_second(10.0 + SHOWN_AFTER / 2) is None
    assert Rate(0.0).per_second(100.0) is None
