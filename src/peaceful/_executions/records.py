"""Records of executions, the changes that they allow, and the port to where they are stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, Protocol

import msgspec
from msgspec.structs import asdict, replace

from peaceful._errors.json import ErrorJson
from peaceful._errors.running import AlreadyEnded, ExecutionUnknown
from peaceful._model.codec import ExecutionId, FlowId, ItemId, Moment, ProfileName
from peaceful._model.document import ItemAside, KeptDocument, OutcomeDocument
from peaceful._model.events import ExecutionEnded, InterruptRequested, ItemEnded, Snapshot
from peaceful._model.execution import (
    OF_PLAN,
    Approval,
    Asked,
    ExecutionInfo,
    ExecutionState,
    Selection,
)
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after

REASON_LIMIT: Final = 1000
"""Length of a reason in characters, above which it is cut."""

_NO_ASIDE: Final = ItemAside()

_LOST: Final = ErrorJson(
    "EXECUTION-LOST",
    "Its process ended without writing an ending: killed, or the machine went down.",
    "run the same command again: it carries on from there",
)

CANDIDATES: Final = 10
"""How many IDs an error lists if several begin alike."""

KEPT: Final = 1000
"""How many executions of a profile are kept by default; older ones that ended are deleted."""


class Machine(msgspec.Struct, frozen=True):
    """A running system, as far as one of its processes can identify it.

    Attributes:
        machine_id: the same after a restart of the machine; None if there is no such ID.
        boot_id: changes each time the machine starts; None if unknown.
        pid_namespace: the scope of PIDs: containers of one machine share a boot, not this.
    """

    host: str
    machine_id: str | None = None
    boot_id: str | None = None
    pid_namespace: str | None = None


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process, known by its PID and its start in clock ticks since that of the machine."""

    pid: int
    started: int | None
    machine: Machine


class InterruptReceipt(msgspec.Struct, frozen=True):
    """The answer to an interrupt accepted now or before; `changed`: it raised the level."""

    execution_id: ExecutionId
    level: InterruptLevel
    requested_at: Moment
    changed: bool
    state: ExecutionState = ExecutionState.INTERRUPTING


def cut_reason(reason: str | None) -> str | None:
    return reason if reason is None else reason[:REASON_LIMIT]


class OutcomeSummary(msgspec.Struct, frozen=True):
    """How an execution ended, without its items.

    Attributes:
        outcome: the outcome in a word; null if this version does not know the word.
        counts: how many items ended in which way; ways that none ended in are left out.
    """

    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]


class ExecutionDocument(ExecutionInfo, frozen=True, kw_only=True):
    """An execution for people and programs, without internals.

    Attributes:
        only: the items that it was limited to; empty for all.
        selection: how they were chosen.
        summary: the outcome in numbers; null until the ending.
        outcome: the outcome document; null until the ending, and in pages of the history.
    """

    only: tuple[ItemId, ...]
    selection: Selection
    summary: OutcomeSummary | None
    outcome: OutcomeDocument | None


class ExecutionRecord(msgspec.Struct, frozen=True):
    """An execution in the register.

    Attributes:
        only: the items that it was limited to; empty for all.
        asked: how they were chosen, if not by their names, and which plan it is held to.
        address: where its process listens for requests; None if it does not.
        summary: the outcome in numbers; None until the ending.
        outcome: the outcome document; None until the ending, and in pages of the history.
    """

    info: ExecutionInfo
    process: ProcessIdentity
    only: tuple[ItemId, ...] = ()
    address: str | None = None
    summary: OutcomeSummary | None = None
    outcome: KeptDocument | None = None
    asked: Asked = Asked()

    @property
    def chosen(self) -> Selection:
        """How the items that it was limited to were chosen."""
        return self.asked.selection or Selection(only=self.only)

    @property
    def id(self) -> ExecutionId:
        return self.info.id

    @property
    def state(self) -> ExecutionState:
        return self.info.state

    @property
    def plan_approval(self) -> Approval | None:
        """What somebody has said about the plan that it has made; None if nobody has."""
        answers = () if self.outcome is None else self.outcome.approvals
        return next((each for each in answers if each.function == OF_PLAN), None)

    @property
    def interruptible(self) -> bool:
        """Whether it has not ended, and was started so that it can be interrupted."""
        return self.info.can_interrupt and not self.state.ended

    def ending(self) -> ExecutionEnded | None:
        """Return the execution's last event; None if it has not ended."""
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
        """Return the snapshot of the execution's end, as far as that is kept."""
        info, signal = self.info, self.info.interrupt
        at = info.ended_at or info.started_at
        ended: dict[ItemId, ItemEnded] = {}
        if self.outcome is not None:
            errors = self.outcome.errors
            for item, each in self.outcome.items.items():
                aside, error = self.aside(item), errors.get(item)
                ended[item] = ItemEnded(
                    at, item, each.status, aside.shown, each.message, error, aside.seconds
                )
        return Snapshot(
            execution=info,
            items=tuple(ended),
            ended=ended,
            interrupt=None if signal is None else InterruptRequested(at, signal, ()),
            warnings=() if self.outcome is None else self.outcome.warnings,
            approvals=() if self.outcome is None else self.outcome.approvals,
            ending=self.ending(),
        )

    def aside(self, item: ItemId) -> ItemAside:
        """Return what only pages show of how an item ended."""
        return _NO_ASIDE if self.outcome is None else self.outcome.told.get(item, _NO_ASIDE)

    def document(self) -> ExecutionDocument:
        """Return the record for people and programs."""
        outcome = None if self.outcome is None else self.outcome.plain()
        return ExecutionDocument(
            **asdict(replace(self.info, can_interrupt=self.interruptible)),
            only=self.only,
            selection=self.chosen,
            summary=self.summary,
            outcome=outcome,
        )


