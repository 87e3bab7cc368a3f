"""The line of an item in the picture: a symbol, its name, and what else there is room for."""

from __future__ import annotations

from typing import Final

from peaceful.cli._board import Board, Running
from peaceful.cli._frame import Frame
from peaceful.cli._lines import Line, Span, Style, line
from peaceful.cli._statuses import STATUS_STYLES
from peaceful.model import ItemEnded, ItemId, ItemStatus, Progress
from peaceful.present import (
    amount,
    display_width,
    duration,
    fitted,
    one_line,
    padded,
    percent,
    rate,
    status_symbol,
    status_word,
    time_left,
)

_BAR: Final = (6, 20)
"""Columns of a bar, at least and at most."""

_WORDS: Final = 8
"""Columns that words need to say anything."""


def ended_line(ended: ItemEnded, board: Board, frame: Frame, width: int) -> Line:
    """An item that has ended: how, and what of."""
    symbol = (status_symbol(ended.status, ascii_only=frame.ascii_only), STATUS_STYLES[ended.status])
    return _words_line(
        symbol, ended.item, board, ending_words(ended), duration(ended.seconds), width
    )


def ending_words(ended: ItemEnded) -> str:
    """How an item ended: what was done, or the word for it with the reason."""
    word = status_word(ended.status)
    match ended.status:
        case ItemStatus.DONE:
            return one_line(ended.message or ended.shown) or word
        case ItemStatus.UNCHANGED:
            return word
        case _:
            message = one_line(ended.message)
            return f"{word}: {message}" if message and message != word else word


def running_line(item: ItemId, running: Running, board: Board, frame: Frame, width: int) -> Line:
    """An item in progress: its bar where it is known how much there is to do, else what it says."""
    symbol = (frame.spinner, Style.PLAIN)
    elapsed = duration((frame.now - running.since).total_seconds())
    progress = running.progress
    if progress is None:
        return _words_line(symbol, item, board, "", elapsed, width)
    if progress.stalled_for is not None:
        words = f"no sign of progress for {duration(progress.stalled_for)}"
        return _words_line(symbol, item, board, words, elapsed, width)
    if progress.fraction is not None:
        return _bar_line(symbol, item, running, board, frame, width)
    parts = (one_line(progress.message), amount(progress), rate(progress))
    words = ", ".join(part for part in parts if part)
    return _words_line(symbol, item, board, words, elapsed, width)


def _words_line(
    symbol: Span, item: ItemId, board: Board, words: str, right: str, width: int
) -> Line:
    """With some words, and something at the right edge where the words leave room for it."""
    name, room = _name_column(item, board, width)
    beside = room - display_width(right) - 2
    if display_width(words) > beside and beside < _WORDS:
        return line("  ", symbol, f" {name}  {fitted(words, room)}")
    words = padded(fitted(words, beside), beside)
    return line("  ", symbol, f" {name}  {words}  ", (right, Style.FAINT))


def _bar_line(
    symbol: Span, item: ItemId, running: Running, board: Board, frame: Frame, width: int
) -> Line:
    """With a bar and the richest set of figures that leave room for one."""
    progress = running.progress
    assert progress is not None
    name, room = _name_column(item, board, width)
    share = padded(percent(progress), 5, right=True)
    if not progress.seconds_left:
        left = duration((frame.now - running.since).total_seconds())
    else:
        left = time_left(progress.seconds_left)
    for figures, right in (
        ((share, amount(progress), rate(progress)), left),
        ((share, amount(progress)), left),
        ((share,), left),
        ((share,), ""),
    ):
        words = "  ".join(figure for figure in figures if figure)
        taken = display_width(words) + (display_width(right) + 2 if right else 0)
        bar = min(_BAR[1], room - taken - 2)
        if bar >= _BAR[0]:
            space = " " * (room - bar - taken - 2)
            tail = f"  {words}{space}  " if right else f"  {words}"
            bars = _bar(progress, bar, frame)
            return line("  ", symbol, f" {name}  ", *bars, tail, (right, Style.FAINT))
    return line("  ", symbol, f" {name}  {percent(progress)}")


def _bar(progress: Progress, width: int, frame: Frame) -> tuple[Span, Span]:
    halves = int((progress.fraction or 0) * width * 2)
    whole, half = ("#", "") if frame.ascii_only else ("━", "╸")
    filled = whole * (halves // 2) + half * (halves % 2)
    return (filled, Style.GOOD), (" " * (width - len(filled)), Style.PLAIN)


def _name_column(item: ItemId, board: Board, width: int) -> tuple[str, int]:
    """The name, filled up or shortened to its column, and the columns to the right of it."""
    room = max(1, width - 4)
    column = min(board.name_width, max(8, room * 2 // 5), room)
    return padded(fitted(item, column), column), room - column - 2
