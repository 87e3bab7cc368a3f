"""Shell scripts as items, against GNU make with the same shell and the same scripts.

Each of the things has a script that looks, one that changes, and the first once more. A line of
JSON tells who did which work, in what CPU seconds of the command and its children without the start
(that is, less the same with no thing), in what seconds of the clock, and with how many megabytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

COUNT = 1_000
RUNS = 3
AT_ONCE = 16

_APP = """
from peaceful import App, Flow
from peaceful.items import ShCmd

app = App("scripts")


@app.flow("f")
def f(flow: Flow, count: int) -> None:
    for number in range(count):
        check, apply = f"test -e out_{number}", f"echo {number} > out_{number}"
        flow.add(f"item_{number}", ShCmd(check=check, apply=apply))


app.main()
"""

_HEAD = "SHELL := /bin/sh\n.SHELLFLAGS := -eu -c\nall: "

_PROBE = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)])
_, status, used = os.wait4(pid, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Cost(NamedTuple):
    """The cost of a command and its children."""

    cpu: float
    wall: float
    mb: int


def peaceful(count: int, *, again: bool = False) -> Cost:
    """Return the cost of `ensure` of so many items, or of the next one, that finds all done."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "app.py"]
        Path(folder, "app.py").write_text(_APP)
        _cost([*program, "init", "--count", str(count)], folder)
        ensure = [*program, "--max-concurrency", str(AT_ONCE), "ensure", "--progress", "none"]
        first = _cost(ensure, folder)
        return _cost(ensure, folder) if again else first


def make(count: int) -> Cost:
    """Return the cost of making so many targets, each by the scripts of an item."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"out_{number}" for number in range(count)]
        rules = [
            f"{name}:\n\t@-test -e {name}\n\t@echo {number} > {name}\n\t@test -e {name}\n"
            for number, name in enumerate(names)
        ]
        Path(folder, "Makefile").write_text(f"{_HEAD}{' '.join(names)}\n{''.join(rules)}")
        return _cost(["make", f"-j{AT_ONCE}"], folder)


def _cost(command: Sequence[str], folder: str) -> Cost:
    began = time.perf_counter()
    probe = [sys.executable, "-S", "-c", _PROBE, *command]
    ran = subprocess.run(probe, cwd=folder, stdout=subprocess.PIPE, check=True)
    cpu, mb = ran.stdout.split()
    return Cost(float(cpu), time.perf_counter() - began, int(mb))


def main() -> None:
    """Print the least cost of some runs, by turns."""
    os.environ.pop("MAKEFLAGS", None)
    workers = {
        "peaceful": peaceful,
        "peaceful again": lambda count: peaceful(count, again=True),
        "make": make,
    }
    costs: dict[str, list[Cost]] = {who: [] for who in workers}
    for _ in range(RUNS):
        for who, work in workers.items():
            start, whole = work(0), work(COUNT)
            costs[who].append(Cost(whole.cpu - start.cpu, whole.wall, whole.mb))
    for who, each in costs.items():
        least = Cost(*map(min, zip(*each, strict=True)))
        line = {"work": f"{COUNT} shell items", "who": who, **least._asdict()}
        print(
            json.dumps({key: round(v, 2) if isinstance(v, float) else v for key, v in line.items()})
        )


if __name__ == "__main__":
    main()
