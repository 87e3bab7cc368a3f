"""Outcomes of commands and their items: one closed union, handled with `match`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from peaceful._errors.base import PeacefulError
from peaceful._model.codec import ItemId, JsonValue, Moment
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import InterruptSignal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ItemStatus(enum.StrEnum):
    """The end of an item, as one word.

    What was done and what would be done, which a dry run says, are never the same word.
    """

    DONE = "done"
    """It was processed, and its state is on disk."""
    WOULD_CREATE = "would_create"
    """It is not there, and would be made."""
    WOULD_CHANGE = "would_change"
    """It is there, and would be changed."""
    WOULD_REPLACE = "would_replace"
    """It is there, and would be removed and made anew."""
    WOULD_REMOVE = "would_remove"
    """It is there, and would be cleaned up."""
    UNCHANGED = "unchanged"
    """It was examined, and there was or would be nothing to do."""
    UNKNOWN = "unknown"
    """What it is, or what would be done, can be said only once items before it are there."""
    FAILED = "failed"
    """It ended with an error."""
    STOPPED = "stopped"
    """It ended at a safe point; its partial work is recorded, and the next run goes on from it."""
    ABANDONED = "abandoned"
    """It was in progress and did not finish: it, or a child process of it, was cancelled or killed.
    """
    NOT_STARTED = "not_started"
    """It was not changed: an interrupt came, or an item that it needs did not end well."""

    @property
    def ended_well(self) -> bool:
        """Whether all that there was to do was done, so that what waits for the item may start."""
        return self in _ENDED_WELL


WOULD: Final = frozenset(
    {
        ItemStatus.WOULD_CREATE,
        ItemStatus.WOULD_CHANGE,
        ItemStatus.WOULD_REPLACE,
        ItemStatus.WOULD_REMOVE,
    }
)
"""The statuses of items that a dry run says something would be done to."""

WENT_WRONG: Final = frozenset({ItemStatus.FAILED, ItemStatus.STOPPED, ItemStatus.ABANDONED})
"""The statuses of items that were in progress, and did not get to their end."""

_ENDED_WELL: Final = WOULD | {ItemStatus.DONE, ItemStatus.UNCHANGED, ItemStatus.UNKNOWN}


NOT_CHANGED: Final = "looked at, not changed"
"""The message of an item that was not started because an interrupt came when it was looked at."""


class FieldChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference.

    Attributes:
        field: a field of the state, followed by the path inside it if the field holds more.
        before: the value before, as JSON; null if it is absent.
        after: the value afterwards, as JSON; null if it is absent.
        before_shown: `before` in a few words for people, where the value does not say it itself.
            With a `before` of null, it says that the value is not absent but something else, such
            as a secret, or not known.
        after_shown: the same for `after`.
    """

    field: str
    before: JsonValue
    after: JsonValue
    before_shown: str = ""
    after_shown: str = ""


class ItemResult(msgspec.Struct, frozen=True):
    """The result of one item in one block.

    Attributes:
        state: its state after the end, as it is stored, or `None` if unknown; of a dry run, the
            state that it would have.
        shown: the state in a few words, for people.
        message: what was or would be done, or why not.
        seconds: how long it was in progress.
        before: of a dry run, the state that was found.
        changes: how it has changed; of a dry run, how it would change.
    """

    status: ItemStatus
    state: JsonValue = None
    shown: str = ""
    message: str = ""
    error: PeacefulError | None = None
    seconds: float = 0.0
    before: JsonValue = None
    changes: tuple[FieldChange, ...] = ()


class Timings(msgspec.Struct, frozen=True):
    """When an execution ran; UTC."""

    started_at: Moment
    ended_at: Moment

    @property
    def seconds(self) -> float:
        """The duration."""
        return (self.ended_at - self.started_at).total_seconds()


class _Outcome(msgspec.Struct, frozen=True):
    """The fields of every outcome.

    Attributes:
        blocks_processed: the names of the blocks that ran to their end.
        items: the result of each item in the last block that has items.
        interrupt: the accepted interrupt, or `None`; also if it came too late to change anything.
    """

    blocks_processed: tuple[str, ...]
    items: Mapping[ItemId, ItemResult]
    interrupt: InterruptSignal | None
    timings: Timings

    def items_with(self, status: ItemStatus) -> tuple[ItemId, ...]:
        """Return the items that ended with the status, in the flow's order."""
        return tuple(item for item, result in self.items.items() if result.status is status)


class _Unfinished(_Outcome, Generic[T_co], frozen=True, kw_only=True):
    """The fields of an outcome that left blocks unprocessed.

    Attributes:
        blocks_not_processed: the names of the blocks that did not run to their end, in order; an
            interrupted block comes first.
        value: a partial result, if any.
    """

    blocks_not_processed: tuple[str, ...]
    value: T_co | None


class Complete(_Outcome, Generic[T_co], frozen=True, kw_only=True):
    """Every block ran to its end, and no item failed; `value` is the command's result."""

    value: T_co


class BlockInterrupted(_Unfinished[T_co], frozen=True, kw_only=True):
    """An interrupt ended a block before all of its items; `value` is its partial result."""


class ExecutionInterrupted(_Unfinished[T_co], frozen=True, kw_only=True):
    """An interrupt ended the execution between two blocks; `value` is a partial result, if any."""


class ItemError(_Unfinished[T_co], frozen=True, kw_only=True):
    """One or more items failed, with `errors`; items that did not need them went on.

    `value` is the block's partial result.
    """

    errors: Mapping[ItemId, PeacefulError]


CmdOutcome: TypeAlias = Complete[T] | BlockInterrupted[T] | ExecutionInterrupted[T] | ItemError[T]
"""The outcome of a command. A block's own failure, as opposed to an item's, is raised instead."""


class OutcomeKind(enum.StrEnum):
    """The outcome as one word, as documents and the register of executions keep it."""

    COMPLETE = "complete"
    BLOCK_INTERRUPTED = "block_interrupted"
    EXECUTION_INTERRUPTED = "execution_interrupted"
    ITEM_ERROR = "item_error"
    ERROR = "error"
    """The command raised: a block's own failure."""


def outcome_kind(outcome: CmdOutcome[object]) -> OutcomeKind:
    """Return the word for an outcome."""
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
    """Return the final state of an execution; `None` stands for a lost process."""
    match outcome:
        case None:
            return ExecutionState.LOST
        case OutcomeKind.COMPLETE:
            return ExecutionState.COMPLETE
        case OutcomeKind.BLOCK_INTERRUPTED | OutcomeKind.EXECUTION_INTERRUPTED:
            return ExecutionState.INTERRUPTED
        case OutcomeKind.ITEM_ERROR | OutcomeKind.ERROR:
            return ExecutionState.FAILED
