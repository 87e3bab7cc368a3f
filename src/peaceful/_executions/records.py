"""Records of executions, and the changes that they allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import asdict, replace

from peaceful._errors.json import ErrorJson
from peaceful._errors.running import AlreadyEnded
from peaceful._model.document import ItemAside, KeptDocument, OutcomeDocument
from peaceful._model.event import ExecutionEnded, InterruptRequested, ItemEnded
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.field_types import ExecutionId, ItemId, Moment
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after
from peaceful._model.snapshot import Snapshot


class Machine(msgspec.Struct, frozen=True):
    """A running system, as far as one process of it can tell it from others.

    Attributes:
        host: its network name.
        machine_id: stays the same when the machine starts anew; none where there is no such ID.
        boot_id: another one each time the machine starts; none where the system does not tell.
        pid_namespace: where process IDs have their meaning: containers of one machine share a boot
            but not this; none where there is no such thing.
    """

    host: str
    machine_id: str | None = None
    boot_id: str | None = None
    pid_namespace: str | None = None


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that is told from a later one with the same number.

    Attributes:
        pid: its number.
        started: when it was started, in clock ticks since the machine was; none where not known.
        machine: where it runs.
    """

    pid: int
    started: int | None
    machine: Machine


REASON_LIMIT: Final = 1000
"""How many characters of a reason are kept."""


class InterruptReceipt(msgspec.Struct, frozen=True):
    """An interrupt was accepted, now or before.

    Attributes:
        execution_id: the execution.
        level: the level that the execution is interrupted at now.
        requested_at: when an interrupt was first requested; UTC.
        changed: whether this request raised the level.
        state: `interrupting`.
    """

    execution_id: ExecutionId
    level: InterruptLevel
    requested_at: Moment
    changed: bool
    state: ExecutionState = ExecutionState.INTERRUPTING


def cut_reason(reason: str | None) -> str | None:
    """Return a reason, at most `REASON_LIMIT` characters of it."""
    return reason if reason is None else reason[:REASON_LIMIT]


class OutcomeSummary(msgspec.Struct, frozen=True):
    """How an execution ended, without its items.

    Attributes:
        outcome: the outcome in a word; none where an earlier version did not know it.
        counts: how many items ended in which way; ways that none ended in are left out.
    """

    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]


def summary_of(document: OutcomeDocument) -> OutcomeSummary:
    """Return the summary of the document of a command."""
    return OutcomeSummary(document.outcome, document.counts)


class ExecutionDocument(ExecutionInfo, frozen=True, kw_only=True):
    """An execution for people and programs, without what is of no use to them.

    Attributes:
        dry_run: whether it only shows what it would do.
        only: the items that it was limited to; empty where it was not.
        summary: its ending in a few numbers; none until then.
        outcome: the document of its ending; none until then, and in pages of the history.
    """

    dry_run: bool
    only: tuple[ItemId, ...]
    summary: OutcomeSummary | None
    outcome: OutcomeDocument | None


