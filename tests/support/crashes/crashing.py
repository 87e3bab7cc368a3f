"""The kinds of crashes: each lets one befall a command, and looks at what is left."""

from __future__ import annotations

import errno
import sys
from collections.abc import Container, Sequence
from itertools import islice
from random import Random
from typing import Final, Literal, NamedTuple

from tally import Tally

from crashes.disks import Disk, losses
from crashes.endings import check_ending
from crashes.ground import KILLED
from crashes.log import CHANGES, Kind, Operation, told_in
from crashes.shim import Plan
from crashes.stages import Stage

KILLED_AT: Final = CHANGES + Kind.SYNC + Kind.SAY
"""Between two of these nothing happens that anybody could see."""

FAILING: Final = CHANGES + Kind.OPEN + Kind.SYNC

SLOW_SYNC: Final = 2000
"""Microseconds that a sync takes: others write meanwhile, and what they write is not synced."""

SLOWER_SYNC: Final = 50_000
"""So long that what is shown, ten times a second at least, is said meanwhile, too."""

EVERYWHERE: Final = range(sys.maxsize)


class Failure(NamedTuple):
    """How operations fail: one, or all from one on."""

    does: Literal["fail", "fail-on"]
    error: int

    def __str__(self) -> str:
        """In a few words."""
        return f"{errno.errorcode[self.error]} {'once' if self.does == 'fail' else 'from then on'}"


FAILURES: Final = (
    Failure("fail", errno.EIO),
    Failure("fail-on", errno.EIO),
    Failure("fail", errno.ENOSPC),
    Failure("fail-on", errno.ENOSPC),
    Failure("fail", errno.EACCES),
    Failure("fail-on", errno.EROFS),
)


def kill(stage: Stage, at: int, tally: Tally) -> bool:
    """Kill a command before an operation, carry on, and return whether it came so far."""
    return _killed(stage, Plan("kill", at, KILLED_AT), tally)


def tear(stage: Stage, at: int, tally: Tally) -> bool:
    """Kill a command in the middle of a write, carry on, and return whether it came so far."""
    return _killed(stage, Plan("tear", at, Kind.WRITE), tally)


def fail(stage: Stage, failure: Failure, at: int, tally: Tally) -> None:
    """Let operations of a command fail, look at what it tells, and carry on."""
    with tally.case(f"{failure} at {at}"):
        ended = stage.run(Plan(failure.does, at, FAILING, error=failure.error))
        check_ending(ended)
        stage.carry_on(ended)


def lose_power(
    stage: Stage,
    random: Random,
    tally: Tally,
    places: Container[int] = EVERYWHERE,
    most: int | None = None,
    sync: int = SLOW_SYNC,
) -> None:
    """Let the power be lost in a run, at some places, and carry on after another boot.

    Args:
        stage: what runs.
        random: chooses what the disks have of what was not synced.
        tally: counts the disks.
        places: after how many operations.
        most: how many disks; none for all.
        sync: how many microseconds each sync takes.
    """
    files, operations = stage.record(sync)
    for place, disk in islice(losses(files, operations, random, places), most):
        _carry_on(stage, operations, place, disk, tally)


def lose_power_when_told(stage: Stage, tally: Tally) -> None:
    """Let the power be lost each time that something was said: only what was synced is there."""
    files, operations = stage.record(SLOWER_SYNC)
    for place, operation in enumerate(operations, 1):
        files.do(operation)
        if operation.kind is Kind.SAY:
            _carry_on(stage, operations, place, files.synced(), tally)


def _carry_on(
    stage: Stage, operations: Sequence[Operation], place: int, disk: Disk, tally: Tally
) -> None:
    """Carry on with a disk that a loss of power left after some operations."""
    stage.ground.become(disk)
    stage.ground.restart()
    with tally.case(f"after {place} of {len(operations)}, {operations[place - 1].path}"):
        stage.carry_on(told_in(operations[:place]))


def _killed(stage: Stage, plan: Plan, tally: Tally) -> bool:
    told = stage.run(plan)
    if told.code != KILLED:
        return False
    with tally.case(f"{plan.does} at {plan.at}"):
        stage.carry_on(told)
    return True
