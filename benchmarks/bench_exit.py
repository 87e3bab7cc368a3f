"""From the end of the last item in progress to the exit of the program, after Ctrl-C."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._table import print_table

RUNS = 21

_OURS = """
import asyncio
import time
from pathlib import Path

from peaceful import App, Flow, Item, ItemCtx, State

app = App("stopped")


class Done(State):
    done: bool | None


class Waits(Item[Done]):
    number: int

    async def state_current(self, ctx: ItemCtx) -> Done:
        return Done(done=None)

    async def state_goal(self, ctx: ItemCtx) -> Done:
        return Done(done=True)

    async def apply(self, ctx: ItemCtx, current: Done, goal: Done) -> Done:
        Path(f"started_{self.number}").touch()
        await asyncio.sleep(0.3)
        Path(f"ended_{self.number}").write_text(repr(time.time()))
        return goal


@app.flow("f")
def f(flow: Flow) -> None:
    for number in range(8):
        flow.add(f"item_{number}", Waits(number=number))


app.main()
"""

_BARE = """
import asyncio
import signal
import time
from pathlib import Path


async def waits(number, gate):
    async with gate:
        if stop.is_set():
            return
        Path(f"started_{number}").touch()
        await asyncio.sleep(0.3)
        Path(f"ended_{number}").write_text(repr(time.time()))


async def main():
    global stop
    stop, gate = asyncio.Event(), asyncio.Semaphore(4)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    await asyncio.gather(*[waits(number, gate) for number in range(8)])


asyncio.run(main())
"""


def _milliseconds_to_exit(source: str, words: tuple[str, ...]) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(source)
        program = [sys.executable, "app.py"]
        if words:
            subprocess.run([*program, "init"], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        with subprocess.Popen([*program, *words], cwd=folder, stdout=subprocess.DEVNULL) as process:
            while len(list(folder.glob("started_*"))) < 4:
                assert process.poll() is None, "it ended early"
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.wait()
            exited = time.time()
        ended = [float(file.read_text()) for file in folder.glob("ended_*")]
        assert len(ended) == 4, "what was in progress did not finish, or something began"
        return (exited - max(ended)) * 1000


def bench_exit() -> None:
    """Milliseconds beside a bare asyncio program, by turns; four of eight items are in progress."""
    programs = {
        "bare asyncio": (_BARE, ()),
        "peaceful": (_OURS, ("ensure", "--max-concurrency", "4", "--progress", "none")),
    }
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(RUNS):
        for name, (source, words) in programs.items():
            taken[name].append(_milliseconds_to_exit(source, words))
    bare = statistics.median(taken["bare asyncio"])
    rows = [
        [name, f"{(median := statistics.median(all_)):.1f}", f"{median - bare:.1f}"]
        for name, all_ in taken.items()
    ]
    print_table("From the last item's end to the exit, after Ctrl-C", ["", "ms", "more"], rows)
