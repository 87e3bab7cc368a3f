"""What reading and writing ten thousand states costs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._table import print_table

from peaceful.commands import StateKind, StoredState, YamlStateStore

COUNT = 10_000


def _state(number: int) -> StoredState:
    return StoredState(
        kind="bench.Nothing",
        version=1,
        state={"path": f"/srv/app/{number}", "size": number, "present": True},
        params={"path": f"/srv/app/{number}"},
        at=datetime.now(UTC),
    )


async def _written(store: YamlStateStore, numbers: range) -> float:
    names = [f"item_{number}" for number in range(COUNT)]
    begun = time.perf_counter()
    writer = store.open("bench", names, applies=True)
    waits = [writer.record(f"item_{number}", current=_state(number)) for number in numbers]
    await asyncio.gather(*waits)
    await writer.close()
    return time.perf_counter() - begun


def _read(folder: Path) -> float:
    begun = time.perf_counter()
    assert len(YamlStateStore(folder).load(StateKind.CURRENT)) == COUNT
    return time.perf_counter() - begun


def bench_states() -> None:
    """Seconds for states_current.yaml: from nothing, without its cache, and with little changed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = YamlStateStore(folder)
        all_written = asyncio.run(_written(store, range(COUNT)))
        warm = _read(folder)
        for cache in folder.glob(".*cache*"):
            cache.unlink()
        cold = _read(folder)
        one_written = asyncio.run(_written(store, range(1)))
    rows = [
        ["write all", f"{all_written:.2f}"],
        ["read, nothing changed", f"{warm:.2f}"],
        ["read, from YAML alone", f"{cold:.2f}"],
        ["write one of them", f"{one_written:.2f}"],
    ]
    print_table(f"{COUNT:,} states", ["", "seconds"], rows)
