"""`make demo`: what is shown in a talk does what it says, soon, and leaves nothing behind."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from keyboard import Keyboard
from processes import eventually, handles
from shell import Running, Shell

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts/demo.py"


@pytest.mark.timeout(120)
def test_demo(shell: Shell, tmp_path: Path) -> None:
    """It interrupts, resumes, compares and cleans up, in less than 90 seconds and 60 lines."""
    shell.environment["TMPDIR"] = str(tmp_path)
    left = set(tmp_path.iterdir())
    running = shell.start(sys.executable, DEMO)
    shown = running.end(expect=0, within=90).out
    assert shown.count("Interrupting (by SIGINT): ") == 1
    assert shown.count(" · interrupted after ") == 1
    assert shown.count(" · complete in ") == 2
    assert " · nothing differs" in shown
    assert [line[:3] for line in shown.splitlines()].count("  ✓") == 5
    assert "Everything did what it should" in shown
    assert len(shown.splitlines()) < 60
    assert max(len(line) for line in shown.splitlines()) < 200
    assert not running.processes()
    assert set(tmp_path.iterdir()) == left


def ready(running: Running) -> bool:
    """Whether the demonstration runs a command that heeds signals."""
    return any(
        "envman deploy" in command and handles(pid, signal.SIGHUP)
        for pid, command in running.processes().items()
    )


def test_demo_interrupted(shell: Shell, keyboard: Keyboard, tmp_path: Path) -> None:
    """Interrupted itself, the demonstration leaves nothing behind either."""
    shell.environment["TMPDIR"] = str(tmp_path)
    left = set(tmp_path.iterdir())
    running = shell.start(sys.executable, DEMO, terminal=keyboard.terminal)
    assert eventually(lambda: ready(running))
    keyboard.ctrl_c()
    ended = running.end()
    assert ended.code == 130
    assert not running.processes()
    assert set(tmp_path.iterdir()) == left
