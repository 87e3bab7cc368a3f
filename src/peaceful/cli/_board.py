"""What the picture of a running execution is made from: its events, as far as they are shown."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime

from peaceful.model import (
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemId,
    ItemProgressed,
    ItemStarted,
    ItemStatus,
    Progress,
)
from peaceful.present import display_width

KEPT = 60
"""How many of the last endings are kept: more than a terminal shows."""

_MEASURED = 1000
"""How many names are measured for the width of their column; a wider one further on is cut."""


@dataclass(slots=True)
class Running:
    """An item in progress.

    Attributes:
        since: UTC.
        progress: how far it is, or none where it said nothing yet.
    """

    since: datetime
    progress: Progress | None = None


@dataclass(slots=True)
class Board:
    """How an execution stands, at constant cost for each event.

    Attributes:
        execution: what is known of it, or none before it starts.
        block: the block that is processed, or empty.
        total: how many items the block goes through.
        name_width: the columns of the widest of their names.
        running: the items in progress.
        counts: how many items of the block ended in which way.
        ended: the last endings, newest last; failures are kept longest.
        interrupt: the newest interrupt, or none.
        ending: the last event, once it is there.
        pressed: whether Ctrl-C was pressed.
    """

    execution: ExecutionInfo | None = None
    block: str = ""
    block_since: datetime | None = None
    total: int = 0
    name_width: int = 0
    running: dict[ItemId, Running] = field(default_factory=dict)
    counts: Counter[ItemStatus] = field(default_factory=Counter)
    ended: deque[ItemEnded] = field(default_factory=deque)
    interrupt: InterruptRequested | None = None
    ending: ExecutionEnded | None = None
    pressed: bool = False

    @property
    def ended_count(self) -> int:
        """How many items of the block have ended."""
        return self.counts.total()

    @property
    def waiting(self) -> int:
        """How many items of the block have not started."""
        return max(0, self.total - self.ended_count - len(self.running))

    def add(self, event: Event) -> None:
        """Takes an event in."""
        match event:
            case ItemProgressed(item=item, progress=progress) if item in self.running:
                self.running[item].progress = progress
            case ItemStarted(item=item, at=at):
                self.running[item] = Running(at)
            case ItemEnded(item=item, status=status):
                self.running.pop(item, None)
                self.counts[status] += 1
                self._keep(event)
            case BlockStarted(items=[_, *_]):
                self._begin(event)
            case ExecutionStarted(execution=execution):
                self.execution = execution
            case InterruptRequested():
                self.interrupt = event
            case ExecutionEnded():
                self.ending = event
                self.running.clear()
            case _:
                pass

    def _begin(self, started: BlockStarted) -> None:
        self.block, self.block_since = started.block, started.at
        self.total = len(started.items)
        self.name_width = max(display_width(item) for item in started.items[:_MEASURED])
        self.running.clear()
        self.counts.clear()
        self.ended.clear()

    def _keep(self, ending: ItemEnded) -> None:
        if len(self.ended) == KEPT:
            oldest_fine = next(
                (each for each in self.ended if each.status is not ItemStatus.FAILED), self.ended[0]
            )
            self.ended.remove(oldest_fine)
        self.ended.append(ending)
