"""The last lines of the picture: how far the whole is, and what an interrupt does."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from peaceful.cli._board import Board
from peaceful.cli._frame import Frame
from peaceful.cli._lines import Line, Style, line
from peaceful.cli._wrapping import wrapped
from peaceful.model import (
    CANCEL_AFTER,
    PROCESS_SIGNALS,
    STOP_TIMEOUT,
    ExecutionEnded,
    InterruptLevel,
    InterruptRequested,
    InterruptSource,
    ItemId,
    OutcomeKind,
)
from peaceful.present import (
    display_width,
    duration,
    estimate,
    interrupt_sentence,
    interrupted_how,
    next_press_sentence,
    summarised,
)

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
    return summarised(kind, {}, seconds=seconds, interrupt=ending.interrupt).headline


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
