"""What shows the progress of an execution: a sink that can also be told what is no event."""

from __future__ import annotations

from typing import Protocol

from peaceful.interrupt import SendResult
from peaceful.model import InterruptSignal
from peaceful.runtime import OutputSink


class Show(OutputSink, Protocol):
    """Shows progress on stderr. Every method may be called from any thread."""

    @property
    def draws(self) -> bool:
        """Whether it draws a picture, which keys that are echoed would spoil."""
        ...

    @property
    def left(self) -> bool:
        """Whether it has left lines for people, from which what comes next has to stand apart."""
        ...

    def say(self, text: str) -> None:
        """Shows a line that something else wrote: an item that prints, a logger, a warning."""
        ...

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """A process signal was sent on; where it was accepted, an event tells of it too."""
        ...

    def redraw(self) -> None:
        """Something else has written to the terminal: what was drawn is not where it was."""
        ...
