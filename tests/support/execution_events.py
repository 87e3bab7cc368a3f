"""Executions that never ran, told by their events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from peaceful import ItemStatus
from peaceful._model.execution import StartedBy
from peaceful.commands import (
    BlockStarted,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
)
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

START = datetime(2025, 3, 9, 14, 2, 11, tzinfo=UTC)


class Tale:
    """Makes the events of an execution; times are seconds since its start."""

    info = ExecutionInfo(
        id="0193a5c2-7c1b-7000-8000-000000000001",
        app="envman",
        profile="internal_dev_a",
        flow="deploy",
        command="ensure",
        started_by=StartedBy("root", "host", 4711, "terminal"),
        started_at=START,
    )

    def at(self, seconds: float) -> datetime:
        """A moment."""
        return START + timedelta(seconds=seconds)

    def started(self, *items: str) -> ExecutionStarted:
        """The execution begins."""
        return ExecutionStarted(START, self.info, items, {})

    def block(self, name: str, *items: str, at: float = 0) -> BlockStarted:
        """A block begins."""
        return BlockStarted(self.at(at), name, items)

    def begins(self, item: str, at: float = 0) -> ItemStarted:
        """An item begins."""
        return ItemStarted(self.at(at), item)

    def moves(self, item: str, progress: Progress, at: float = 0) -> ItemProgressed:
        """An item tells how far it is."""
        return ItemProgressed(self.at(at), item, progress)

    def ends(
        self,
        item: str,
        status: ItemStatus = ItemStatus.DONE,
        message: str = "",
        *,
        shown: str = "",
        at: float = 0,
        seconds: float = 0.8,
    ) -> ItemEnded:
        """An item ends."""
        return ItemEnded(self.at(at), item, status, shown, message, None, seconds)

    def interrupted(
        self,
        *in_progress: str,
        level: InterruptLevel = InterruptLevel.STOP,
        source: InterruptSource = InterruptSource.SIGINT,
        reason: str | None = None,
        at: float = 0,
    ) -> InterruptRequested:
        """An interrupt is accepted."""
        signal = InterruptSignal(level, source, self.at(at), reason)
        return InterruptRequested(self.at(at), signal, in_progress)

    def over(
        self,
        kind: OutcomeKind = OutcomeKind.COMPLETE,
        interrupt: InterruptSignal | None = None,
        at: float = 4.2,
    ) -> ExecutionEnded:
        """The execution ends."""
        return ExecutionEnded(self.at(at), self.info.id, kind, {}, interrupt)
