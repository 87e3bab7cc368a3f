"""The document of a command's ending: one form for the terminal, the web and the register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from peaceful.errors import ErrorJson, PeacefulError
from peaceful.model._execution import ExecutionInfo
from peaceful.model._fields import ExecutionId, FlowId, ItemId, Moment, ProfileName
from peaceful.model._interrupt import InterruptSignal
from peaceful.model._json import JsonValue
from peaceful.model._outcome import (
    CmdOutcome,
    ItemError,
    ItemResult,
    ItemStatus,
    OutcomeKind,
    Timings,
    outcome_kind,
)

_NONE_ENDED: Final[Mapping[ItemId, ItemResult]] = {}


class ItemDocument(msgspec.Struct, frozen=True):
    """How one item ended.

    Attributes:
        status: which of the five endings.
        state: its state after the ending, as it is stored, or none where that is not known.
        message: what was done, or why it was not.
    """

    status: ItemStatus
    state: JsonValue = None
    message: str = ""


class ItemAside(msgspec.Struct, frozen=True):
    """What only pages show of how an item ended.

    Attributes:
        shown: its state in a few words.
        seconds: how long it was in progress.
    """

    shown: str = ""
    seconds: float = 0.0


class OutcomeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended, as it is printed, shown and stored.

    Attributes:
        execution_id: the execution; none where the command ended before there was one.
        app: the application's name.
        profile: the profile; none where that is not known.
        flow: the flow; none where that is not known.
        command: what was executed.
        outcome: how it ended.
        interrupt: the latched signal, or none.
        items: by item, how it ended.
        errors: by item, what failed; under an empty name, what the command itself failed with.
        started_at: UTC.
        ended_at: UTC.
    """

    execution_id: ExecutionId | None
    app: str
    profile: ProfileName | None
    flow: FlowId | None
    command: str
    outcome: OutcomeKind
    interrupt: InterruptSignal | None
    items: Mapping[ItemId, ItemDocument]
    errors: Mapping[ItemId, ErrorJson]
    started_at: Moment
    ended_at: Moment


class KeptDocument(OutcomeDocument, frozen=True, kw_only=True):
    """How a command ended, as a register keeps it.

    Attributes:
        told: by item, what only pages show of it.
    """

    told: Mapping[ItemId, ItemAside] = {}

    def plain(self) -> OutcomeDocument:
        """Return the document as it was before it was kept."""
        fields = OutcomeDocument.__struct_fields__
        return OutcomeDocument(**{name: getattr(self, name) for name in fields})


def outcome_document(
    execution: ExecutionInfo, items: Sequence[ItemId], outcome: CmdOutcome[object]
) -> OutcomeDocument:
    """Return the document of an execution that ended.

    Args:
        execution: who ran what.
        items: every item of the flow, in order; what the outcome does not know was not started.
        outcome: how it ended.
    """
    return _document(
        execution,
        outcome_kind(outcome),
        outcome.interrupt,
        # Of items that have left the flow, the outcome may know too.
        {item: _item(outcome.items.get(item)) for item in (*items, *outcome.items)},
        outcome.errors if isinstance(outcome, ItemError) else {},
        outcome.timings,
    )


def failure_document(
    execution: ExecutionInfo,
    items: Sequence[ItemId],
    error: PeacefulError,
    interrupt: InterruptSignal | None,
    timings: Timings,
    results: Mapping[ItemId, ItemResult] = _NONE_ENDED,
) -> OutcomeDocument:
    """Return the document of an execution that failed as a whole; its error has an empty name.

    Args:
        execution: who ran what.
        items: every item of the flow, in order.
        error: what it failed with.
        interrupt: the latched signal, or none.
        timings: when it ran.
        results: how items had ended before it failed; the others were not started.
    """
    return _document(
        execution,
        OutcomeKind.ERROR,
        interrupt,
        {item: _item(results.get(item)) for item in (*items, *results)},
        {"": error},
        timings,
    )


def kept_document(document: OutcomeDocument, results: Mapping[ItemId, ItemResult]) -> KeptDocument:
    """Return a document as a register keeps it: with what only pages tell besides.

    Args:
        document: how the command ended.
        results: how its items did.
    """
    told = {
        item: ItemAside(result.shown, round(result.seconds, 3))
        for item, result in results.items()
        if result.shown or result.seconds
    }
    return KeptDocument(**msgspec.structs.asdict(document), told=told)


def _document(
    execution: ExecutionInfo,
    kind: OutcomeKind,
    interrupt: InterruptSignal | None,
    items: Mapping[ItemId, ItemDocument],
    errors: Mapping[ItemId, PeacefulError],
    timings: Timings,
) -> OutcomeDocument:
    return OutcomeDocument(
        execution_id=execution.id,
        app=execution.app,
        profile=execution.profile,
        flow=execution.flow,
        command=execution.command,
        outcome=kind,
        interrupt=interrupt,
        items=items,
        errors={item: error.to_json() for item, error in errors.items()},
        started_at=timings.started_at,
        ended_at=timings.ended_at,
    )


def _item(result: ItemResult | None) -> ItemDocument:
    if result is None:
        return ItemDocument(ItemStatus.NOT_STARTED)
    return ItemDocument(result.status, result.state, result.message)
