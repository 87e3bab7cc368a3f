"""What happens while an execution runs: one closed union that every sink takes.

Endings (`ItemEnded`, `BlockEnded`, `ExecutionEnded`) and starts reach every sink. Of progress, a
sink that is slower than the item gets the newest picture and may miss those between.
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
    """What every event has; in JSON, its word comes first, under `event`.

    Attributes:
        at: when it happened; UTC.
    """

    at: Moment


class ExecutionStarted(EventBase, frozen=True, tag="execution_started"):
    """An execution began.

    Attributes:
        execution: what is known of it.
        items: every item of the flow, in its order.
        waits_for: by item, the items whose end it waits for.
    """

    execution: ExecutionInfo
    items: tuple[ItemId, ...]
    waits_for: Mapping[ItemId, tuple[ItemId, ...]]


class BlockStarted(EventBase, frozen=True, tag="block_started"):
    """A block of the execution began.

    Attributes:
        block: its name.
        items: the items that it will go through, in order; empty where it has none.
    """

    block: str
    items: tuple[ItemId, ...]


class ItemStarted(EventBase, frozen=True, tag="item_started"):
    """An item is in progress from now on.

    Attributes:
        item: which one.
    """

    item: ItemId


class ItemProgressed(EventBase, frozen=True, tag="item_progressed"):
    """An item moved, or said something.

    Attributes:
        item: which one.
        progress: how far it is now.
    """

    item: ItemId
    progress: Progress


class ItemEnded(EventBase, frozen=True, tag="item_ended"):
    """An item ended. What it did is on disk by now.

    Attributes:
        item: which one.
        status: how.
        shown: its state in a few words.
        message: what was done, or why it was not.
        error: what failed, or none.
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
    """A block ended, or was cut.

    Attributes:
        block: its name.
        finished: whether it went through everything that it had to.
    """

    block: str
    finished: bool


class ExecutionEnded(EventBase, frozen=True, tag="execution_ended"):
    """An execution ended. This is the last event of every execution.

    Attributes:
        execution_id: which one.
        outcome: how; none where its process was lost, and others tell of it.
        counts: how many items ended in which way.
        interrupt: the latched interrupt, or none.
        error: what the command itself failed with, where it is not an item's error.
        state: the state that the execution is in from now on, which follows from the outcome.
    """

    execution_id: ExecutionId
    outcome: OutcomeKind | None
    counts: Mapping[ItemStatus, int]
    interrupt: InterruptSignal | None
    error: ErrorJson | None = None
    state: ExecutionState = ExecutionState.LOST

    def __post_init__(self) -> None:
        """Derives the state: whatever told of the end, the two never disagree."""
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
"""Everything that a sink can be told."""