class ExecutionRecord(msgspec.Struct, frozen=True):
    """An execution as the register knows it.

    Attributes:
        info: who runs what, and how it stands.
        process: the process that runs it.
        dry_run: whether it only shows what it would do.
        only: the items that it was limited to; empty where it was not.
        why_not_interruptible: the reason, where `info.can_interrupt` is false.
        address: where that process listens for requests; none where it does not.
        summary: its ending in a few numbers; none until then.
        outcome: the document of its ending, as it is kept; none until then,
            and in pages of the history.
    """

    info: ExecutionInfo
    process: ProcessIdentity
    dry_run: bool = False
    only: tuple[ItemId, ...] = ()
    why_not_interruptible: str = ""
    address: str | None = None
    summary: OutcomeSummary | None = None
    outcome: KeptDocument | None = None

    @property
    def id(self) -> ExecutionId:
        """The execution's ID."""
        return self.info.id

    @property
    def state(self) -> ExecutionState:
        """How it stands."""
        return self.info.state

    @property
    def interruptible(self) -> bool:
        """Whether an interrupt makes sense now: it has not ended, and was started to allow it."""
        return self.info.can_interrupt and not self.state.ended

    def ending(self) -> ExecutionEnded | None:
        """Return the execution's last event; none where it has not ended."""
        if not self.state.ended:
            return None
        info, summary, outcome = self.info, self.summary, self.outcome
        if self.state is ExecutionState.LOST:
            kind: OutcomeKind | None = None
            error: ErrorJson | None = _LOST
        else:
            kind = OutcomeKind.ERROR if summary is None else summary.outcome or OutcomeKind.ERROR
            error = None if outcome is None else outcome.errors.get("")
        return ExecutionEnded(
            at=info.ended_at or info.started_at,
            execution_id=info.id,
            outcome=kind,
            counts={} if summary is None else summary.counts,
            interrupt=info.interrupt,
            error=error,
        )

    def snapshot(self) -> Snapshot:
        """Return how everything stood at the end of the execution, as far as that is kept."""
        info, signal = self.info, self.info.interrupt
        at = info.ended_at or info.started_at
        ended = {each.item: each for each in self._ended_items(at)}
        return Snapshot(
            execution=info,
            items=tuple(ended),
            ended=ended,
            interrupt=None if signal is None else InterruptRequested(at, signal, ()),
            ending=self.ending(),
        )

    def aside(self, item: ItemId) -> ItemAside:
        """Return what only pages show of how an item ended."""
        return _NOTHING_TOLD if self.outcome is None else self.outcome.told.get(item, _NOTHING_TOLD)

    def _ended_items(self, at: datetime) -> Iterator[ItemEnded]:
        if self.outcome is None:
            return
        errors = self.outcome.errors
        for item, each in self.outcome.items.items():
            aside = self.aside(item)
            yield ItemEnded(
                at, item, each.status, aside.shown, each.message, errors.get(item), aside.seconds
            )

    def document(self) -> ExecutionDocument:
        """Return the record for people and programs."""
        outcome = None if self.outcome is None else self.outcome.plain()
        return ExecutionDocument(
            **asdict(replace(self.info, can_interrupt=self.interruptible)),
            dry_run=self.dry_run,
            only=self.only,
            summary=self.summary,
            outcome=outcome,
        )


_NOTHING_TOLD: Final = ItemAside()

_LOST: Final = ErrorJson(
    "EXECUTION-LOST",
    "Its process ended without writing an ending: killed, or the machine went down.",
    "run the same command again: it carries on from there",
)


def interrupted(record: ExecutionRecord, signal: InterruptSignal) -> ExecutionRecord:
    """The record once an interrupt was accepted; the same where its level is not a higher one.

    Raises:
        AlreadyEnded: it has ended by now.
    """
    _refuse_ended(record)
    before = record.info.interrupt
    if before is not None and signal.level <= before.level:
        return record
    info = replace(record.info, state=ExecutionState.INTERRUPTING, interrupt=signal)
    return replace(record, info=info)


def finished(record: ExecutionRecord, document: KeptDocument) -> ExecutionRecord:
    """The record with its ending. A record found lost may still end: its executor knows better.

    Args:
        record: as it is now.
        document: how the execution ended.

    Raises:
        AlreadyEnded: an ending was written before.
    """
    if record.state is not ExecutionState.LOST:
        _refuse_ended(record)
    info = replace(
        record.info,
        state=state_after(document.outcome),
        ended_at=document.ended_at,
        interrupt=document.interrupt or record.info.interrupt,
    )
    return replace(record, info=info, summary=summary_of(document), outcome=document)


def lost(record: ExecutionRecord, at: datetime) -> ExecutionRecord:
    """The record once its process was found gone; the same where it has ended.

    Args:
        record: as it is now.
        at: when that was found; UTC.
    """
    if record.state.ended:
        return record
    return replace(record, info=replace(record.info, state=ExecutionState.LOST, ended_at=at))


def _refuse_ended(record: ExecutionRecord) -> None:
    if record.state.ended:
        raise AlreadyEnded(record.id, record.state)
