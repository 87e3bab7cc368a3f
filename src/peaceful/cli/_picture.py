"""The picture of a running execution, as lines: what gets a line where there is not room for all.

A pure function of the board and of the size of the terminal. Whatever runs has a line of its own as
long as there is room; the rest is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from peaceful.cli._board import Board
from peaceful.cli._footer import footer_lines
from peaceful.cli._frame import Frame
from peaceful.cli._item_lines import ended_line, running_line
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._wrapping import clipped
from peaceful.model import ItemEnded, ItemStatus
from peaceful.present import STATUS_ORDER, live_word, shortened, status_word

_WIDEST: Final = 100
"""Columns of a picture at most: further apart, the eye loses the line."""

_ENDINGS_SHOWN: Final = 12
"""Endings that keep a line at most; the rest is counted."""


def picture(board: Board, frame: Frame) -> list[Line]:
    """The lines of the picture, no more and no wider than there is room."""
    width = max(1, min(frame.width, _WIDEST))
    footer = footer_lines(board, frame, width)[: max(1, frame.height)]
    rows = max(0, frame.height - len(footer))
    running, ended = len(board.running), board.ended_count

    # From what matters most to what matters least: some of what runs, that there is more to come,
    # what it is about, air between the parts, and at last what has ended.
    waiting = board.waiting > 0 and board.ending is None and rows > min(running, 2)
    rows -= waiting
    title = rows > min(running, 3)
    rows -= title
    airy = rows >= min(running, 6) + 2 + bool(ended)
    rows -= 2 * airy
    for_ended = ended > 0 and rows > 3  # A line for them, if it only counts.
    running_lines = _running_lines(board, frame, min(rows - for_ended, running), width)
    body = [*_ended_lines(board, frame, rows - len(running_lines), width), *running_lines]
    if waiting:
        word = live_word(in_progress=False, interrupting=board.interrupt is not None)
        body.append(line((f"  {frame.dot} {board.waiting:,} {word}", Style.FAINT)))

    gap = [line("")] if airy else []
    head = [line((shortened(frame.title, width), Style.STRONG))] if title else []
    parts = [part for part in (head, body, footer) if part]
    lines = [each for part in parts for each in (*gap, *part)][len(gap) :]
    return [clipped(each, width) for each in lines]


def _running_lines(board: Board, frame: Frame, rows: int, width: int) -> list[Line]:
    if rows <= 0:
        return []
    running = list(board.running.items())
    shown = running if len(running) <= rows else running[: rows - 1]
    lines = [running_line(item, each, board, frame, width) for item, each in shown]
    if len(shown) < len(running):
        lines.append(line(f"  {frame.spinner} {len(running) - len(shown):,} more running"))
    return lines


def _ended_lines(board: Board, frame: Frame, rows: int, width: int) -> list[Line]:
    if rows <= 0 or not board.ended:
        return []
    shown = _kept(board, rows)
    lines: list[Line] = []
    if len(shown) < board.ended_count:
        shown = _kept(board, min(rows - 1, _ENDINGS_SHOWN))
        hidden = board.counts - Counter(each.status for each in shown)
        lines.append(_hidden_line(hidden, frame))
    return [*lines, *(ended_line(each, board, frame, width) for each in shown)]


def _kept(board: Board, most: int) -> list[ItemEnded]:
    """The endings that keep a line: failures first of all, then the newest; in their order."""
    if most <= 0:
        return []
    ended = list(board.ended)
    failed = [each for each in ended if each.status is ItemStatus.FAILED][-most:]
    others = [each for each in ended if each.status is not ItemStatus.FAILED]
    room = most - len(failed)
    kept = {each.item for each in [*failed, *(others[-room:] if room else [])]}
    return [each for each in ended if each.item in kept]


def _hidden_line(hidden: Mapping[ItemStatus, int], frame: Frame) -> Line:
    counts = ", ".join(
        f"{hidden[status]:,} {status_word(status)}" for status in STATUS_ORDER if hidden.get(status)
    )
    return line((f"  {frame.dot} before: {counts}", Style.FAINT))
