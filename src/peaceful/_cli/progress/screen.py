"""The picture on a screen, drawn again while it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from peaceful._cli.progress.live_view import Board, Frame, picture
from peaceful._cli.terminal.text import Line, coloured, plain
from peaceful._cli.terminal.writer import Writer
from peaceful._model.clock import Clock
from peaceful._model.event import Event, ExecutionEnded, InterruptRequested
from peaceful._model.execution import ExecutionInfo
from peaceful._model.interrupt import InterruptSignal, InterruptSource
from peaceful._present.text import display_width, one_line
from peaceful.interrupt import SendResult

_BEGIN: Final = "\x1b[?2026h\x1b[?7l"
"""Show nothing until the end; do not wrap lines: a character may be wider than it should be."""

_END: Final = "\x1b[?7h\x1b[?2026l"

_ERASE_LINE: Final = "\x1b[2K"
_ERASE_BELOW: Final = "\x1b[J"


class Screen:
    """Knows what is on the terminal, and tells what has to be written to change it."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._size = (0, 0)

    def change(
        self, lines: Sequence[tuple[str, str]], size: tuple[int, int], above: Sequence[str] = ()
    ) -> str:
        """What to write; empty where nothing has changed.

        Args:
            lines: the picture: for each line its text without colours, and what is written.
            size: the columns and rows that the terminal has now.
            above: lines that are to stay above the picture for good.
        """
        after = list(lines)
        same_size = size == self._size
        if same_size and not above and after == self._lines:
            return ""
        parts = [_BEGIN, self._to_the_top(size[0])]
        if above or not same_size:
            parts.append(_ERASE_BELOW)
            parts += [f"{text}\n" for text in above]
            before: list[tuple[str, str]] = []
        else:
            before = self._lines
        for number, (text, written) in enumerate(after):
            unchanged = number < len(before) and before[number] == (text, written)
            parts.append("\n" if unchanged else f"{_ERASE_LINE}{written}\n")
        if len(before) > len(after):
            parts.append(_ERASE_BELOW)
        parts.append(_END)
        self._lines, self._size = after, size
        return "".join(parts)

    def forget(self) -> None:
        """What is on the terminal is not known any more: the next picture is drawn below it."""
        self._lines = []

    def _to_the_top(self, columns: int) -> str:
        """To the first column of the picture's first line.

        In a terminal that has become narrower, lines that were wider take several now.
        """
        rows = sum(_rows(text, columns) for text, _ in self._lines)
        return f"\x1b[{rows}A\r" if rows else "\r"


def _rows(text: str, columns: int) -> int:
    """How many rows a line takes that a terminal of so many columns wraps."""
    if text.isascii() or display_width(text) <= columns:
        return max(1, -(-len(text) // max(1, columns)))
    rows, used = 1, 0
    for character in text:
        width = display_width(character)
        if used + width > columns:
            # A wide character is not split: it begins the next row.
            rows, used = rows + 1, 0
        used += width
    return rows


_SLOWEST: Final = 0.1
"""Seconds between two pictures while nothing happens: the time that something takes moves on."""

_FASTEST: Final = 1 / 15
"""Seconds between two pictures at least."""

_USUAL_SIZE: Final = (80, 24)


class BarLook(msgspec.Struct, frozen=True):
    """What a picture says beside what happens.

    Attributes:
        title: what is executed, in words, once it is known.
        main_block: the block that needs no name.
        ctrl_c: whether Ctrl-C interrupts.
        closing: whether the picture tells the ending.
        vanishing: whether it is erased at the end, because what comes then tells all that it does.
        color: whether it has colours.
    """

    title: Callable[[ExecutionInfo], str]
    main_block: str = ""
    ctrl_c: bool = True
    closing: bool = False
    vanishing: bool = False
    color: bool = True


class BarSink:
    """Draws a picture of an execution, and draws it again as it changes, in a thread of its own.

    Args:
        writer: the terminal.
        look: what the picture says beside what happens.
        clock: tells the time.
    """

    def __init__(self, writer: Writer, look: BarLook, clock: Clock) -> None:
        self._writer = writer
        self._look = look
        self._clock = clock
        self._board = Board()
        self._screen = Screen()
        self._said: list[str] = []
        self._tick = 0
        self._left = False
        self._spoken = False
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def draws(self) -> bool:
        """Yes."""
        return True

    @property
    def left(self) -> bool:
        """Whether there is a picture, or a line above it."""
        return self._left

    def receive(self, events: Sequence[Event]) -> None:
        """Takes events in; they are drawn a little later."""
        with self._lock:
            for event in events:
                self._board.add(event)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="peaceful-picture", daemon=True)
            self._thread.start()
        if any(isinstance(event, (InterruptRequested, ExecutionEnded)) for event in events):
            self._wake.set()

    def close(self) -> None:
        """Draws the last picture, which stays unless it is to vanish."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self.draw()
            self.redraw()

    def say(self, text: str) -> None:
        """Puts a line above the picture, where it stays."""
        if self._thread is None or self._closed.is_set():
            self._left = self._spoken = True
            self._writer.write(f"{one_line(text)}\n")
            return
        with self._lock:
            self._said.append(one_line(text))

    def pressed(self, signal: InterruptSignal, result: SendResult) -> None:
        """Says what the next press would do, now that there was one."""
        if signal.source is InterruptSource.SIGINT:
            self._board.pressed = True
            self._wake.set()

    def redraw(self) -> None:
        """From now on draws below what is there: something else has written to the terminal."""
        with self._drawing:
            self._screen.forget()

    def draw(self) -> None:
        """Draws the picture as it is now."""
        with self._drawing:
            columns, rows = self._writer.size() or _USUAL_SIZE
            with self._lock:
                said, self._said = self._said, []
                lines = self._picture(columns, rows)
            self._spoken |= bool(said)
            self._left = self._spoken or bool(lines)
            show = coloured if self._look.color else plain
            drawn = [(plain(each), show(each)) for each in lines]
            self._writer.write(self._screen.change(drawn, (columns, rows), said))

    def _picture(self, columns: int, rows: int) -> list[Line]:
        board = self._board
        if board.execution is None or (self._look.vanishing and board.ending is not None):
            return []
        self._tick += 1
        frame = Frame(
            width=columns,
            height=rows - 1,  # below it, the cursor
            now=self._clock.now(),
            tick=self._tick,
            title=self._look.title(board.execution),
            main_block=self._look.main_block,
            ctrl_c=self._look.ctrl_c,
            closing=self._look.closing,
            ascii_only=self._writer.ascii_only,
        )
        return picture(board, frame)

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._writer.in_foreground():
                self.draw()
            if not self._closed.wait(_FASTEST):
                self._wake.wait(_SLOWEST - _FASTEST)
                self._wake.clear()
