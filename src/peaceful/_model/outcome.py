"""How commands and their items end: one closed union, handled with `match`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Generic, TypeAlias, TypeVar

import msgspec

from peaceful._errors.base import PeacefulError
from peaceful._model.codec import JsonValue
from peaceful._model.execution import ExecutionState
from peaceful._model.field_types import ItemId, Moment
from peaceful._model.interrupt import InterruptSignal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ItemStatus(enum.StrEnum):
    """How an item ended."""

    DONE = "done"
    """It was worked on, and that is on disk."""
    UNCHANGED = "unchanged"
    """It was looked at, and there was nothing to do."""
    FAILED = "failed"
    """It ended with an error."""
    ABANDONED = "abandoned"
    """It was in progress and did not finish: at a safe point, cancelled, or killed."""
    NOT_STARTED = "not_started"
    """It was never looked at: an interrupt came, or an item that it needs did not end well."""


class ItemResult(msgspec.Struct, frozen=True):
    """How one item ended in one block.

    Attributes:
        status: which of the five endings.
        state: its state after the ending, as it is stored, or none where that is not known.
        shown: the state in a few words, for people.
        message: what was done, or why it was not.
        error: what failed, or none.
        seconds: how long it was in progress.
    """

    status: ItemStatus
    state: JsonValue = None
    shown: str = ""
    message: str = ""
    error: PeacefulError | None = None
    seconds: float = 0.0


class Timings(msgspec.Struct, frozen=True):
    """When an execution ran.

    Attributes:
        started_at: UTC.
        ended_at: UTC.
    """

    started_at: Moment
    ended_at: Moment

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return (self.ended_at - self.started_at).total_seconds()


class _Ending(msgspec.Struct, frozen=True):
    """What every outcome carries.

    Attributes:
        blocks_processed: the names of the blocks that ran to their end.
        items: how each item ended in the last block that has items.
        interrupt: the latched signal, or none; also where it came too late to change anything.
        timings: when it ran.
    """

    blocks_processed: tuple[str, ...]
    items: Mapping[ItemId, ItemResult]
    interrupt: InterruptSignal | None
    timings: Timings

    def items_with(self, status: ItemStatus) -> tuple[ItemId, ...]:
        """The items that ended with the status, in the flow's order."""
        return tuple(item for item, result in self.items.items() if result.status is status)


class _Unfinished(_Ending, frozen=True, kw_only=True):
    """What an outcome carries that left blocks unprocessed.

    Attributes:
        blocks_not_processed: the names of the blocks that did not run to their end, in order;
            where a block was cut, it comes first.
    """

    blocks_not_processed: tuple[str, ...]


class Complete(_Ending, Generic[T_co], frozen=True, kw_only=True):
    """Every block ran to its end, and no item failed.

    Attributes:
        value: what the command was run for.
    """

    value: T_co


class BlockInterrupted(_Unfinished, Generic[T_co], frozen=True, kw_only=True):
    """An interrupt ended a block before all of its items.

    Attributes:
        value: what the block had gathered until then.
    """

    value: T_co | None


class ExecutionInterrupted(_Unfinished, Generic[T_co], frozen=True, kw_only=True):
    """An interrupt ended the execution between two blocks.

    Attributes:
        value: what had been gathered until then, if anything.
    """

    value: T_co | None


class ItemError(_Unfinished, Generic[T_co], frozen=True, kw_only=True):
    """One or more items failed. Items that did not need them went on.

    Attributes:
        value: what the block had gathered until then.
        errors: what failed, by item.
    """

    value: T_co | None
    errors: Mapping[ItemId, PeacefulError]


CmdOutcome: TypeAlias = Complete[T] | BlockInterrupted[T] | ExecutionInterrupted[T] | ItemError[T]
"""How a command ended. A block's own failure, as opposed to an item's, is raised instead."""


class OutcomeKind(enum.StrEnum):
    """The outcome as one word, as documents and the register of executions keep it."""

    COMPLETE = "complete"
    BLOCK_INTERRUPTED = "block_interrupted"
    EXECUTION_INTERRUPTED = "execution_interrupted"
    ITEM_ERROR = "item_error"
    ERROR = "error"
    """The command raised: a block's own failure."""


def outcome_kind(outcome: CmdOutcome[object]) -> OutcomeKind:
    """The word for an outcome."""
    match outcome:
        case Complete():
            return OutcomeKind.COMPLETE
        case BlockInterrupted():
            return OutcomeKind.BLOCK_INTERRUPTED
        case ExecutionInterrupted():
            return OutcomeKind.EXECUTION_INTERRUPTED
        case ItemError():
            return OutcomeKind.ITEM_ERROR


def state_after(outcome: OutcomeKind | None) -> ExecutionState:
    """Return the state in which an execution ends.

    Args:
        outcome: how it ended; none where its process was lost before it could say.
    """
    match outcome:
        case None:
            return ExecutionState.LOST
        case OutcomeKind.COMPLETE:
            return ExecutionState.COMPLETE
        case OutcomeKind.BLOCK_INTERRUPTED | OutcomeKind.EXECUTION_INTERRUPTED:
            return ExecutionState.INTERRUPTED
        case OutcomeKind.ITEM_ERROR | OutcomeKind.ERROR:
            return ExecutionState.FAILED
