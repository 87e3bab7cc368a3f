"""The final document of a command, which the terminal, the web and the register share.

The docstrings describe the fields in the API's documentation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from peaceful._disclosure import kept, masked_data
from peaceful._errors.base import PeacefulError
from peaceful._errors.json import ErrorJson
from peaceful._model.codec import (
    ExecutionId,
    FlowId,
    ItemId,
    JsonValue,
    Moment,
    ProfileName,
    encode_json,
)
from peaceful._model.events import ExecutionEnded
from peaceful._model.execution import Approval, ExecutionInfo
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import FieldChange, ItemResult, ItemStatus, OutcomeKind, Timings

_MOST_CHANGES: Final = 100
"""How many changes of an item are kept."""

_ROOM_FOR_CHANGES: Final = 40_000
"""How long they may be together, in bytes of JSON."""


class ItemDocument(msgspec.Struct, frozen=True):
    """The result of one item.

    Attributes:
        status: how it ended.
        state: its state after the end, as it is stored but for secrets, or null if unknown; the
            state that it would have, of a dry run.
        message: what was or would be done, or why not.
        changes: how the state has changed, of an item that is done; how it would change, of a dry
            run. Left out if it has not.
        changes_left_out: how many further changes there were, which are not kept: they were too
            many or too long. Left out if there were none.
    """

    status: ItemStatus
    state: JsonValue = None
    message: str = ""
    changes: tuple[FieldChange, ...] | UnsetType = UNSET
    changes_left_out: int | UnsetType = UNSET


class ItemAside(msgspec.Struct, frozen=True):
    """Facts about an item's end that only web pages show.

    Attributes:
        shown: its state in a few words.
        seconds: how long it was in progress.
    """

    shown: str = ""
    seconds: float = 0.0


class OutcomeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a command, as it is printed, shown and stored.

    Attributes:
        execution_id: the execution's ID; null if the command ended before there was one.
        app: the application's name.
        profile: the profile; null if it is not known.
        flow: the flow; null if it is not known.
        command: the command, such as `ensure`.
        dry_run: whether it only says what it would do.
        outcome: how it ended.
        interrupt: the accepted interrupt, or null.
        items: the result of each item.
        errors: the error of each item that failed; under an empty name, that of the command itself.
        started_at: UTC.
        ended_at: UTC.
        warnings: what people should know, and is no failure; in order.
        approvals: the answers to items that asked for an approval, in order; of a plan, whether it
            was approved.
        by_plan: the execution that made the plan which this one is held to, or null.
    """

    execution_id: ExecutionId | None
    app: str
    profile: ProfileName | None
    flow: FlowId | None
    command: str
    dry_run: bool = False
    outcome: OutcomeKind
    interrupt: InterruptSignal | None
    items: Mapping[ItemId, ItemDocument]
    errors: Mapping[ItemId, ErrorJson]
    started_at: Moment
    ended_at: Moment
    warnings: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    by_plan: ExecutionId | None = None

    @property
    def counts(self) -> Mapping[ItemStatus, int]:
        """The number of items by status; statuses without items are left out."""
        return dict(Counter(each.status for each in self.items.values()))


class KeptDocument(OutcomeDocument, frozen=True, kw_only=True):
    """The end of a command, as a register keeps it: with what only web pages show.

    Attributes:
        told: more of each item.
        plan: the plan that it has made, or null.
    """

    told: Mapping[ItemId, ItemAside] = {}
    plan: JsonValue = None

    def plain(self) -> OutcomeDocument:
        """Return the document without what only the register keeps."""
        fields = OutcomeDocument.__struct_fields__
        return OutcomeDocument(**{name: getattr(self, name) for name in fields})


class PlanMade(msgspec.Struct, frozen=True):
    """The plan that an execution has made: among its resources, to be kept with its ending."""

    plan: JsonValue


class EndingNotes(msgspec.Struct, frozen=True):
    """What an ending says besides how its items ended; see `OutcomeDocument`."""

    warnings: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    by_plan: ExecutionId | None = None
    plan: JsonValue = None


_NO_NOTES: Final = EndingNotes()


class Ending(msgspec.Struct, frozen=True):
    """The end of an execution: the one source of its document, its errors and its last event.

    It was limited to the items in `only`; empty for all.
    """

    execution: ExecutionInfo
    document: KeptDocument
    errors: Mapping[ItemId, PeacefulError]
    only: Collection[ItemId] = ()

    def event(self) -> ExecutionEnded:
        """Return the execution's last event."""
        document = self.document
        return ExecutionEnded(
            document.ended_at,
            self.execution.id,
            document.outcome,
            document.counts,
            document.interrupt,
            document.errors.get(""),
        )


def execution_ending(
    execution: ExecutionInfo,
    items: Iterable[ItemId],
    results: Mapping[ItemId, ItemResult],
    outcome: OutcomeKind | PeacefulError,
    *,
    interrupt: InterruptSignal | None,
    timings: Timings,
    notes: EndingNotes = _NO_NOTES,
    only: Collection[ItemId] = (),
) -> Ending:
    """Return the ending of an execution; an error as its outcome is that of the whole.

    `items` are those of the flow, in order; those without a result were not started. Results may be
    of items that have left the flow.
    """
    errors = {item: each.error for item, each in results.items() if each.error is not None}
    if isinstance(outcome, PeacefulError):
        errors, outcome = {"": outcome, **errors}, OutcomeKind.ERROR
    document = KeptDocument(
        execution_id=execution.id,
        app=execution.app,
        profile=execution.profile,
        flow=execution.flow,
        command=execution.command,
        dry_run=execution.dry_run,
        outcome=outcome,
        interrupt=interrupt,
        items={item: _item(results.get(item)) for item in (*items, *results)},
        errors={item: error.to_json() for item, error in errors.items()},
        started_at=timings.started_at,
        ended_at=timings.ended_at,
        warnings=notes.warnings,
        approvals=notes.approvals,
        by_plan=notes.by_plan,
        plan=notes.plan,
        told={
            item: ItemAside(kept(each.shown), round(each.seconds, 3))
            for item, each in results.items()
            if each.shown or each.seconds
        },
    )
    return Ending(execution, document, errors, frozenset(only))


def _item(result: ItemResult | None) -> ItemDocument:
    if result is None:
        return ItemDocument(ItemStatus.NOT_STARTED)
    state, message = masked_data(result.state), kept(result.message)
    changes = _kept_changes(result.changes)
    left_out = len(result.changes) - len(changes)
    return ItemDocument(result.status, state, message, changes or UNSET, left_out or UNSET)


def _kept_changes(changes: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """Return the changes that documents have: not too many, not too long, without secrets."""
    room = _ROOM_FOR_CHANGES
    few: list[FieldChange] = []
    for each in changes[:_MOST_CHANGES]:
        one = FieldChange(
            kept(each.field),
            _kept_value(each.before),
            _kept_value(each.after),
            kept(each.before_shown),
            kept(each.after_shown),
        )
        size = len(encode_json(one))
        if size <= room:
            room -= size
            few.append(one)
    return tuple(few)


def _kept_value(value: JsonValue) -> JsonValue:
    return kept(value) if isinstance(value, str) else masked_data(value)
