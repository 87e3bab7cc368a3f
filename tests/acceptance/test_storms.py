"""Storms of signals at random moments: whatever comes, the rule of the safe stop holds."""

from __future__ import annotations

from random import Random

import pytest
from interrupted_rounds import Rounds, Trouble
from random_signals import stormed
from shell import Ended, Running
from slow_files_shell import SlowFiles

ITEMS = 12
EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def check(ended: Ended, finishes: bool) -> None:
    """Holds an ending to the rule.

    Args:
        ended: how a program ended that signals were sent to.
        finishes: whether items in progress finish, being without safe points.
    """
    document = ended.document
    interrupt = document["interrupt"]
    if document["outcome"] == "complete":
        # A Ctrl-C reaches whatever runs the program all the same.
        pressed = interrupt is not None and interrupt["source"] == "SIGINT"
        assert ended.code in ({130} if pressed else {0, 130}), "the signal came too late"
        return
    assert document["outcome"] in {"block_interrupted", "execution_interrupted"}
    assert ended.code == EXIT_CODES[interrupt["source"]]
    requests = ended.told("interrupt_requested")
    if requests:
        after = ended.events[ended.events.index(requests[0]) :]
        assert not [event for event in after if event["event"] == "item_started"]
        levels = [request["signal"]["level"] for request in requests]
        assert levels == ["stop", "cancel", "kill"][: len(levels)]
        if finishes and levels == ["stop"]:
            statuses, asked = ended.statuses(), requests[0]
            # What is only looked at then may be left as it is.
            changing = {*asked["in_progress"]} - {*asked["looking"]}
            assert {statuses[item] for item in changing} <= {"done", "unchanged"}


def leaving_nothing(trouble: Trouble) -> Trouble:
    """The same trouble, after which no process may be left, at any level."""

    def checked(running: Running) -> Ended:
        ended = trouble(running)
        assert not running.processes()
        return ended

    return checked


def stormed_and_carried_on(slow: SlowFiles, seed: int, storms: int) -> None:
    """Sends storms of signals to commands, each carrying on where the last was interrupted."""
    random = Random(seed)
    seconds = random.choice((0.02, 0.05, 0.1))
    more = random.choice(([], ["--chunks", "3"], ["--child"]))
    slow.init(ITEMS, seconds, *more, layers=random.choice((1, 3, ITEMS)))
    rounds = Rounds(slow)
    for _ in range(storms):
        check(rounds.one(leaving_nothing(stormed(random))), finishes="--chunks" not in more)
    rounds.carry_on(ITEMS)


@pytest.mark.parametrize("seed", range(3))
def test_storms(slow: SlowFiles, seed: int) -> None:
    """Up to fifty signals of mixed kinds, at any moment, do what one does; and it carries on."""
    stormed_and_carried_on(slow, seed, 5)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_many_storms(slow: SlowFiles, seed: int) -> None:
    """A thousand storms of signals lose nothing and leave nothing behind."""
    stormed_and_carried_on(slow, seed, 10)