def mark_interrupted(record: ExecutionRecord, signal: InterruptSignal) -> ExecutionRecord:
    """Return the record with an interrupt of a higher level, or raise `AlreadyEnded`."""
    _refuse_ended(record)
    before = record.info.interrupt
    if before is not None and signal.level <= before.level:
        return record
    info = replace(record.info, state=ExecutionState.INTERRUPTING, interrupt=signal)
    return replace(record, info=info)


def mark_finished(record: ExecutionRecord, document: KeptDocument) -> ExecutionRecord:
    """Return the record with its ending, or raise `AlreadyEnded`. A lost one may still end."""
    if record.state is not ExecutionState.LOST:
        _refuse_ended(record)
    info = replace(
        record.info,
        state=state_after(document.outcome),
        ended_at=document.ended_at,
        interrupt=document.interrupt or record.info.interrupt,
    )
    summary = OutcomeSummary(document.outcome, document.counts)
    return replace(record, info=info, summary=summary, outcome=document)


def mark_approved(record: ExecutionRecord, approval: Approval) -> ExecutionRecord:
    """Return the record with the answer about its plan; unchanged if there is none to answer."""
    if record.outcome is None or record.outcome.plan is None or record.plan_approval is not None:
        return record
    outcome = replace(record.outcome, approvals=(*record.outcome.approvals, approval))
    return replace(record, outcome=outcome)


def mark_lost(record: ExecutionRecord, at: datetime) -> ExecutionRecord:
    """Return the record of an execution whose process was found gone; unchanged if it has ended."""
    if record.state.ended:
        return record
    return replace(record, info=replace(record.info, state=ExecutionState.LOST, ended_at=at))


def _refuse_ended(record: ExecutionRecord) -> None:
    if record.state.ended:
        raise AlreadyEnded(record.id, record.state)


class ExecutionFilter(msgspec.Struct, frozen=True):
    """Conditions on executions, all of which must hold; None or empty admits all."""

    profile: ProfileName | None = None
    flow: FlowId | None = None
    states: Collection[ExecutionState] = ()


class RecordPage(msgspec.Struct, frozen=True):
    """Executions, newest first, without outcome documents; `cursor` gets the next page."""

    records: tuple[ExecutionRecord, ...]
    cursor: str | None = None


def normalize_id(execution_id: str) -> str:
    """Return an ID, or a part of one, in the form of stored IDs.

    Raises `ExecutionUnknown` if none can match.
    """
    wanted = execution_id.strip().lower()
    if not wanted or not wanted.isascii():
        raise ExecutionUnknown(execution_id)
    return wanted


class ExecutionStore(Protocol):
    """A store of executions. Safe from any thread; several processes may use one.

    "Newest" is what was inserted last: a clock may be set back. Every call may wait for the disk or
    the network, and raises `StorageError` if that fails, `ExecutionUnknown` if there is no
    execution with the given ID.
    """

    def insert(self, record: ExecutionRecord) -> ExecutionRecord:
        """Insert an execution, or return the other one of its profile that has not ended.

        Decided in one step for all processes. Old executions of the profile, beyond those to be
        kept, are deleted. Raises `ValueError` if the ID exists.
        """
        ...

    def interrupting(self, execution_id: ExecutionId, signal: InterruptSignal) -> ExecutionRecord:
        """Record an accepted interrupt of a higher level, or raise `AlreadyEnded`."""
        ...

    def finish(self, execution_id: ExecutionId, document: KeptDocument) -> ExecutionRecord:
        """Record the ending, or raise `AlreadyEnded`: being found lost is none."""
        ...

    def approve(self, execution_id: ExecutionId, approval: Approval) -> ExecutionRecord:
        """Record the answer about the plan that it has made; the first one counts."""
        ...

    def mark_lost(self, execution_id: ExecutionId, at: datetime) -> ExecutionRecord:
        """Record that its process was found gone at a time (UTC).

        An execution that ended is not changed.
        """
        ...

    def get(self, execution_id: str) -> ExecutionRecord:
        """Return the execution whose ID is given, or is the only one to begin so, in any case."""
        ...

    def page(self, wanted: ExecutionFilter, *, limit: int, cursor: str | None = None) -> RecordPage:
        """Return at most `limit` executions, newest first, after `cursor` of the page before."""
        ...

    def unended(self) -> tuple[ExecutionRecord, ...]:
        """Return every execution that has not ended, newest first."""
        ...
