"""`kill -9` at random moments: nothing is lost, nothing needs a hand, and what was done stays."""

from __future__ import annotations

from random import Random

import pytest
from interrupted_rounds import Rounds
from processes import eventually
from random_signals import killed
from slow_files_shell import SlowFiles

ITEMS = 12


def killed_and_carried_on(slow: SlowFiles, seed: int, kills: int) -> None:
    """Kills commands that often, each carrying on where the one before was killed."""
    random = Random(seed)
    seconds = random.choice((0, 0.02, 0.05))
    more = random.choice(([], ["--chunks", "3"], ["--child"]))
    slow.init(ITEMS, seconds, *more, layers=random.choice((1, 3, ITEMS)))
    rounds = Rounds(slow)
    for _ in range(kills):
        rounds.one(killed(random), discovering=random.random() < 0.15)
    stored = rounds.stored()
    status = slow.json("status")
    for item, shown in status["states"].items():
        assert shown == (stored[item].state if item in stored else None)
    in_doubt = {item for item, each in stored.items() if each.in_progress_since is not None}
    assert set(status["in_progress_since"]) == in_doubt

    rounds.carry_on(ITEMS)
    executions = slow.json("executions", "list", "--limit", "1000")["executions"]
    found = {each["id"]: each["state"] for each in executions}
    assert rounds.started <= found.keys()
    assert {found[each] for each in rounds.ended} == {"complete"}
    # Of those that told nothing of their end, some had written it down.
    assert {found[each] for each in found.keys() - rounds.ended.keys()} <= {"lost", "complete"}


@pytest.mark.parametrize("seed", range(5))
def test_kills(slow: SlowFiles, seed: int) -> None:
    """Killed ten times in a row, it carries on each time as if nothing had been."""
    killed_and_carried_on(slow, seed, 10)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_many_kills(slow: SlowFiles, seed: int) -> None:
    """Killed a thousand times, it carries on each time as if nothing had been."""
    killed_and_carried_on(slow, seed, 10)


def test_surviving_children(slow: SlowFiles) -> None:
    """Child processes that survived are found and named by the next commands, and left alone."""
    slow.init(2, 60, "--child", layers=1)
    running = slow.start("ensure")
    assert eventually(lambda: len(running.processes()) == 1 + 2 * 2)
    execution = running.until("execution_started")["execution"]["id"]
    running.kill()
    survivors = set(running.processes())
    assert len(survivors) == 4

    shown = slow.run("executions", "show", execution).out
    assert "killed" in shown
    assert all(str(pid) in shown for pid in survivors)
    listed = slow.json("executions", "list")["executions"]
    assert [(each["id"], each["state"]) for each in listed] == [(execution, "lost")]
    assert set(slow.json("status")["in_progress_since"]) == {"file_1", "file_2"}

    slow.init(2, 0)
    ended = slow.start("ensure").end(expect=0)
    (notice,) = [event["text"] for event in ended.told("output")]
    assert notice.startswith(f"Execution {execution} was killed; 4 child processes of it still run")
    assert all(f"pid {pid}" in notice for pid in survivors)
    assert set(running.processes()) == survivors
    assert set(ended.statuses().values()) == {"done"}
