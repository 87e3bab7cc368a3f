"""Progress as lines of a log or as JSON, and the choice among the displays of progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from peaceful._cli.program.errors import typed_commands
from peaceful._cli.progress.ending import status_words
from peaceful._cli.progress.live_view import Look, block_words, ending_words, interrupt_lines
from peaceful._cli.progress.screen import BarSink, Show
from peaceful._cli.terminal.modes import can_type_answers
from peaceful._cli.terminal.text import json_line, local_zone
from peaceful._cli.terminal.writer import Writer
from peaceful._model.clock import SystemClock
from peaceful._model.codec import ItemId
from peaceful._model.events import (
    ApprovalAsked,
    ApprovalEnded,
    BlockEnded,
    BlockStarted,
    ChangeStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    Phase,
    Progress,
    Warned,
)
from peaceful._model.execution import Approval, ExecutionInfo
from peaceful._model.interrupt import InterruptSignal, InterruptSource
from peaceful._model.outcome import ItemStatus
from peaceful._present.numbers import date_time_zone, duration, time_left
from peaceful._present.summary import (
    WAITING_FOR_APPROVAL,
    amount,
    next_press_sentence,
    percent,
    rate,
)
from peaceful._present.text import count, one_line
from peaceful._process_signals import can_press_keys
from peaceful.interrupt import SendResult

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._commands.run_request import RunRequest

_RARELY: Final = 10.0
"""Seconds between two lines about one item's progress."""


class JsonLinesSink(Show):
    """A sink that writes each event as a line: its name under `event`, then its fields."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def receive(self, events: Sequence[Event]) -> None:
        self._writer.write("".join([json_line(event) for event in events]))

    def say(self, text: str) -> None:
        """Write the line as an event of its own."""
        self._writer.write(json_line({"event": "output", "text": text}))


class LogSink(Show):
    """A sink that writes a line when something is changed or has ended; rarely in between.

    What was found unchanged is only counted.
    """

    def __init__(
        self, writer: Writer, look: Look, zone: tzinfo, *, interrupts_only: bool = False
    ) -> None:
        self._writer = writer
        self._look = look
        self._zone = zone
        self._interrupts_only = interrupts_only
        self._shown_at: dict[ItemId, datetime] = {}
        self._started: ExecutionStarted | None = None
        self._execution_id = ""
        self._pressed = False
        self._unchanged = 0

    def receive(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, ExecutionStarted):
                self._execution_id = event.execution.id
        # What an item goes through in one go has a line for the last of it only.
        latest = {
            event.item: event
            for event in events
            if isinstance(event, ItemStarted | ChangeStarted | ItemEnded)
        }
        text = "".join(
            self._entry(event)
            for event in events
            if not isinstance(event, ItemStarted | ChangeStarted) or latest[event.item] is event
        )
        if text:
            self._write(text)

    def say(self, text: str) -> None:
        self._write(f"{one_line(text)}\n")

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Write that a press changed nothing; of one that did, an event comes."""
        if signal.source is not InterruptSource.SIGINT:
            return
        self._pressed = True
        again = next_press_sentence(signal.level, 2)
        if self._look.ctrl_c and result is SendResult.UNCHANGED and again:
            self._write(self._line(signal.requested_at, f"Already interrupted. {again}"))

    def _entry(self, event: Event) -> str:
        match event:
            case InterruptRequested(signal=signal, in_progress=busy, looking=looking):
                said = interrupt_lines(signal, busy, looking, self._look, pressed=self._pressed)
                text = " ".join(said)
            case Warned():
                text = f"warning: {one_line(typed_commands(event.text, self._look.typed))}"
            case ApprovalAsked(item=item, question=question):
                # Whatever is shown else: it waits for whoever reads this.
                how = self._look.typed("approve", self._execution_id, item)
                text = f"{item}: {WAITING_FOR_APPROVAL}: {question} Answer it with: {how}"
            case ApprovalEnded(item=item, approval=Approval() as approval):
                text = f"{item}: {approval}"
            case _:
                text = "" if self._interrupts_only else self._text(event)
        return self._line(event.at, text) if text else ""

    def _text(self, event: Event) -> str:
        match event:
            case ItemStarted() | ChangeStarted() | ItemProgressed() | ItemEnded():
                text = self._item_text(event)
                return f"{event.item}: {text}" if text else ""
            case BlockStarted(block=block, items=items):
                return f"{block_words(block)}: {count(len(items), 'item')}" if items else ""
            case BlockEnded(block=block):
                number, self._unchanged = self._unchanged, 0
                words = f"{count(number, 'item')} unchanged"
                return f"{block_words(block)}: {words}" if number else ""
            case ExecutionStarted():
                self._started = event
                return (
                    f"{self._look.title(event.execution)}: started, execution {event.execution.id}"
                )
            case ExecutionEnded():
                assert self._started is not None, "what has ended has begun"
                title = self._look.title(self._started.execution)
                return f"{title}: {ending_words(self._started.at, event)}"
            case ApprovalAsked() | ApprovalEnded() | InterruptRequested() | Warned():
                return ""

    def _item_text(self, event: ItemStarted | ChangeStarted | ItemProgressed | ItemEnded) -> str:
        match event:
            case ItemProgressed(at=at, item=item, progress=progress):
                if (at - self._shown_at.setdefault(item, at)).total_seconds() < _RARELY:
                    return ""
                self._shown_at[item] = at
                return progress_words(progress)
            case ItemEnded(status=ItemStatus.UNCHANGED):
                self._unchanged += 1
                return ""
            case ItemEnded(item=item, status=status):
                message = event.message or (event.shown if status is ItemStatus.DONE else "")
                return f"{status_words(item, status, message)}, {duration(event.seconds)}"
            case _:
                self._shown_at[event.item] = event.at
                phase = event.phase if isinstance(event, ItemStarted) else Phase.CHANGING
                return "" if phase is Phase.LOOKING else f"started {phase or ''}".rstrip()

    def _write(self, text: str) -> None:
        self.left = True
        self._writer.write(text)

    def _line(self, at: datetime, text: str) -> str:
        return f"{date_time_zone(at, self._zone)} {text}\n"


