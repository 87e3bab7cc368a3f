"""What the register holds of an execution, and the changes that it allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from peaceful.errors import AlreadyEnded
from peaceful.executions._identity import ProcessIdentity
from peaceful.executions._summary import OutcomeSummary, summary_of
from peaceful.model import (
    TOLD,
    ExecutionId,
    ExecutionInfo,
    ExecutionState,
    InterruptSignal,
    ItemId,
    JsonValue,
    to_json,
)

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON document that is an object."""

ENDINGS: Final = frozenset(
    {ExecutionState.COMPLETE, ExecutionState.INTERRUPTED, ExecutionState.FAILED}
)
"""What an executor may write as its ending; `lost` is what others find."""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """An execution as the register knows it.

    Attributes:
        info: who runs what, and how it stands.
        process: the process that runs it.
        dry_run: whether it only shows what it would do.
        only: the items that it was limited to; empty where it was not.
        why_not_interruptible: the reason, where `info.can_interrupt` is false.
        address: where that process listens for requests; none where it does not.
        summary: its ending in a few numbers; none until then.
        outcome: the JSON document of its ending, as it is kept: see `kept_document`; none until
            then, and in pages of the history.
    """

    info: ExecutionInfo
    process: ProcessIdentity
    dry_run: bool = False
    only: tuple[ItemId, ...] = ()
    why_not_interruptible: str = ""
    address: str | None = None
    summary: OutcomeSummary | None = None
    outcome: JsonObject | None = None

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

    @property
    def document(self) -> JsonObject | None:
        """The JSON document of its ending, as its command gave it; none where that is not known."""
        if self.outcome is None:
            return None
        return {name: value for name, value in self.outcome.items() if name != TOLD}

    @property
    def items(self) -> dict[str, JsonValue]:
        """By item, how it ended, with its state in words and its seconds; empty until the end."""
        outcome = self.outcome or _EMPTY
        items, told = _entries(outcome, "items"), _entries(outcome, TOLD)
        return {
            item: {**_NOTHING_TOLD, **_entries(items, item), **_entries(told, item)}
            for item in items
        }

    def to_json(self) -> dict[str, JsonValue]:
        """The record for people and programs: without the address, which is of no use to them."""
        info = to_json(self.info)
        assert isinstance(info, Mapping)
        return {
            **info,
            "can_interrupt": self.interruptible,
            "dry_run": self.dry_run,
            "only": list(self.only),
            "summary": to_json(self.summary),
            "outcome": self.document,
        }


_EMPTY: JsonObject = {}
_NOTHING_TOLD: JsonObject = {"shown": "", "seconds": 0.0}


def _entries(document: JsonObject, name: str) -> JsonObject:
    found = document.get(name)
    return found if isinstance(found, Mapping) else _EMPTY


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


def finished(
    record: ExecutionRecord,
    state: ExecutionState,
    *,
    ended_at: datetime,
    outcome: JsonObject,
    interrupt: InterruptSignal | None = None,
) -> ExecutionRecord:
    """The record with its ending. A record found lost may still end: its executor knows better.

    Args:
        record: as it is now.
        state: how it ended; one of `ENDINGS`.
        ended_at: UTC.
        outcome: the JSON document of the ending.
        interrupt: the latched interrupt, where the register may not know it yet.

    Raises:
        AlreadyEnded: an ending was written before.
        ValueError: the state is not an ending.
    """
    if state not in ENDINGS:
        raise ValueError(f"an execution cannot end as {state}")
    if record.state is not ExecutionState.LOST:
        _refuse_ended(record)
    info = replace(
        record.info,
        state=state,
        ended_at=ended_at,
        interrupt=interrupt if interrupt is not None else record.info.interrupt,
    )
    return replace(record, info=info, summary=summary_of(outcome), outcome=outcome)


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
