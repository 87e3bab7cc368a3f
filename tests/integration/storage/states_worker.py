"""Works on items in a loop until it is killed. Run by `test_kill.py`.

What it does to an item is to write the item's new value into the file `world`; what it stores is that
value. It says `item value` once the value is durable.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from peaceful.storage import StateKind, StoredState, YamlStateStore

ITEMS = [f"item_{number}" for number in range(12)]


async def main(folder: Path) -> None:
    """Works until killed."""
    store = YamlStateStore(folder / "flow")
    world = os.open(folder / "world", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    first = 1 + max(
        (int(state.state) for state in store.load(StateKind.CURRENT).values() if state.known),
        default=0,
    )
    for value in count(first):
        writer = store.open(f"execution {value}", ITEMS, applies=True)
        slots = asyncio.Semaphore(3)

        async def work(item: str, value: int = value) -> None:
            async with slots:
                writer.started(item, datetime.now(UTC))
                os.write(world, f"{item} {value}\n".encode())
                await asyncio.sleep(0)
                at = datetime.now(UTC)
                await writer.record(item, current=StoredState("Item", 1, value, None, at))
                os.write(1, f"{item} {value}\n".encode())

        await asyncio.gather(*map(work, ITEMS))
        await writer.close()


asyncio.run(main(Path(sys.argv[1])))
