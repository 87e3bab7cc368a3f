"""A command that was run: what is known of it when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from peaceful.errors import PeacefulError
from peaceful.model import (
    BlockInterrupted,
    BlockStarted,
    CmdOutcome,
    Complete,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionInterrupted,
    ExecutionStarted,
    InterruptSignal,
    InterruptSource,
    ItemEnded,
    ItemError,
    ItemId,
    ItemStarted,
    ItemStatus,
    JsonValue,
    Timings,
    failure_document,
    outcome_document,
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
        """The JSON document of the ending, as the register has it."""
        if self.outcome is not None:
            return outcome_document(self.info, self.items, self.outcome)
        assert self.error is not None
        return failure_document(self.info, self.items, self.error, self.interrupt, self.timings)

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


@dataclass(slots=True)
class Witness:
    """Hands events on, and remembers what the outcome does not tell.

    Attributes:
        inner: takes the events.
        before_close: called when there are no more events, while `inner` can still be told things.
        started: the first event, or none yet.
        ended: the last event, or none yet.
        statuses: by item of the present block, how it ended; abandoned until that is known.
    """

    inner: OutputSink
    before_close: Callable[[], None]
    started: ExecutionStarted | None = None
    ended: ExecutionEnded | None = None
    statuses: dict[ItemId, ItemStatus] = field(default_factory=dict)

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events in, and hands them on."""
        for event in events:
            match event:
                case ItemEnded(item=item, status=status):
                    self.statuses[item] = status
                case ItemStarted(item=item):
                    self.statuses[item] = ItemStatus.ABANDONED
                case BlockStarted(items=items):
                    if items:
                        self.statuses = dict.fromkeys(items, ItemStatus.NOT_STARTED)
                case ExecutionStarted():
                    self.started = event
                case ExecutionEnded():
                    self.ended = event
                case _:
                    pass
        self.inner.receive(events)

    def close(self) -> None:
        """Hands that on too."""
        self.before_close()
        self.inner.close()
