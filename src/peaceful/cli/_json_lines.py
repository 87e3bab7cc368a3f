"""Progress as one JSON object a line, for programs."""

from __future__ import annotations

from collections.abc import Sequence

from peaceful.cli._writer import Writer
from peaceful.interrupt import SendResult
from peaceful.model import Event, InterruptSignal, encode_json


class JsonLinesSink:
    """Writes each event as a line: its word under `event`, then its fields.

    Args:
        writer: where the lines go.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def receive(self, events: Sequence[Event]) -> None:
        """Writes the events."""
        self._writer.write("".join([_line(event) for event in events]))

    @property
    def left(self) -> bool:
        """No: its lines are for programs."""
        return False

    @property
    def draws(self) -> bool:
        """No: it writes lines."""
        return False

    def close(self) -> None:
        """There is nothing to end."""

    def redraw(self) -> None:
        """There is nothing that was drawn."""

    def say(self, text: str) -> None:
        """Writes a line that something else wrote, as an event of its own."""
        self._writer.write(_line({"event": "output", "text": text}))

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Nothing: what a press does is told by its event."""


def _line(value: object) -> str:
    return f"{encode_json(value).decode()}\n"
