"""Progress as lines of a log or as JSON, and which of them is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final, Protocol

from peaceful._cli.program.options import Format, ProgressStyle
from peaceful._cli.progress.live_view import block_words, ending_words, interrupt_lines
from peaceful._cli.progress.screen import BarLook, BarSink
from peaceful._cli.terminal.writer import Writer
from peaceful._model.clock import SystemClock
from peaceful._model.codec import encode_json
from peaceful._model.event import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
)
from peaceful._model.execution import ExecutionInfo
from peaceful._model.field_types import ItemId
from peaceful._model.interrupt import InterruptSignal, InterruptSource
from peaceful._model.outcome import ItemStatus
from peaceful._model.progress import Progress
from peaceful._present.numbers import duration, time_left
from peaceful._present.summary import amount, next_press_sentence, percent, rate, status_word
from peaceful._present.text import count, one_line
from peaceful._runtime.hub import OutputSink
from peaceful.interrupt import SendResult

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import RunRequest


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


def show_for(
    invocation: Invocation, title: Callable[[ExecutionInfo], str], request: RunRequest
) -> Show:
    """What shows the progress of a command.

    Args:
        invocation: the run of the command line.
        title: what is executed, in words.
        request: what is run.
    """
    stderr = invocation.stderr
    style = invocation.options.progress
    if style is ProgressStyle.AUTO:
        style = ProgressStyle.BAR if _can_draw(invocation) else ProgressStyle.LOG
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    match style:
        case ProgressStyle.BAR:
            told_below = (
                invocation.stdout.same_place(stderr) and invocation.options.format is Format.TEXT
            )
            # Then what it finds is the whole answer, and the way there does not matter.
            only_looks = request.dry_run or request.command == "diff"
            look = BarLook(
                title=title,
                main_block=request.main_block,
                ctrl_c=invocation.signals.heeds(InterruptSource.SIGINT),
                closing=not told_below,
                vanishing=told_below and only_looks,
                color=invocation.colors(stderr),
            )
            return BarSink(stderr, look, SystemClock())
        case ProgressStyle.JSON:
            return JsonLinesSink(stderr)
        case ProgressStyle.NONE:
            return LogSink(stderr, title, zone, interrupts_only=True)
        case _:
            return LogSink(stderr, title, zone)


def _can_draw(invocation: Invocation) -> bool:
    """Whether there is a terminal that a picture can be drawn on, and that nobody else draws on."""
    stderr = invocation.stderr
    return stderr.is_terminal and os.environ.get("TERM") != "dumb" and stderr.in_foreground()
