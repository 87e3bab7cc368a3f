"""What a person waits for before anything happens."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks._table import median_of, print_table


def _seconds(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begun


def bench_help() -> None:
    """Seconds for `--help`, beside Python doing nothing."""
    program = str(Path(sys.executable).with_name("slow_files"))
    python = median_of(lambda: _seconds(sys.executable, "-c", "pass"), 7)
    shown = median_of(lambda: _seconds(program, "--help"), 7)
    rows = [["python -c pass", f"{python:.3f}"], ["slow_files --help", f"{shown:.3f}"]]
    print_table("Start", ["", "seconds"], rows)
