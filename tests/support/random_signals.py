"""What may befall a program at a random moment: `kill -9`, and storms of signals."""

from __future__ import annotations

import signal
from random import Random
from typing import Final

from interrupted_rounds import Trouble
from processes import eventually, handles
from shell import Ended, Running

_LONGEST: Final = 1.0
"""Seconds from the start of a program until trouble comes, at most, where no event decides."""
_MOST_EVENTS: Final = 90
"""How many events a program tells before trouble comes, at most, where events decide."""
_STORM: Final = (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def killed(random: Random) -> Trouble:
    """A `kill -9` at a random moment."""

    def trouble(running: Running) -> Ended:
        _wait(running, random)
        return running.kill()

    return trouble


def stormed(random: Random, most: int = 50) -> Trouble:
    """A storm of process signals, beginning at a random moment after the program heeds them.

    Args:
        random: decides when, which and how many.
        most: how many there are at most.
    """

    def trouble(running: Running) -> Ended:
        # While Python itself starts, signals are its own affair. A program with nothing to do may
        # have come and gone before anybody looked.
        assert eventually(lambda: handles(running.pid, signal.SIGHUP) or not running.runs_for(0))
        _wait(running, random)
        pause = random.choice((0, 0.01, 0.7))
        for _ in range(random.randint(1, 3 if pause > 0.5 else most)):
            running.send(random.choice(_STORM))
            if not running.runs_for(random.uniform(0, pause)):
                break
        return running.end()

    return trouble


def _wait(running: Running, random: Random) -> None:
    if random.random() < 0.3:
        running.runs_for(random.uniform(0, _LONGEST))
    else:
        running.until_told(random.randint(1, _MOST_EVENTS))
        running.runs_for(random.choice((0, random.uniform(0, 0.02))))
