"""The picture of a running execution: a bar for each item, a line for the whole."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from peaceful._cli.progress.outcome_text import STATUS_STYLES
from peaceful._cli.terminal.text import Line, Span, Style, line
from peaceful._cli.terminal.wrapping import clipped, wrapped
from peaceful._model.event import BlockStarted, Event, ExecutionEnded, InterruptRequested, ItemEnded
from peaceful._model.execution import ExecutionInfo
from peaceful._model.field_types import ItemId
from peaceful._model.interrupt import (
    CANCEL_AFTER,
    PROCESS_SIGNALS,
    STOP_TIMEOUT,
    InterruptLevel,
    InterruptSource,
)
from peaceful._model.outcome import ItemStatus, OutcomeKind
from peaceful._model.progress import Progress
from peaceful._model.snapshot import Snapshot
from peaceful._present.numbers import duration, estimate, time_left
from peaceful._present.summary import (
    STATUS_ORDER,
    amount,
    interrupt_sentence,
    interrupted_how,
    live_word,
    next_press_sentence,
    percent,
    rate,
    status_symbol,
    status_word,
    summarise,
)
from peaceful._present.text import display_width, fitted, one_line, padded, shortened

KEPT = 60
"""How many of the last endings are kept: more than a terminal shows."""

_MEASURED = 1000
"""How many names are measured for the width of their column; a wider one further on is cut."""


class Running(msgspec.Struct, frozen=True):
    """An item in progress.

    Attributes:
        since: UTC.
        progress: how far it is, or none where it said nothing yet.
    """

    since: datetime
    progress: Progress | None = None


class Board:
    """How an execution stands, with what a picture needs besides.

    Attributes:
        block: the newest block that has items, or empty.
        block_since: when it began; none before.
        name_width: the columns of the widest of their names.
        counts: how many of them ended in which way.
        ended: their last endings, newest last; failures are kept longest.
        pressed: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.block: str = ""
        self.block_since: datetime | None = None
        self.name_width: int = 0
        self.counts: Counter[ItemStatus] = Counter()
        self.ended: deque[ItemEnded] = deque()
        self.pressed: bool = False
        self._snapshot = Snapshot()

    @property
    def execution(self) -> ExecutionInfo | None:
        """What is known of the execution, or none before it starts."""
        return self._snapshot.execution

    @property
    def interrupt(self) -> InterruptRequested | None:
        """The newest interrupt, or none."""
        return self._snapshot.interrupt

    @property
    def ending(self) -> ExecutionEnded | None:
        """The last event, once it is there."""
        return self._snapshot.ending

    @property
    def total(self) -> int:
        """How many items the block goes through."""
        return len(self._snapshot.block_items)

    @property
    def running(self) -> Mapping[ItemId, Running]:
        """The items in progress; none once the execution has ended."""
        now = self._snapshot
        if now.ending is not None:
            return {}
        return {item: Running(now.since[item], each) for item, each in now.running.items()}

    @property
    def ended_count(self) -> int:
        """How many items of the block have ended."""
        return self.counts.total()

    @property
    def waiting(self) -> int:
        """How many items of the block have not started."""
        return max(0, self.total - self.ended_count - len(self.running))

    def add(self, event: Event) -> None:
        """Takes an event in, at constant cost."""
        self._snapshot.add(event)
        match event:
            case ItemEnded(status=status):
                self.counts[status] += 1
                self._keep(event)
            case BlockStarted(items=[_, *_]):
                self._begin(event)
            case _:
                pass

    def _begin(self, started: BlockStarted) -> None:
        self.block, self.block_since = started.block, started.at
        self.name_width = max(display_width(item) for item in started.items[:_MEASURED])
        self.counts.clear()
        self.ended.clear()

    def _keep(self, ending: ItemEnded) -> None:
        if len(self.ended) == KEPT:
            oldest_fine = next(
                (each for each in self.ended if each.status is not ItemStatus.FAILED), self.ended[0]
            )
            self.ended.remove(oldest_fine)
        self.ended.append(ending)


_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER: Final = "|/-\\"


class Frame(msgspec.Struct, frozen=True):
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

    @property
    def spinner(self) -> str:
        """One column that moves from frame to frame."""
        signs = _ASCII_SPINNER if self.ascii_only else _SPINNER
        return signs[self.tick % len(signs)]

    @property
    def dot(self) -> str:
        """One column for what has not started."""
        return status_symbol(ItemStatus.NOT_STARTED, ascii_only=self.ascii_only)


