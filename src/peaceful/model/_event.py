"""What happens while an execution runs: one closed union that every sink takes.

Endings (`ItemEnded`, `BlockEnded`, `ExecutionEnded`) and starts reach every sink. Of progress, a
sink that is slower than the item gets the newest picture and may miss those between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from peaceful.errors import ErrorJson
from peaceful.model._execution import ExecutionInfo
from peaceful.model._interrupt import InterruptSignal
from peaceful.model._json import JsonValue, to_json
from peaceful.model._names import ExecutionId, ItemId
from peaceful.model._outcome import ItemStatus, OutcomeKind
from peaceful.model._progress import Progress


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """An execution began.

    Attributes:
        at: UTC.
        execution: what is known of it.
        items: every item of the flow, in its order.
        waits_for: by item, the items whose end it waits for.
    """

    at: datetime
    execution: ExecutionInfo
    items: tuple[ItemId, ...]
    waits_for: Mapping[ItemId, tuple[ItemId, ...]]


@dataclass(frozen=True, slots=True)
class BlockStarted:
    """A block of the execution began.

    Attributes:
        at: UTC.
        block: its name.
        items: the items that it will go through, in order; empty where it has none.
    """

    at: datetime
    block: str
    items: tuple[ItemId, ...]


@dataclass(frozen=True, slots=True)
class ItemStarted:
    """An item is in progress from now on.

    Attributes:
        at: UTC.
        item: which one.
    """

    at: datetime
    item: ItemId


@dataclass(frozen=True, slots=True)
class ItemProgressed:
    """An item moved, or said something.

    Attributes:
        at: UTC.
        item: which one.
        progress: how far it is now.
    """

    at: datetime
    item: ItemId
    progress: Progress


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """An item ended. What it did is on disk by now.

    Attributes:
        at: UTC.
        item: which one.
        status: how.
        shown: its state in a few words.
        message: what was done, or why it was not.
        error: what failed, or none.
        seconds: how long it was in progress.
    """

    at: datetime
    item: ItemId
    status: ItemStatus
    shown: str
    message: str
    error: ErrorJson | None
    seconds: float


@dataclass(frozen=True, slots=True)
class InterruptRequested:
    """An interrupt was accepted, or raised to a higher level.

    Attributes:
        at: UTC.
        signal: the request.
        in_progress: the items that were in progress then.
    """

    at: datetime
    signal: InterruptSignal
    in_progress: tuple[ItemId, ...]


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """A block ended, or was cut.

    Attributes:
        at: UTC.
        block: its name.
        finished: whether it went through everything that it had to.
    """

    at: datetime
    block: str
    finished: bool


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """An execution ended. This is the last event of every execution.

    Attributes:
        at: UTC.
        execution_id: which one.
        outcome: how.
        counts: how many items ended in which way.
        interrupt: the latched interrupt, or none.
        error: what the command itself failed with, where it is not an item's error.
    """

    at: datetime
    execution_id: ExecutionId
    outcome: OutcomeKind
    counts: Mapping[ItemStatus, int]
    interrupt: InterruptSignal | None
    error: ErrorJson | None = None


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

_WORDS: Mapping[type[Event], str] = {
    ExecutionStarted: "execution_started",
    BlockStarted: "block_started",
    ItemStarted: "item_started",
    ItemProgressed: "item_progressed",
    ItemEnded: "item_ended",
    InterruptRequested: "interrupt_requested",
    BlockEnded: "block_ended",
    ExecutionEnded: "execution_ended",
}


def event_json(event: Event) -> Mapping[str, JsonValue]:
    """The event as a JSON object: its word under `event`, then its fields."""
    fields = to_json(event)
    assert isinstance(fields, Mapping)
    return {"event": _WORDS[type(event)], **fields}
