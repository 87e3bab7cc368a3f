"""The document of a command's ending: one form for the terminal, the web and the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from peaceful._errors.base import PeacefulError
from peaceful._errors.json import ErrorJson
from peaceful._model.codec import JsonValue
from peaceful._model.event import ExecutionEnded
from peaceful._model.execution import ExecutionInfo
from peaceful._model.field_types import ExecutionId, FlowId, ItemId, Moment, ProfileName
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import ItemResult, ItemStatus, OutcomeKind, Timings


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

    @property
    def counts(self) -> Mapping[ItemStatus, int]:
        """How many items ended in which way; ways that none ended in are left out."""
        return dict(Counter(each.status for each in self.items.values()))


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


class Ending(msgspec.Struct, frozen=True):
    """How an execution ended. It is made once, and whatever is told of the end is taken from it.

    Attributes:
        execution: who ran what.
        document: what is printed, shown and stored.
        errors: what failed, as the document has it: by item, and under an empty name.
    """

    execution: ExecutionInfo
    document: KeptDocument
    errors: Mapping[ItemId, PeacefulError]

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
) -> Ending:
    """Return the ending of an execution.

    Args:
        execution: who ran what.
        items: every item of the flow, in order; those without a result were not started.
        results: how items ended, among them such as have left the flow. What the execution failed
            with as a whole changes nothing of it.
        outcome: how it ended, or what it failed with as a whole.
        interrupt: the latched signal, or none.
        timings: when it ran.
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
        outcome=outcome,
        interrupt=interrupt,
        items={item: _item(results.get(item)) for item in (*items, *results)},
        errors={item: error.to_json() for item, error in errors.items()},
        started_at=timings.started_at,
        ended_at=timings.ended_at,
        told={
            item: ItemAside(each.shown, round(each.seconds, 3))
            for item, each in results.items()
            if each.shown or each.seconds
        },
    )
    return Ending(execution, document, errors)


def _item(result: ItemResult | None) -> ItemDocument:
    if result is None:
        return ItemDocument(ItemStatus.NOT_STARTED)
    return ItemDocument(result.status, result.state, result.message)
