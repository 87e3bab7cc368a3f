"""What one item costs: beside a bare event loop, and beside doit, in the same run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks._flows import Nothing, Unchanged, context, edges
from benchmarks._table import median_of, print_table

from peaceful.commands import Complete, EnsureCmd

SHAPES = (("fan", 1000), ("layers", 1000), ("chain", 200))


def bare_loop(shape: str, count: int) -> float:
    """Seconds for a bare event loop that goes through the same graph."""

    async def through() -> float:
        missing = [0] * count
        after: list[list[int]] = [[] for _ in range(count)]
        for before, then in edges(shape, count):
            missing[then] += 1
            after[before].append(then)
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[None] = loop.create_future()
        left = count
        tasks: set[asyncio.Task[None]] = set()

        async def one(number: int) -> None:
            nonlocal left
            left -= 1
            for then in after[number]:
                missing[then] -= 1
                if not missing[then]:
                    start(then)
            if not left:
                finished.set_result(None)

        def start(number: int) -> None:
            task = loop.create_task(one(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        begun = time.perf_counter()
        for number in [number for number in range(count) if not missing[number]]:
            start(number)
        await finished
        return time.perf_counter() - begun

    return asyncio.run(through())


def ours(shape: str, count: int, item: Nothing, *, second: bool = False) -> float:
    """Seconds for `ensure`, durable, from the call to its outcome."""

    async def ensure(folder: Path) -> float:
        ctx = context(folder, shape, count, item)
        if second:
            await EnsureCmd.exec(ctx)
        begun = time.perf_counter()
        outcome = await EnsureCmd.exec(ctx)
        seconds = time.perf_counter() - begun
        assert isinstance(outcome, Complete)
        return seconds

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(ensure(Path(folder)))


def doit(shape: str, count: int) -> float:
    """Seconds for doit, without its start and its imports."""
    program = textwrap.dedent(
        f"""
        import sys, time
        from doit.cmd_base import ModuleTaskLoader
        from doit.doit_cmd import DoitMain
        EDGES = {edges(shape, count)!r}
        BEFORE = {{}}
        for before, then in EDGES:
            BEFORE.setdefault(then, []).append(f"item:{{before}}")
        def task_item():
            for number in range({count}):
                yield {{"name": str(number), "actions": [lambda: True],
                        "task_dep": BEFORE.get(number, [])}}
        DOIT_CONFIG = {{"verbosity": 0}}
        main = DoitMain(ModuleTaskLoader({{"task_item": task_item, "DOIT_CONFIG": DOIT_CONFIG}}))
        begun = time.perf_counter()
        code = main.run(["run"])
        print(time.perf_counter() - begun)
        sys.exit(code)
        """
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "dodo.py")  # doit reads the source of its tasks
        file.write_text(program)
        ran = subprocess.run(
            [sys.executable, file.name], cwd=folder, capture_output=True, text=True, check=True
        )
    return float(ran.stdout.split()[-1])


def bench_cost_per_item() -> None:
    """Microseconds per item: everything that an item goes through, durable on disk."""
    rows = []
    for shape, count in SHAPES:
        runs: tuple[Callable[[], float], ...] = (
            partial(bare_loop, shape, count),
            partial(doit, shape, count),
            partial(ours, shape, count, Nothing()),
            partial(ours, shape, count, Unchanged(), second=True),
        )
        floor, peer, first, second = (median_of(run) / count * 1e6 for run in runs)
        rows.append(
            [
                f"{shape} {count}",
                *(f"{figure:.0f}" for figure in (floor, peer, first, second)),
                f"{first / peer:.2f}",
            ]
        )
    head = ["µs per item", "bare loop", "doit", "peaceful", "second run", "of doit"]
    print_table("Cost per item", head, rows)


def bench_constant_cost() -> None:
    """The cost of an item does not grow with their number."""
    rows = []
    for count in (100, 1000, 10_000):
        seconds = median_of(partial(ours, "fan", count, Nothing()), 1 if count > 1000 else 3)
        rows.append([f"{count}", f"{seconds / count * 1e6:.0f}"])
    print_table("Cost per item, by number of items", ["items", "µs per item"], rows)
