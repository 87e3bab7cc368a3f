"""Many items: everything works as with a few; time and memory grow with their number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from measured_program import Cost, cost_of
from shell import Loaded, Shell
from slow_files_shell import SlowFiles

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory: what a disk takes to sync them says nothing of the program."""

COMMANDS = ("ensure", "ensure", "discover", "status", "diff", "clean")


@pytest.fixture
def slow(unmeasured_environment: dict[str, str], loaded: Loaded) -> Iterator[SlowFiles]:
    """Slow files in memory, where there is such a place."""
    with (
        TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder,
        closing(Shell(Path(folder, "work"), unmeasured_environment)) as shell,
    ):
        yield SlowFiles(shell, Path(folder, "dest"), loaded)


def test_thousand(slow: SlowFiles) -> None:
    """A thousand items are ensured, shown, compared and cleaned up; the outcome stays short."""
    slow.init(1000, 0, layers=10)
    done = slow.run("ensure").out
    assert len(done.splitlines()) <= 12
    assert "1,000" in done
    assert len(slow.files()) == 1000
    assert set(slow.statuses("ensure").values()) == {"unchanged"}
    assert len(slow.json("status")["states"]) == 1000
    assert len(slow.json("diff")["diffs"]) == 1000
    assert len(slow.run("clean").out.splitlines()) <= 12
    assert not slow.files()


def costs(slow: SlowFiles, items: int) -> Iterator[Cost]:
    """What each of the commands costs, in order."""
    slow.init(items, 0, layers=10)
    for command in COMMANDS:
        words = ["slow_files", command, "--progress", "none", "--format", "none"]
        cost = cost_of(words, slow.shell.folder, slow.shell.environment)
        assert cost.exit_code == 0
        yield cost


@pytest.mark.soak
def test_ten_thousand(slow: SlowFiles, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten thousand items cost about ten times what a thousand cost, and hardly more memory."""
    few, many = list(costs(slow, 1000)), list(costs(slow, 10_000))
    start = min(cost.seconds for cost in few) / 2
    with capsys.disabled():
        for command, cost in zip(COMMANDS, many, strict=True):
            print(f"\n  {command:9} {cost.seconds:5.1f} s  {cost.megabytes:4.0f} MB", end="")  # noqa: T201 - figures for a reader
    for before, after in zip(few, many, strict=True):
        assert after.seconds < start + 15 * (before.seconds - start) + 1
        assert after.megabytes < 256
