"""Events of a running execution: one closed union that every sink takes.

Starts and ends reach every sink. Of progress, a sink that is slower than the item gets the latest
and may miss those before. The docstrings describe the fields in the API's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from peaceful._errors.json import ErrorJson
from peaceful._model.execution import ExecutionInfo, ExecutionState
from peaceful._model.field_types import ExecutionId, ItemId, Moment
from peaceful._model.interrupt import InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after
from peaceful._model.progress import Progress


class EventBase(msgspec.Struct, frozen=True, tag_field="event"):
    """The base of events; in JSON, the tag comes first, under `event`.

    Attributes:
        at: when it happened; UTC.
    """

    at: Moment


class ExecutionStarted(EventBase, frozen=True, tag="execution_started"):
    """An execution began.

    Attributes:
        execution: the execution.
        items: every item of the flow, in order.
        waits_for: by item, the items that it waits for.
    """

    execution: ExecutionInfo
    items: tuple[ItemId, ...]
    waits_for: Mapping[ItemId, tuple[ItemId, ...]]


class BlockStarted(EventBase, frozen=True, tag="block_started"):
    """A block of the execution began.

    Attributes:
        block: its name.
        items: the items that it will process, in order; may be empty.
    """

    block: str
    items: tuple[ItemId, ...]


class ItemStarted(EventBase, frozen=True, tag="item_started"):
    """An item is in progress.

    Attributes:
        item: its name.
    """

    item: ItemId


class ItemProgressed(EventBase, frozen=True, tag="item_progressed"):
    """An item made progress, or reported something.

    Attributes:
        item: its name.
        progress: its progress.
    """

    item: ItemId
    progress: Progress


class ItemEnded(EventBase, frozen=True, tag="item_ended"):
    """An item ended, and its result is on disk.

    Attributes:
        item: its name.
        status: how it ended.
        shown: its state in a few words.
        message: what was done, or why it was not.
        error: why it failed, or null.
        seconds: how long it was in progress.
    """

    item: ItemId
    status: ItemStatus
    shown: str
    message: str
    error: ErrorJson | None
    seconds: float


class InterruptRequested(EventBase, frozen=True, tag="interrupt_requested"):
    """An interrupt was accepted, or raised to a higher level.

    Attributes:
        signal: the request.
        in_progress: the items that were in progress then.
    """

    signal: InterruptSignal
    in_progress: tuple[ItemId, ...]


class BlockEnded(EventBase, frozen=True, tag="block_ended"):
    """A block ended, or was interrupted.

    Attributes:
        block: its name.
        finished: whether it processed all that it had to.
    """

    block: str
    finished: bool


class ExecutionEnded(EventBase, frozen=True, tag="execution_ended"):
    """An execution ended. This is the last event of every execution.

    Attributes:
        execution_id: its ID.
        outcome: how it ended; null if its process was lost, and another one reports it.
        counts: the number of items by status.
        interrupt: the accepted interrupt, or null.
        error: the error of the command itself, as opposed to an item's.
        state: the final state, which follows from the outcome.
    """

    execution_id: ExecutionId
    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]
    interrupt: InterruptSignal | None
    error: ErrorJson | None = None
    state: ExecutionState = ExecutionState.LOST

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "state", state_after(self.outcome))


Event: TypeAlias = (
    ExecutionStarted
    | BlockStarted
    | ItemStarted
    | ItemProgressed
    | ItemEnded
    | InterruptRequested
    | BlockEnded
    | ExecutionEnded
)
"""Every event that a sink takes."""