_SMALL: Final = 8
"""Lines of a terminal in which each sentence gets one only."""


def footer_lines(board: Board, frame: Frame, width: int) -> list[Line]:
    """How far the whole is; or what an interrupt does; or how it all ended."""
    if board.ending is not None:
        return [line(f"  {_ending(board)}")] if frame.closing else []
    if board.interrupt is None:
        return [line(f"  {_counts(board, frame, width - 2)}")]
    most = 1 if frame.height < _SMALL else 2
    sentences = interrupt_lines(board.interrupt, tuple(board.running), pressed=board.pressed)
    return [
        line("  ", (part, Style.CUT))
        for sentence in sentences
        for part in wrapped(sentence, width - 2, most)
    ]


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
    how = "" if signal.source is InterruptSource.SIGINT else f" ({interrupted_how(signal)})"
    lines = [f"Interrupting{how}: {interrupt_sentence(signal.level, in_progress)}"]
    if pressed or signal.source is InterruptSource.SIGINT:
        lines.append(next_press_sentence(signal.level, len(in_progress)))
    elif signal.source in PROCESS_SIGNALS and signal.level is InterruptLevel.STOP and in_progress:
        subject = "it is" if len(in_progress) == 1 else "they are"
        lines.append(
            f"{duration(STOP_TIMEOUT * CANCEL_AFTER)} after the signal {subject} asked to stop, "
            f"and after {duration(STOP_TIMEOUT)} abandoned."
        )
    return [each for each in lines if each]


def ending_words(started_at: datetime, ending: ExecutionEnded) -> str:
    """How an execution ended, in a few words: `interrupted after 4.2 s`."""
    seconds = (ending.at - started_at).total_seconds()
    kind = ending.outcome or OutcomeKind.ERROR
    return summarise(kind, {}, seconds=seconds, interrupt=ending.interrupt).headline


def block_words(block: str) -> str:
    """The name of a block as words: `SyncCheck` is `sync check`."""
    return "".join(
        f" {letter.lower()}" if letter.isupper() and place else letter.lower()
        for place, letter in enumerate(block)
    )


def _ending(board: Board) -> str:
    assert board.ending is not None
    assert board.execution is not None, "what has ended has begun"
    return ending_words(board.execution.started_at, board.ending)


def _counts(board: Board, frame: Frame, width: int) -> str:
    """How far the whole is, how long it takes still, and which key interrupts; what fits of it."""
    count = f"{board.ended_count:,} of {board.total:,}" if board.total else ""
    if count and board.block != frame.main_block:
        count = f"{block_words(board.block)}: {count}"
    seconds = _seconds_left(board, frame.now)
    left = "" if seconds is None else f"about {estimate(seconds)} left"
    keys = _KEYS if frame.ctrl_c else ("",)
    forms = [
        " · ".join(part for part in parts if part)
        for parts in ((count, left, keys[0]), *((count, key) for key in keys))
    ]
    return next((form for form in forms if display_width(form) <= width), forms[-1]) or "starting"


_KEYS: Final = ("Ctrl-C to interrupt safely", "Ctrl-C interrupts", "Ctrl-C")


def _seconds_left(board: Board, now: datetime) -> float | None:
    """A guess: what is left goes as what is done went. None while that says little."""
    if board.block_since is None or not board.total:
        return None
    elapsed = (now - board.block_since).total_seconds()
    begun = sum(
        each.progress.fraction or 0 for each in board.running.values() if each.progress is not None
    )
    share = (board.ended_count + begun) / board.total
    if elapsed < 2 or share < 0.05 or share >= 1:
        return None
    return elapsed * (1 - share) / share


_BAR: Final = (6, 20)
"""Columns of a bar, at least and at most."""

_WORDS: Final = 8
"""Columns that words need to say anything."""


def ended_line(ended: ItemEnded, board: Board, frame: Frame, width: int) -> Line:
    """An item that has ended: how, and what of."""
    symbol = (status_symbol(ended.status, ascii_only=frame.ascii_only), STATUS_STYLES[ended.status])
    return _words_line(
        symbol, ended.item, board, item_ending_words(ended), duration(ended.seconds), width
    )


def item_ending_words(ended: ItemEnded) -> str:
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
