"""Progress as lines: for files, for pipes, for the logs of machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Final

from peaceful.cli._footer import block_words, ending_words, interrupt_lines
from peaceful.cli._writer import Writer
from peaceful.interrupt import SendResult
from peaceful.model import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptRequested,
    InterruptSignal,
    InterruptSource,
    ItemEnded,
    ItemId,
    ItemProgressed,
    ItemStarted,
    ItemStatus,
    Progress,
)
from peaceful.present import (
    amount,
    count,
    duration,
    next_press_sentence,
    one_line,
    percent,
    rate,
    status_word,
    time_left,
)

_RARELY: Final = 10.0
"""Seconds between two lines about one item's progress."""


class LogSink:
    """Writes a line when the execution, a block or an item starts or ends; rarely in between.

    Args:
        writer: where the lines go.
        title: what is executed, in words.
        zone: the zone of whoever reads the times.
        interrupts_only: whether only interrupts are told of.
    """

    def __init__(
        self,
        writer: Writer,
        title: Callable[[ExecutionInfo], str],
        zone: tzinfo,
        *,
        interrupts_only: bool = False,
    ) -> None:
        self._writer = writer
        self._title = title
        self._zone = zone
        self._interrupts_only = interrupts_only
        self._told_at: dict[ItemId, datetime] = {}
        self._started: ExecutionStarted | None = None
        self._pressed = False
        self._left = False

    def receive(self, events: Sequence[Event]) -> None:
        """Writes what is to be told of the events."""
        # What starts and ends in one go is told once, when it ends.
        ended = {event.item for event in events if isinstance(event, ItemEnded)}
        lines: list[str] = []
        for event in events:
            if not (isinstance(event, ItemStarted) and event.item in ended):
                lines += self._told(event)
        if lines:
            self._write("".join(lines))

    @property
    def left(self) -> bool:
        """Whether it has written anything."""
        return self._left

    @property
    def draws(self) -> bool:
        """No: it writes lines."""
        return False

    def close(self) -> None:
        """There is nothing to end."""

    def redraw(self) -> None:
        """There is nothing that was drawn."""

    def say(self, text: str) -> None:
        """Writes a line that something else wrote."""
        self._write(f"{one_line(text)}\n")

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Tells of a press that changed nothing; one that did is told of when its event comes."""
        if signal.source is not InterruptSource.SIGINT:
            return
        self._pressed = True
        if result is SendResult.UNCHANGED and (again := next_press_sentence(signal.level, 2)):
            self._write(self._line(signal.requested_at, f"Already interrupted. {again}"))

    def _told(self, event: Event) -> list[str]:
        if isinstance(event, InterruptRequested):
            sentences = interrupt_lines(event, event.in_progress, pressed=self._pressed)
            return [self._line(event.at, " ".join(sentences))]
        if self._interrupts_only:
            return []
        text = self._text(event)
        return [self._line(event.at, text)] if text else []

    def _text(self, event: Event) -> str:
        match event:
            case ItemStarted(at=at, item=item):
                self._told_at[item] = at
                return f"{item}: started"
            case ItemEnded():
                self._told_at.pop(event.item, None)
                return f"{event.item}: {_ending(event)}, {duration(event.seconds)}"
            case ItemProgressed(at=at, item=item, progress=progress):
                if (at - self._told_at.setdefault(item, at)).total_seconds() < _RARELY:
                    return ""
                self._told_at[item] = at
                return f"{item}: {progress_words(progress)}"
            case BlockStarted(block=block, items=items):
                return f"{block_words(block)}: {count(len(items), 'item')}" if items else ""
            case ExecutionStarted():
                self._started = event
                return f"{self._title(event.execution)}: started, execution {event.execution.id}"
            case ExecutionEnded():
                return self._execution_ended(event)
            case InterruptRequested() | BlockEnded():
                return ""

    def _execution_ended(self, event: ExecutionEnded) -> str:
        assert self._started is not None, "what has ended has begun"
        return f"{self._title(self._started.execution)}: {ending_words(self._started.at, event)}"

    def _write(self, text: str) -> None:
        self._left = True
        self._writer.write(text)

    def _line(self, at: datetime, text: str) -> str:
        return f"{at.astimezone(self._zone):%H:%M:%S} {text}\n"


def _ending(event: ItemEnded) -> str:
    word = status_word(event.status)
    words = one_line(event.message or (event.shown if event.status is ItemStatus.DONE else ""))
    return f"{word}: {words}" if words and words != word else word


def progress_words(progress: Progress) -> str:
    """How far an item is, in one line."""
    stalled = (
        ""
        if progress.stalled_for is None
        else f"no sign of progress for {duration(progress.stalled_for)}"
    )
    left = "" if progress.seconds_left is None else time_left(progress.seconds_left)
    parts = (
        stalled,
        one_line(progress.message),
        percent(progress),
        amount(progress),
        rate(progress),
        left,
    )
    return ", ".join(part for part in parts if part) or "in progress"
