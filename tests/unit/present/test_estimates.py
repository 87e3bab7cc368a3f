"""How long an execution still takes: an honest estimate, or none."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from execution_events import ExecutionEvents
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.events import Snapshot
from peaceful._present.estimates import seconds_left
from peaceful.commands import Event, ExecutionStarted, Progress

NAMES = tuple("abcdefgh")
tale = ExecutionEvents()

seconds = st.floats(0, 1000)


def snapshot_of(*events: Event) -> Snapshot:
    """The snapshot after some events."""
    snapshot = Snapshot()
    for event in events:
        snapshot.add(event)
    return snapshot


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[Snapshot, datetime]:
    """A snapshot in the middle of a block, and a moment not before it."""
    waits = {
        name: tuple(draw(st.lists(st.sampled_from(NAMES[:place]), max_size=2))) if place else ()
        for place, name in enumerate(NAMES)
    }
    expected = draw(st.dictionaries(st.sampled_from(NAMES), seconds))
    snapshot = snapshot_of(
        ExecutionStarted(tale.at(0), tale.info, NAMES, waits),
        tale.block("B", *NAMES, at_once=draw(st.integers(0, 5)), expected=expected),
    )
    at = 0.0
    for name in NAMES[: draw(st.integers(0, len(NAMES)))]:
        at += draw(st.floats(0, 10))
        snapshot.add(draw(st.sampled_from([tale.begins, tale.looks]))(name, at))
        if draw(st.booleans()):
            snapshot.add(tale.changes(name, at))
        if draw(st.booleans()):
            stalled = draw(st.none() | st.just(40.0))
            progress = Progress(seconds_left=draw(st.none() | seconds), stalled_for=stalled)
            snapshot.add(tale.moves(name, progress, at))
        if draw(st.booleans()):
            status = draw(st.sampled_from(ItemStatus))
            snapshot.add(tale.ends(name, status, at=at, seconds=draw(seconds)))
    return snapshot, tale.at(at + draw(seconds))


@given(snapshots(), seconds)
def test_time_alone_makes_it_no_longer(given: tuple[Snapshot, datetime], later: float) -> None:
    """It is never negative, and while nothing happens but that time passes, it does not rise."""
    snapshot, now = given
    before = seconds_left(snapshot, now)
    after = seconds_left(snapshot, now + timedelta(seconds=later))
    assert before is None or before >= 0
    if after is not None:
        assert before is not None
        assert 0 <= after <= before + 1e-6


@given(snapshots())
def test_it_is_at_least_what_the_longest_says_of_itself(given: tuple[Snapshot, datetime]) -> None:
    """No item in progress that says how long it still takes takes longer than the whole."""
    snapshot, now = given
    left = seconds_left(snapshot, now)
    if left is not None:
        for progress in snapshot.running.values():
            if progress is not None and progress.stalled_for is None:
                assert left >= (progress.seconds_left or 0)


@given(
    number=st.integers(1, 200),
    at_once=st.integers(1, 20),
    ended=st.integers(1, 200),
    each=st.floats(0.01, 1000),
)
def test_equal_items(number: int, at_once: int, ended: int, each: float) -> None:
    """Items that take the same take as many rounds as there are items for each place."""
    names = [f"item_{place}" for place in range(number)]
    ended = min(ended, number - 1)
    rest = number - ended
    running = names[ended : ended + at_once]
    snapshot = snapshot_of(
        tale.started(*names),
        tale.block("B", *names, at_once=at_once, expected=dict.fromkeys(names, each)),
        *(tale.ends(name, seconds=each) for name in names[:ended]),
        *map(tale.looks, running),
        *map(tale.changes, running),
    )
    left = seconds_left(snapshot, tale.at(0))
    assert left is not None
    assert left == pytest.approx(math.ceil(rest / at_once) * each, abs=each)
    assert left >= each * (1 - 1e-9)


def test_layers() -> None:
    """Items that wait for one another cannot be in progress at once, however many may be."""
    waits = {name: (NAMES[place - 1],) if place else () for place, name in enumerate(NAMES)}
    snapshot = snapshot_of(
        ExecutionStarted(tale.at(0), tale.info, NAMES, waits),
        tale.block("B", *NAMES, at_once=16, expected=dict.fromkeys(NAMES, 4.0)),
        tale.looks("a"),
        tale.changes("a"),
    )
    assert seconds_left(snapshot, tale.at(1)) == 31


def test_nothing_is_known_of_the_first_run() -> None:
    """Where nothing like it ever ended, there is no estimate; then what ended tells of the rest."""
    snapshot = snapshot_of(tale.started(*NAMES), tale.block("B", *NAMES, at_once=8))
    for name in NAMES:
        snapshot.add(tale.looks(name))
        snapshot.add(tale.changes(name))
    snapshot.add(tale.moves("a", Progress(done=1, total=3, seconds_left=2)))
    assert seconds_left(snapshot, tale.at(4)) is None
    for name in NAMES[:3]:
        snapshot.add(tale.ends(name, seconds=5))
    assert seconds_left(snapshot, tale.at(5)) == 0
    # If they take so much longer than the others, they are not like them.
    assert seconds_left(snapshot, tale.at(16)) is None


def test_items_that_differ_say_nothing_of_others() -> None:
    """A quick item does not make a slow one quick."""
    snapshot = snapshot_of(tale.started(*NAMES), tale.block("B", *NAMES, at_once=8))
    for name, took in zip(NAMES, (0.1, 20, 3, 5), strict=False):
        snapshot.add(tale.ends(name, seconds=took))
    assert seconds_left(snapshot, tale.at(20)) is None


def test_what_was_done_before_is_unchanged_now() -> None:
    """To resume: what was made is found unchanged at once, and the rest takes what it takes."""
    made = dict.fromkeys("abcd", 10.0)
    snapshot = snapshot_of(tale.started(*NAMES), tale.block("B", *NAMES, at_once=1, expected=made))
    # Nothing tells yet whether it has to be made again.
    assert seconds_left(snapshot, tale.at(0)) is None
    for name in "ab":
        snapshot.add(tale.ends(name, ItemStatus.UNCHANGED, seconds=0.1))
    assert seconds_left(snapshot, tale.at(0.2)) == pytest.approx(40.2)


@pytest.mark.parametrize("end", [tale.interrupted, tale.over])
def test_not_once_it_is_about_to_end(end: Callable[[], Event]) -> None:
    """After an interrupt, what waits is not started: then only what is in progress matters."""
    snapshot = snapshot_of(
        tale.started("a", "b"), tale.block("B", "a", "b", at_once=1), tale.ends("a")
    )
    snapshot.expected = {"a": 1.0, "b": 1.0}
    assert seconds_left(snapshot, tale.at(1)) is not None
    snapshot.add(end())
    assert seconds_left(snapshot, tale.at(1)) is None


def test_nobody_knows_how_long_a_person_takes() -> None:
    """While an item waits for one, no time is told; afterwards it is again."""
    snapshot = snapshot_of(
        tale.started("a", "b"),
        tale.block("B", "a", "b", at_once=2, expected={"a": 9, "b": 9}),
        *map(tale.begins, "ab"),
        tale.changes("a"),
    )
    assert seconds_left(snapshot, tale.at(1)) is not None
    snapshot.add(tale.asks("b"))
    assert seconds_left(snapshot, tale.at(1)) is None
    snapshot.add(tale.answered("b"))
    assert seconds_left(snapshot, tale.at(1)) is not None
