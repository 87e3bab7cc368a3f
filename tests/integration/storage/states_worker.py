"""Works on items in a loop until it is killed. Run by `test_kill.py`.

What it does to an item is to write the item's new value into the file `world`; what it stores is
that value. It says `item value` once the value is durable.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from peaceful.commands import StateKind, StateWriter, StoredState, YamlStateStore

ITEMS = [f"item_{number}" for number in range(12)]


async def main(folder: Path) -> None:
    """Works until killed."""
    (folder / "flow").mkdir(exist_ok=True)
    store = YamlStateStore(folder / "flow")
    world = os.open(folder / "world", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    slots = asyncio.Semaphore(3)

    async def work(writer: StateWriter, item: str, value: int) -> None:
        async with slots:
            await writer.started(item, datetime.now(UTC))
            os.write(world, f"{item} {value}\n".encode())
            await asyncio.sleep(0)
            at = datetime.now(UTC)
            await writer.record(item, current=StoredState("Item", 1, value, None, at))
            os.write(1, f"{item} {value}\n".encode())

    stored = [state.state for state in store.load(StateKind.CURRENT).values()]
    for value in count(1 + max((each for each in stored if isinstance(each, int)), default=0)):
        writer = store.open(f"execution {value}", ITEMS, applies=True)
        await asyncio.gather(*(work(writer, item, value) for item in ITEMS))
        await writer.close()


asyncio.run(main(Path(sys.argv[1])))
