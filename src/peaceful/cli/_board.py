"""What the picture of a running execution is made from: how it stands, as far as it is shown."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime

import msgspec

from peaceful.model import (
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemStatus,
    Progress,
    Snapshot,
)
from peaceful.present import display_width

KEPT = 60
"""How many of the last endings are kept: more than a terminal shows."""

_MEASURED = 1000
"""How many names are measured for the width of their column; a wider one further on is cut."""


class Running(msgspec.Struct, frozen=True):
    """An item in progress.

    Attributes:
        since: UTC.
        progress: how far it is, or none where it said nothing yet.
    """

    since: datetime
    progress: Progress | None = None


class Board:
    """How an execution stands, with what a picture needs besides.

    Attributes:
        block: the newest block that has items, or empty.
        block_since: when it began; none before.
        name_width: the columns of the widest of their names.
        counts: how many of them ended in which way.
        ended: their last endings, newest last; failures are kept longest.
        pressed: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.block: str = ""
        self.block_since: datetime | None = None
        self.name_width: int = 0
        self.counts: Counter[ItemStatus] = Counter()
        self.ended: deque[ItemEnded] = deque()
        self.pressed: bool = False
        self._snapshot = Snapshot()

    @property
    def execution(self) -> ExecutionInfo | None:
        """What is known of the execution, or none before it starts."""
        return self._snapshot.execution

    @property
    def interrupt(self) -> InterruptRequested | None:
        """The newest interrupt, or none."""
        return self._snapshot.interrupt

    @property
    def ending(self) -> ExecutionEnded | None:
        """The last event, once it is there."""
        return self._snapshot.ending

    @property
    def total(self) -> int:
        """How many items the block goes through."""
        return len(self._snapshot.block_items)

    @property
    def running(self) -> Mapping[ItemId, Running]:
        """The items in progress; none once the execution has ended."""
        now = self._snapshot
        if now.ending is not None:
            return {}
        return {item: Running(now.since[item], each) for item, each in now.running.items()}

    @property
    def ended_count(self) -> int:
        """How many items of the block have ended."""
        return self.counts.total()

    @property
    def waiting(self) -> int:
        """How many items of the block have not started."""
        return max(0, self.total - self.ended_count - len(self.running))

    def add(self, event: Event) -> None:
        """Takes an event in, at constant cost."""
        self._snapshot.add(event)
        match event:
            case ItemEnded(status=status):
                self.counts[status] += 1
                self._keep(event)
            case BlockStarted(items=[_, *_]):
                self._begin(event)
            case _:
                pass

    def _begin(self, started: BlockStarted) -> None:
        self.block, self.block_since = started.block, started.at
        self.name_width = max(display_width(item) for item in started.items[:_MEASURED])
        self.counts.clear()
        self.ended.clear()

    def _keep(self, ending: ItemEnded) -> None:
        if len(self.ended) == KEPT:
            oldest_fine = next(
                (each for each in self.ended if each.status is not ItemStatus.FAILED), self.ended[0]
            )
            self.ended.remove(oldest_fine)
        self.ended.append(ending)
