"""A command that was run: what is known of it when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from peaceful.errors import PeacefulError
from peaceful.model import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    Event,
    ExecutionInfo,
    ExecutionInterrupted,
    InterruptSignal,
    InterruptSource,
    ItemError,
    ItemId,
    ItemStatus,
    JsonValue,
    Snapshot,
    Timings,
    failure_document,
    outcome_document,
    to_json,
)
from peaceful.runtime import OutputSink


@dataclass(slots=True)
class Execution:
    """A command that was run.

    Attributes:
        title: what was executed, in words.
        info: who ran what.
        items: the flow's items, in order.
        timings: when.
        statuses: how each item stood at the end, as far as there were events.
        interrupt: the latched interrupt, or none.
        outcome: how it ended; none where it raised.
        error: what it raised, or none.
        stuck: whether something of it still runs.
    """

    title: str
    info: ExecutionInfo
    items: Sequence[ItemId]
    timings: Timings
    statuses: Mapping[ItemId, ItemStatus]
    interrupt: InterruptSignal | None
    outcome: CmdOutcome[object] | None
    error: PeacefulError | None
    stuck: bool

    @property
    def document(self) -> dict[str, JsonValue]:
        """The document of the ending, as the register has it."""
        if self.outcome is not None:
            return to_json(outcome_document(self.info, self.items, self.outcome))
        assert self.error is not None
        return to_json(
            failure_document(self.info, self.items, self.error, self.interrupt, self.timings)
        )

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        if self.outcome is not None:
            return exit_code_of(self.outcome)
        assert self.error is not None
        return self.error.exit_code

    @property
    def errors(self) -> Sequence[PeacefulError]:
        """What went wrong."""
        if self.error is not None:
            return (self.error,)
        return tuple(self.outcome.errors.values()) if isinstance(self.outcome, ItemError) else ()


def exit_code_of(outcome: CmdOutcome[object]) -> int:
    """What the process ends with after an outcome."""
    match outcome:
        case Complete():
            return 0
        case ItemError():
            return 1
        case BlockInterrupted() | ExecutionInterrupted():
            signal = outcome.interrupt
            return (InterruptSource.SIGINT if signal is None else signal.source).exit_code


class RecordingSink:
    """Hands events on, and remembers what the outcome does not tell.

    Args:
        inner: takes the events.
        before_close: called when there are no more events, while `inner` can still be told things.

    Attributes:
        snapshot: how everything stands.
    """

    def __init__(self, inner: OutputSink, before_close: Callable[[], None]) -> None:
        self.snapshot: Snapshot = Snapshot()
        self._inner = inner
        self._before_close = before_close

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events in, and hands them on."""
        for event in events:
            self.snapshot.add(event)
        self._inner.receive(events)

    def close(self) -> None:
        """Hands that on too."""
        self._before_close()
        self._inner.close()
