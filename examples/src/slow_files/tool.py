"""The flow of `slow_files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from peaceful import App

if TYPE_CHECKING:
    from peaceful import Flow

app = App("slow_files", help="Writes files, slowly: the practice ground for interruption.")


@app.flow("slow_files")
def slow_files(
    flow: Flow,
    dest: Path,
    items: Annotated[int, Ge(0), Le(1_000_000)] = 40,
    seconds: Annotated[float, Ge(0), Le(86_400)] = 0.5,
    layers: Annotated[int, Ge(1)] = 4,
    chunks: Annotated[int, Ge(1)] = 1,
    child: bool = False,
) -> None:
    """Writes a number of files; each waits for one of the layer before it.

    Args:
        flow: takes the items.
        dest: the folder of the files.
        items: how many files.
        seconds: how long each takes.
        layers: how many files wait for each other, one after the other.
        chunks: in how many parts each is worked at, with a safe point between.
        child: whether the time is spent in a child process, which itself starts one.
    """
    from slow_files.item import SlowFile

    wide = -(-items // layers)
    digits = len(str(items))
    names = [f"file_{number:0{digits}}" for number in range(1, items + 1)]
    for number, name in enumerate(names):
        file = SlowFile(
            path=dest / f"{name}.txt", content=name, seconds=seconds, chunks=chunks, child=child
        )
        flow.add(name, file)
        if number >= wide:
            flow.edge(names[number - wide], name)
