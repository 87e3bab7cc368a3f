"""A few crashes of each command that writes: nothing is lost, done again, or to be mended by hand.

`make soak` tries all of them.
"""

from __future__ import annotations

from random import Random

import pytest
from crashes.crashing import (
    FAILING,
    FAILURES,
    KILLED_AT,
    fail,
    kill,
    lose_power,
    lose_power_when_told,
)
from crashes.disks import disk_in
from crashes.scenarios import SCENARIOS, Scenario, by_scenario
from crashes.stages import Stages
from tally import Rows


@by_scenario
def test_a_few_crashes(stages: Stages, rows: Rows, scenario: Scenario) -> None:
    """After a kill, a loss of power, and a failure whose end is told truly, it carries on.

    What is rebuilt from the operations of a run is what the run left.
    """
    stage, random = stages[scenario], Random(7)
    files, operations = stage.record()
    for operation in operations:
        files.do(operation)
    assert files.now() == disk_in(stage.ground.folder)

    def some(kinds: str) -> int:
        # Not all runs have equally many.
        counted = sum(operation.kind in kinds for operation in operations)
        return random.randint(counted // 3, counted * 2 // 3)

    with rows("a few") as tally:
        assert kill(stage, some(KILLED_AT), tally)
        fail(stage, random.choice(FAILURES), some(FAILING), tally)
        place = random.randrange(len(operations) // 3, len(operations) * 2 // 3)
        lose_power(stage, random, tally, {place}, most=1)


@pytest.mark.parametrize("name", ["ensure resumed"])
def test_what_is_told_while_a_sync_runs(stages: Stages, rows: Rows, name: str) -> None:
    """Of an item that was told to have ended, that is synced: also where others are still made."""
    (scenario,) = (each for each in SCENARIOS if each.name == name)
    with rows("told while a sync runs") as tally:
        lose_power_when_told(stages[scenario], tally)
