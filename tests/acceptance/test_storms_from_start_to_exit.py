"""Storms of signals at any moment of a process's life, from its start until after its exit."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from random import Random
from subprocess import TimeoutExpired

import pytest
from interrupted_rounds import Rounds
from keyboard import Keyboard
from shell import Ended, Running
from slow_files_shell import SlowFiles
from tally import Record, Rows, row
from whole_life_storms import Storm, check_nothing_left

ITEMS = 8


@pytest.fixture(autouse=True)
def _no_core_files() -> Iterator[None]:
    """Let SIGQUIT leave no core files."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.fixture
def rows(record_property: Record) -> Rows:
    """Opens rows of the summary."""
    return partial(row, section="storms from start to exit", record=record_property)


def checked(storm: Storm, running: Running) -> Ended:
    """Lets a storm come, and looks at the process's end."""
    ended = storm(running)
    storm.check()
    check_nothing_left(running)
    return ended


def one_storm(rounds: Rounds, storm: Storm) -> None:
    """Lets a storm befall a command, holds its end to the rule, and carries on."""
    terminal = None if storm.keyboard is None else storm.keyboard.terminal
    ended = rounds.one(partial(checked, storm), terminal=terminal, anew=True)
    document = storm.document
    if document is not None:
        done = {item for item, each in document["items"].items() if each["status"] == "done"}
        files = rounds.slow.files().keys()
        assert not done & files if document["command"] == "clean" else done <= files
        told = ended.told("execution_ended")
        assert [each["outcome"] for each in told] in ([], [document["outcome"]])
    if requests := ended.told("interrupt_requested"):
        after = ended.events[ended.events.index(requests[0]) :]
        assert not [event for event in after if event["event"] == "item_started"]
    rounds.carry_on(ITEMS)
    if storm.random.random() < 0.75:
        # Most storms befall what changes something for long.
        rounds.one(lambda running: running.end(expect=0))


def storms(slow: SlowFiles, rows: Rows, seed: int, times: int) -> None:
    """Lets storms befall commands, one after the other, and counts each by its moment."""
    random = Random(seed)
    more = random.choice(([], ["--chunks", "3"], ["--child"]))
    slow.init(ITEMS, random.choice((0.05, 0.1)), *more, layers=random.choice((1, 3)))
    rounds = Rounds(slow)
    began = time.monotonic()
    rounds.one(lambda running: running.end(expect=0), anew=True)
    whole_life = time.monotonic() - began
    rounds.one(lambda running: running.end(expect=0))
    for number in range(times):
        with Keyboard.of_new_terminal() if random.random() < 0.25 else nullcontext() as keyboard:
            storm = Storm(random, 1.3 * whole_life, keyboard)
            problem: AssertionError | TimeoutExpired | None = None
            try:
                one_storm(rounds, storm)
            except (AssertionError, TimeoutExpired) as error:
                problem = error
        with rows(storm.moment) as tally, tally.case(f"seed {seed}, storm {number}"):
            if problem is not None:
                raise problem


@pytest.mark.parametrize("seed", range(2))
def test_storms(slow: SlowFiles, rows: Rows, seed: int) -> None:
    """Up to fifty signals, whenever they begin, end a process as one does; and it carries on."""
    storms(slow, rows, seed, 3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1130))
def test_many_storms(slow: SlowFiles, rows: Rows, seed: int) -> None:
    """Five hundred storms, some of which come after the exit, lose nothing and leave nothing."""
    storms(slow, rows, seed, 4)
