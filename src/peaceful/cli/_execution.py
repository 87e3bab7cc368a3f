"""A command that was run: what is known of it when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peaceful.errors import PeacefulError
from peaceful.model import (
    CmdOutcome,
    Ending,
    Event,
    ExecutionState,
    InterruptSource,
    KeptDocument,
    state_after,
)
from peaceful.runtime import OutputSink


@dataclass(slots=True)
class Execution:
    """A command that was run.

    Attributes:
        title: what was executed, in words.
        ending: how it ended.
        outcome: what it returned; none where it raised.
        stuck: whether something of it still runs.
    """

    title: str
    ending: Ending
    outcome: CmdOutcome[object] | None
    stuck: bool

    @property
    def document(self) -> KeptDocument:
        """The document of the ending, as the register has it."""
        return self.ending.document

    @property
    def errors(self) -> Sequence[PeacefulError]:
        """What went wrong; where the command failed as a whole, that alone."""
        errors = self.ending.errors
        return (errors[""],) if "" in errors else tuple(errors.values())


def exit_code_of(ending: Ending) -> int:
    """What the process ends with after an ending."""
    if "" in ending.errors:
        return ending.errors[""].exit_code
    match state_after(ending.document.outcome):
        case ExecutionState.COMPLETE:
            return 0
        case ExecutionState.INTERRUPTED:
            signal = ending.document.interrupt
            return (InterruptSource.SIGINT if signal is None else signal.source).exit_code
        case _:
            return 1


class Closing:
    """A sink that calls something before another one is closed, which can still be told things.

    Args:
        inner: takes the events.
        before_close: called when there are no more events.
    """

    def __init__(self, inner: OutputSink, before_close: Callable[[], None]) -> None:
        self._inner = inner
        self._before_close = before_close

    def receive(self, events: Sequence[Event]) -> None:
        """Hands events on."""
        self._inner.receive(events)

    def close(self) -> None:
        """Hands that on too."""
        self._before_close()
        self._inner.close()
