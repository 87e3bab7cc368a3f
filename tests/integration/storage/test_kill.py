"""Killed at any instant, a process loses no state, and leaves none that passes for newer."""

from __future__ import annotations

import os
import random
import selectors
import subprocess
import sys
import time
from pathlib import Path

import pytest

from peaceful._storage.states_file import StatesFile
from peaceful._storage.workspace import states_file_name
from peaceful.commands import StateKind, YamlStateStore

WORKER = Path(__file__).with_name("states_worker.py")
AT_ONCE = 3
"""How many items the worker has in progress at a time."""


def _values(text: str) -> dict[str, int]:
    """The last value of each item; a line that was cut is none."""
    lines = text.splitlines(keepends=True)
    pairs = (line.split() for line in lines if line.endswith("\n"))
    return {item: int(value) for item, value in pairs}


def _killed_after(seconds: float, folder: Path, environment: dict[str, str]) -> dict[str, int]:
    """Lets the worker work for a while, and kills it; returns what it said was durable."""
    said = b""
    with (
        subprocess.Popen(
            [sys.executable, WORKER, folder], stdout=subprocess.PIPE, env=environment
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout is not None
        output = process.stdout.fileno()
        selector.register(output, selectors.EVENT_READ)
        said += os.read(output, 65536)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if selector.select(left):
                said += os.read(output, 65536)
        process.kill()
        said += process.stdout.read()
    return _values(said.decode())


def _check(folder: Path, durable: dict[str, int]) -> None:
    """What was said to be durable is stored, and what is stored is what is, or is in doubt.

    Nothing looks as if a person had changed it.
    """
    world = _values((folder / "world").read_text())
    states = YamlStateStore(folder / "flow").load(StateKind.CURRENT)
    file = folder / "flow" / states_file_name(StateKind.CURRENT)
    assert not StatesFile(file, StateKind.CURRENT).take_over()
    for item, value in durable.items():
        assert isinstance(stored := states[item].state, int)
        assert stored >= value
    doubtful = {item for item, state in states.items() if state.in_progress_since is not None}
    assert len(doubtful) <= AT_ONCE
    for item, value in world.items():
        assert item in doubtful or states[item].state == value


def _kill_and_carry_on(times: int, seed: int, folder: Path, environment: dict[str, str]) -> None:
    """Kills the worker again and again on the same folder, which nobody mends in between."""
    chance = random.Random(seed)
    for _ in range(times):
        durable = _killed_after(chance.uniform(0, 0.15), folder, environment)
        assert durable
        _check(folder, durable)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_instants(
    tmp_path: Path, unmeasured_environment: dict[str, str], seed: int
) -> None:
    """Thirty kills at random instants lose nothing that was durable, and need no mending."""
    _kill_and_carry_on(10, seed, tmp_path, unmeasured_environment)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_a_thousand_times(tmp_path: Path, unmeasured_environment: dict[str, str]) -> None:
    """A thousand kills lose nothing either."""
    _kill_and_carry_on(1000, 4, tmp_path, unmeasured_environment)
