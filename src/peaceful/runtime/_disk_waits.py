"""Items that have done their work, and wait for its record to be on disk."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class DiskWaits(msgspec.Struct):
    """Counts the items of a block that only wait for the disk. Used as a context manager by each.

    While they wait, the pass over the items may start others: else the loop would idle through
    every sync.

    Attributes:
        count: how many wait now.
        on_wait: told when one more does; whoever goes through the items sets it.
    """

    count: int = 0
    on_wait: Callable[[], object] | None = None

    def __enter__(self) -> None:
        self.count += 1
        if self.on_wait is not None:
            self.on_wait()

    def __exit__(self, *_: object) -> None:
        self.count -= 1