def progress_words(progress: Progress) -> str:
    """Return the progress of an item in one line."""
    stalled, left = progress.stalled_for, progress.seconds_left
    parts = (
        "" if stalled is None else f"no sign of progress for {duration(stalled)}",
        one_line(progress.message),
        percent(progress),
        amount(progress),
        rate(progress),
        time_left(left) if left else "",
    )
    return ", ".join(part for part in parts if part) or "in progress"


def show_for(
    invocation: Invocation, title: Callable[[ExecutionInfo], str], request: RunRequest
) -> Show:
    """Return the display of a command's progress, as the options say."""
    stderr = invocation.stderr
    style = invocation.options.progress
    if style == "auto":
        # Nobody else may draw on the terminal.
        smart = stderr.is_terminal and os.environ.get("TERM") != "dumb"
        draws = smart and stderr.in_foreground()
        style = "bar" if draws else "log"
    if style == "json":
        return JsonLinesSink(stderr)
    answer_below = invocation.stdout.same_place(stderr) and invocation.options.format == "text"
    look = Look(
        title=title,
        typed=invocation.line,
        answers=can_type_answers(),
        main_block=request.main_block,
        ctrl_c=invocation.signals.heeds(InterruptSource.SIGINT.name) and can_press_keys(),
        stop_timeout=invocation.stop_timeout(),
        closing=not answer_below,
        # Of what only looks, the answer is all that matters.
        vanishing=answer_below and (request.only_says or request.command == "diff"),
        color=invocation.colors(stderr),
    )
    if style == "bar":
        return BarSink(stderr, look, SystemClock())
    return LogSink(stderr, look, local_zone(), interrupts_only=style == "none")
