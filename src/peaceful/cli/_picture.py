"""The picture of a running execution, as lines: a pure function of the board and the size of the terminal.

Whatever runs has a line of its own as long as there is room; the rest is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from peaceful.cli._board import Board, Running
from peaceful.cli._lines import Line, Span, Style, line
from peaceful.cli._statuses import STATUS_STYLES
from peaceful.cli._wrapping import wrapped
from peaceful.interrupt.os_signals import STOP_TIMEOUT
from peaceful.model import (
    InterruptLevel,
    InterruptRequested,
    InterruptSource,
    ItemEnded,
    ItemId,
    ItemStatus,
    Progress,
)
from peaceful.present import (
    STATUS_ORDER,
    amount,
    display_width,
    duration,
    estimate,
    fitted,
    interrupt_sentence,
    interrupted_how,
    next_press_sentence,
    one_line,
    padded,
    percent,
    rate,
    status_symbol,
    status_word,
    time_left,
)

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER: Final = "|/-\\"

_WIDEST: Final = 100
"""Columns of a picture at most: further apart, the eye loses the line."""

_FINISHED_SHOWN: Final = 12
"""Endings that keep a line at most; the rest is counted."""

_BAR: Final = (6, 20)
"""Columns of a bar, at least and at most."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of a picture.

    Attributes:
        width: columns that there are.
        height: lines that there are.
        now: UTC.
        tick: counts the frames, which moves what shows that something moves.
        title: what is executed, in words: `envman deploy · internal_dev_a · 0193a5c2`.
        main_block: the block that needs no name, because it is what the command is about.
        ctrl_c: whether Ctrl-C interrupts.
        closing: whether the ending is told by the picture, and not by what is printed after it.
        ascii_only: whether the terminal has ASCII only.
    """

    width: int
    height: int
    now: datetime
    tick: int
    title: str
    main_block: str = ""
    ctrl_c: bool = True
    closing: bool = False
    ascii_only: bool = False


def picture(board: Board, frame: Frame) -> list[Line]:
    """The lines of the picture, no more and no wider than there is room."""
    width = max(1, min(frame.width, _WIDEST))
    footer = _footer(board, frame, width)[: max(1, frame.height)]
    rows = max(0, frame.height - len(footer))
    running = list(board.running.items())
    ended = _last_endings(board)

    waiting = board.waiting > 0 and board.ending is None and rows > min(len(running), 2)
    rows -= waiting
    title = rows > min(len(running), 3)
    rows -= title
    airy = rows >= min(len(running), 6) + 2 + bool(ended)
    rows -= 2 * airy

    running_lines = _running_lines(board, frame, running, min(rows, len(running)), width)
    rows -= len(running_lines)
    ended_lines = _ended_lines(board, frame, ended, rows, width)

    lines = [line((fitted(frame.title, width), Style.STRONG))] if title else []
    body = [*ended_lines, *running_lines]
    if waiting:
        body.append(line((fitted(f"  {_dot(frame)} {board.waiting:,} waiting", width), Style.FAINT)))
    gap = [line("")] if airy and body else []
    return [*lines, *(gap if lines else []), *body, *(gap if footer else []), *footer]


# ---- endings


def _last_endings(board: Board) -> list[ItemEnded]:
    """Those that keep a line: failures first of all, then the newest; in the order in which they came."""
    ended = list(board.ended)
    failed = [each for each in ended if each.status is ItemStatus.FAILED]
    others = [each for each in ended if each.status is not ItemStatus.FAILED]
    room = max(0, _FINISHED_SHOWN - len(failed))
    kept = {each.item for each in [*failed[-_FINISHED_SHOWN:], *(others[-room:] if room else [])]}
    return [each for each in ended if each.item in kept]


def _ended_lines(
    board: Board, frame: Frame, ended: list[ItemEnded], rows: int, width: int
) -> list[Line]:
    if rows <= 0 or not ended:
        return []
    shown = ended[-rows:]
    if len(shown) < board.ended_count:
        shown = ended[len(ended) - rows + 1 :] if len(ended) >= rows else ended
        hidden = board.counts - Counter(each.status for each in shown)
        return [_hidden_line(hidden, frame, width), *(_ended_line(e, board, frame, width) for e in shown)]
    return [_ended_line(each, board, frame, width) for each in shown]


def _hidden_line(hidden: Mapping[ItemStatus, int], frame: Frame, width: int) -> Line:
    counts = ", ".join(
        f"{hidden[status]:,} {status_word(status)}" for status in STATUS_ORDER if hidden.get(status)
    )
    return line((fitted(f"  {_dot(frame)} before: {counts}", width), Style.FAINT))


def _ended_line(ended: ItemEnded, board: Board, frame: Frame, width: int) -> Line:
    symbol = (status_symbol(ended.status, ascii_only=frame.ascii_only), STATUS_STYLES[ended.status])
    return _item_line(symbol, ended.item, board, _ending_words(ended), duration(ended.seconds), width)


def _ending_words(ended: ItemEnded) -> str:
    word = status_word(ended.status)
    match ended.status:
        case ItemStatus.DONE:
            return one_line(ended.message or ended.shown) or word
        case ItemStatus.UNCHANGED:
            return word
        case _:
            message = one_line(ended.message)
            return f"{word}: {message}" if message and message != word else word


# ---- what runs


def _running_lines(
    board: Board, frame: Frame, running: list[tuple[ItemId, Running]], rows: int, width: int
) -> list[Line]:
    if rows <= 0:
        return []
    shown = running if len(running) <= rows else running[: rows - 1]
    lines = [_running_line(item, each, board, frame, width) for item, each in shown]
    if len(shown) < len(running):
        more = f"  {_spin(frame)} {len(running) - len(shown):,} more running"
        lines.append(line(fitted(more, width)))
    return lines


def _running_line(item: ItemId, running: Running, board: Board, frame: Frame, width: int) -> Line:
    elapsed = max(0.0, (frame.now - running.since).total_seconds())
    progress = running.progress
    symbol = (_spin(frame), Style.PLAIN)
    if progress is None:
        return _item_line(symbol, item, board, "", duration(elapsed), width)
    if progress.stalled_for is not None:
        words = f"no sign of progress for {duration(progress.stalled_for)}"
        return _item_line(symbol, item, board, words, duration(elapsed), width)
    if progress.fraction is None:
        words = "  ".join(
            part for part in (one_line(progress.message), amount(progress), rate(progress)) if part
        )
        return _item_line(symbol, item, board, words, duration(elapsed), width)
    return _bar_line(symbol, item, board, progress, frame, width)


def _item_line(
    symbol: Span, item: ItemId, board: Board, words: str, right: str, width: int
) -> Line:
    """A symbol, a name, some words, and something at the right edge; what is least important goes first."""
    name, room = _name_column(item, board, width)
    if display_width(words) + display_width(right) + 2 > room and room - len(right) - 2 < 8:
        right = ""
    words_room = room - (display_width(right) + 2 if right else 0)
    words = fitted(words, words_room) if words_room > 0 else ""
    if not right:
        return line("  ", symbol, f" {name}  {words}")
    return line("  ", symbol, f" {name}  {padded(words, words_room)}  ", (right, Style.FAINT))


def _bar_line(
    symbol: Span, item: ItemId, board: Board, progress: Progress, frame: Frame, width: int
) -> Line:
    name, room = _name_column(item, board, width)
    share = padded(percent(progress), 5, right=True)
    left = "" if progress.seconds_left is None else time_left(progress.seconds_left)
    sets = (
        (share, amount(progress), rate(progress), left),
        (share, amount(progress), left),
        (share, left),
        (share,),
    )
    for parts in sets:
        before = "  ".join(part for part in parts[:-1] if part) if len(parts) > 1 else parts[0]
        after = parts[-1] if len(parts) > 1 else ""
        words = display_width(before) + (display_width(after) + 2 if after else 0)
        bar = min(_BAR[1], room - words - 2)
        if bar >= _BAR[0]:
            space = room - bar - 2 - words
            tail = f"  {before}{' ' * (space + 2) if after else ''}"
            return line(
                "  ", symbol, f" {name}  ", *_bar(progress, bar, frame), tail, (after, Style.FAINT)
            )
    return line("  ", symbol, f" {name}  ", fitted(percent(progress), room) if room > 0 else "")


def _bar(progress: Progress, width: int, frame: Frame) -> tuple[Span, Span]:
    halves = int((progress.fraction or 0) * width * 2)
    if frame.ascii_only:
        filled = "#" * (halves // 2)
    else:
        filled = "━" * (halves // 2) + "╸" * (halves % 2)
    return (filled, Style.GOOD), (" " * (width - len(filled)), Style.PLAIN)


def _name_column(item: ItemId, board: Board, width: int) -> tuple[str, int]:
    """The name, filled up or shortened to its column, and the columns to the right of it."""
    room = max(1, width - 4)
    column = min(board.name_width, max(8, room * 2 // 5), room)
    return padded(fitted(item, column), column), room - column - 2


# ---- the last lines


def _footer(board: Board, frame: Frame, width: int) -> list[Line]:
    if board.ending is not None:
        if not frame.closing:
            return []
        took = (board.ending.at - board.execution.started_at).total_seconds() if board.execution else 0
        words = board.ending.outcome.replace("_", " ")
        return [line(fitted(f"  {words} after {duration(took)}", width))]
    if board.interrupt is not None:
        most = 1 if frame.height < 8 else 2
        sentences = interrupt_lines(board.interrupt, tuple(board.running), pressed=board.pressed)
        return [
            line("  ", (part, Style.CUT))
            for sentence in sentences
            for part in wrapped(sentence, width - 2, most)
        ]
    return [line(fitted(f"  {' · '.join(_counts(board, frame))}", width))]


def _counts(board: Board, frame: Frame) -> list[str]:
    parts: list[str] = []
    if board.total:
        count = f"{board.ended_count:,} of {board.total:,}"
        named = board.block and board.block != frame.main_block
        parts.append(f"{block_words(board.block)}: {count}" if named else count)
    left = _seconds_left(board, frame.now)
    if left is not None:
        parts.append(f"about {estimate(left)} left")
    if frame.ctrl_c:
        parts.append("Ctrl-C to interrupt safely")
    return parts or ["starting"]


def _seconds_left(board: Board, now: datetime) -> float | None:
    """A guess: what is left goes as what is done went. None while that says little."""
    if board.block_since is None or not board.total:
        return None
    elapsed = (now - board.block_since).total_seconds()
    started = sum(
        each.progress.fraction or 0 for each in board.running.values() if each.progress is not None
    )
    share = (board.ended_count + started) / board.total
    if elapsed < 2 or share < 0.05 or share >= 1:
        return None
    return elapsed * (1 - share) / share


def interrupt_lines(
    interrupt: InterruptRequested, in_progress: tuple[ItemId, ...], *, pressed: bool
) -> list[str]:
    """What an interrupt does now, and what comes next.

    Args:
        interrupt: the newest one.
        in_progress: the items that are in progress now.
        pressed: whether Ctrl-C was pressed, so that pressing it again does more.
    """
    signal = interrupt.signal
    sentence = interrupt_sentence(signal.level, in_progress)
    how = "" if signal.source is InterruptSource.SIGINT else f" ({interrupted_how(signal)})"
    lines = [f"Interrupting{how}: {sentence}"]
    if pressed or signal.source is InterruptSource.SIGINT:
        lines.append(next_press_sentence(signal.level, len(in_progress)))
    elif signal.source in _WITH_DEADLINE and signal.level is InterruptLevel.STOP and in_progress:
        them = "it is" if len(in_progress) == 1 else "they are"
        lines.append(
            f"{duration(STOP_TIMEOUT * 0.6)} after the signal {them} asked to stop; "
            f"after {duration(STOP_TIMEOUT)}, abandoned."
        )
    return [each for each in lines if each]


_WITH_DEADLINE: Final = frozenset({InterruptSource.SIGTERM, InterruptSource.SIGHUP})


def block_words(block: str) -> str:
    """The name of a block as words: `SyncCheck` is `sync check`."""
    return "".join(
        f" {letter.lower()}" if letter.isupper() and place else letter.lower()
        for place, letter in enumerate(block)
    )


def _spin(frame: Frame) -> str:
    signs = _ASCII_SPINNER if frame.ascii_only else _SPINNER
    return signs[frame.tick % len(signs)]


def _dot(frame: Frame) -> str:
    return status_symbol(ItemStatus.NOT_STARTED, ascii_only=frame.ascii_only)
