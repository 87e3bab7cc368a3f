"""What a person waits for before anything happens, and what memory it takes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks._table import print_table
from measured_program import cost_of

RUNS = 15

_DODO = """
def task_a():
    return {"actions": ["true"], "targets": ["a"]}


def task_b():
    return {"actions": ["true"], "task_dep": ["a"]}
"""


def _used(folder: Path, program: str, *words: str) -> tuple[float, float]:
    """CPU seconds, and the most megabytes that were in memory."""
    command = [str(Path(sys.executable).with_name(program)), *words]
    cost = cost_of(command, folder, os.environ)
    # That there is nothing to interrupt is an error, and what is measured here.
    assert cost.exit_code == 0 or words == ("interrupt",), command
    return cost.seconds, cost.megabytes


def _workspace(folder: Path, items: int) -> Path:
    size = ("--items", str(items), "--seconds", "0")
    folder.mkdir()
    _used(folder, "slow_files", "init", *size, "--dest", str(folder / "files"))
    return folder


def bench_start() -> None:
    """CPU of short commands beside `doit list`, by turns, the least of some runs; and memory."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        doit, two = root / "doit", _workspace(root / "two", 2)
        doit.mkdir()
        (doit / "dodo.py").write_text(_DODO)
        fresh = iter(range(RUNS))

        def first() -> tuple[float, float]:
            return _used(_workspace(root / f"first_{next(fresh)}", 2), "slow_files", "ensure")

        def of(*words: str) -> Callable[[], tuple[float, float]]:
            return lambda: _used(two, "slow_files", *words)

        measured = {
            "doit list": lambda: _used(doit, "doit", "list"),
            "python -c pass": lambda: _used(doit, "python", "-c", "pass"),
            "--help": of("--help"),
            "ensure, first": first,
            "ensure, again": of("ensure"),
            "status": of("status"),
            "diff": of("diff"),
            "executions list": of("executions", "list"),
            "interrupt": of("interrupt"),
        }
        runs = [{what: use() for what, use in measured.items()} for _ in range(RUNS)]
        cpu = {what: min(run[what][0] for run in runs) for what in measured}
        rows = [
            [
                what,
                f"{least * 1000:.0f}",
                f"{least / cpu['doit list']:.2f}",
                f"{max(run[what][1] for run in runs):.0f}",
            ]
            for what, least in cpu.items()
        ]
        _, memory = _used(_workspace(root / "many", 1000), "slow_files", "ensure")
        rows.append(["ensure, 1,000 items", "", "", f"{memory:.0f}"])
        print_table("Start (2 items)", ["", "CPU ms", "of doit list", "MB at most"], rows)
