"""The outcome of a command, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import wrapped
from peaceful._model.codec import ItemId
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import InterruptSource
from peaceful._model.outcome import ItemStatus, OutcomeKind, state_after
from peaceful._present.summary import (
    Summary,
    SummaryRow,
    interrupted_how,
    status_symbol,
    status_word,
)
from peaceful._present.text import display_width, fitted, fitted_list, one_line, padded, shortened

STATUS_STYLES: Final[Mapping[ItemStatus, Style]] = {
    ItemStatus.DONE: Style.GOOD,
    ItemStatus.WOULD_CREATE: Style.GOOD,
    ItemStatus.WOULD_CHANGE: Style.CUT,
    ItemStatus.WOULD_REPLACE: Style.BAD,
    ItemStatus.WOULD_REMOVE: Style.BAD,
    ItemStatus.UNKNOWN: Style.CUT,
    ItemStatus.UNCHANGED: Style.FAINT,
    ItemStatus.FAILED: Style.BAD,
    ItemStatus.STOPPED: Style.CUT,
    ItemStatus.ABANDONED: Style.CUT,
    ItemStatus.NOT_STARTED: Style.FAINT,
}


class OutcomeMessage(msgspec.Struct, frozen=True):
    """The message of an outcome; of a dry run, `messages` say what would be done."""

    title: str
    summary: Summary
    carry_on: str  # a command to type, or empty if none would do
    what_is_left: str = ""  # a command to type, or empty
    messages: Sequence[tuple[ItemId, ItemStatus, str]] = ()


def outcome_lines(message: OutcomeMessage, page: Page) -> list[Line]:
    """Return a few lines, however many items there are; for a dry run, one for each change."""
    summary = message.summary
    lines = [_headline(message, page), line("")]
    # Where nothing would be done, or nobody knows anything, a count says enough.
    said = [
        (item, status, status_words(status, text))
        for item, status, text in message.messages
        if status not in {ItemStatus.UNCHANGED, ItemStatus.NOT_STARTED}
    ]
    lines += [*message_lines(said, page), line("")] if said else []
    rows = _rows(summary.rows, page)
    lines += [*rows, line("")] if rows else []
    lines += _remarks(summary, page)
    if message.carry_on and summary.kind is not OutcomeKind.COMPLETE:
        lines += _next_steps(message, page)
    return lines[:-1] if lines[-1] == line("") else lines


def message_lines(messages: Sequence[tuple[ItemId, ItemStatus, str]], page: Page) -> list[Line]:
    """Return a line for each item: a symbol, its name, and its message."""
    names = min(max(display_width(item) for item, _, _ in messages), page.room // 2)
    lines: list[Line] = []
    for item, status, text in messages:
        symbol = status_symbol(status, ascii_only=page.ascii_only)
        name, words = fitted(item, names), fitted(text, page.room - names - 6)
        lines.append(
            line("  ", (symbol, STATUS_STYLES[status]), f" {padded(name, names)}  {words}")
        )
    return lines


def _headline(message: OutcomeMessage, page: Page) -> Line:
    how = message.summary.headline
    room = page.room - display_width(how) - 3
    if room < 20:
        return line((shortened(how, page.room), Style.STRONG))
    return line(f"{shortened(message.title, room)} · ", (how, Style.STRONG))


def _rows(rows: Sequence[SummaryRow], page: Page) -> list[Line]:
    """Return a row for each status: the word, the count, and as many names as fit."""
    words = max((len(row.word) for row in rows), default=0)
    counts = max((len(f"{row.count:,}") for row in rows), default=0)
    lines: list[Line] = []
    for row in rows:
        label = f"  {padded(row.word, words)}  {padded(f'{row.count:,}', counts, right=True)}"
        room = page.width - len(label) - 3
        names = fitted_list(row.items, max(0, room))
        lines.append(line((label, STATUS_STYLES[row.status]), f"   {names}"))
    return lines


def _remarks(summary: Summary, page: Page) -> list[Line]:
    lines: list[Line] = []
    signal = summary.interrupt
    if (
        state_after(summary.kind) is ExecutionState.INTERRUPTED
        and signal
        and signal.source is not InterruptSource.SIGINT
    ):
        lines.append(line(shortened(f"  Interrupted {interrupted_how(signal)}", page.room)))
    if summary.remark:
        lines += [line(f"  {part}") for part in wrapped(summary.remark, page.width - 2)]
    return lines


def _next_steps(message: OutcomeMessage, page: Page) -> list[Line]:
    steps = [f"Carry on with: {message.carry_on}"]
    if message.what_is_left:
        steps.append(f"What is left: {message.what_is_left}")
    together = f"  {'        '.join(steps)}"
    if display_width(together) <= page.width:
        return [line(together)]
    # What is to be typed is not cut: a terminal wraps it, and it can still be copied.
    return [line(f"  {step}") for step in steps]


def status_words(status: ItemStatus, message: str) -> str:
    """Return how an item ended, with its message."""
    word, words = status_word(status), one_line(message)
    return f"{word}: {words}" if words and words != word else word
