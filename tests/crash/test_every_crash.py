"""Every crash of each command that writes: nothing is lost, done again, or to be mended by hand."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from crashes.crashing import (
    FAILING,
    FAILURES,
    SLOWER_SYNC,
    Failure,
    fail,
    kill,
    lose_power,
    tear,
)
from crashes.scenarios import Scenario, by_scenario
from crashes.stages import Stages
from tally import Rows

pytestmark = pytest.mark.soak


@by_scenario
def test_killed(stages: Stages, rows: Rows, scenario: Scenario) -> None:
    """It is killed before each operation on a file, and before each time that it says something."""
    with rows(f"killed: {scenario.name}") as tally:
        for at in count(1):
            if not kill(stages[scenario], at, tally):
                break


@by_scenario
def test_torn(stages: Stages, rows: Rows, scenario: Scenario) -> None:
    """It is killed in the middle of each write."""
    with rows(f"torn: {scenario.name}") as tally:
        for at in count(1):
            if not tear(stages[scenario], at, tally):
                break


@by_scenario
def test_power_lost(stages: Stages, rows: Rows, scenario: Scenario) -> None:
    """The power is lost after each operation; the disk has whatever it may have."""
    with rows(f"power lost: {scenario.name}") as tally:
        lose_power(stages[scenario], Random(4), tally, sync=SLOWER_SYNC)


@pytest.mark.parametrize("failure", FAILURES, ids=str)
@by_scenario
def test_failing(stages: Stages, rows: Rows, scenario: Scenario, failure: Failure) -> None:
    """Each operation fails in turn: the end is told truly, and the old file is whole."""
    stage = stages[scenario]
    counted = sum(operation.kind in FAILING for operation in stage.record()[1])
    with rows(f"failing, {failure}: {scenario.name}") as tally:
        for at in range(1, counted + 1):
            fail(stage, failure, at, tally)
