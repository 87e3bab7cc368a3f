"""What a program costs: its processor time, and its memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What was in memory of the process that starts a program counts as the program's own, so a small
# one starts it.
_MEASURE = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
cost = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)
print(*cost, file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program cost.

    Attributes:
        seconds: of processor time.
        megabytes: of memory, at most.
        exit_code: its exit code.
    """

    seconds: float
    megabytes: float
    exit_code: int


def cost_of(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a program in a folder, without input, and return what it cost."""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURE, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    seconds, megabytes, exit_code = ended.stderr.splitlines()[-1].split()
    return Cost(float(seconds), float(megabytes), int(exit_code))
